"""Folders of prepared TFDS data sets, read without TensorFlow."""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import re
from typing import NamedTuple

import numpy as np

from robustjax import errors
from robustjax import progress

# Two parts at most, none of them `.` or `..`.
_NAME = re.compile(r'\w[\w.+-]*(/\w[\w.+-]*)?')
_OTHER_FILES = 1024  # whatever else a process may have open


def default_data_dir() -> pathlib.Path:
  """$TFDS_DATA_DIR, or ~/tensorflow_datasets."""
  default = pathlib.Path.home() / 'tensorflow_datasets'
  given = os.environ.get('TFDS_DATA_DIR') or default
  return errors.as_path('TFDS_DATA_DIR', given)


def root_of(data_dir: str | os.PathLike | None) -> pathlib.Path:
  """`data_dir`, or the default."""
  if data_dir is None or (isinstance(data_dir, str) and not data_dir):
    return default_data_dir()
  return errors.as_path('data_dir', data_dir)


def check_name(name: str) -> None:
  """Raises errors.InputError unless a data set may be called so.

  The name becomes a path, and may come from a file.
  """
  if not isinstance(name, str) or not _NAME.fullmatch(name):
    expected = 'a name of letters, digits, _, . and -, with a config after a /'
    raise errors.InputError('dataset', expected, repr(name)[:80])


def prepared_folder(
  name: str, *, data_dir: str | os.PathLike | None = None
) -> pathlib.Path:
  """The folder of a prepared TFDS data set, newest version.

  TFDS itself would start a download where it finds nothing, so the folder is
  looked for first.

  Args:
    name: a TFDS name, with its config after a slash.
    data_dir: as for `sources.load`.

  Returns:
    The folder that holds its dataset_info.json.

  Raises:
    errors.InputError: if there is none; the message says what to run.
  """
  check_name(name)
  root = root_of(data_dir)
  versions = _versions(root / name)
  if versions:
    return max(versions, key=_version)
  expected = f'a folder with the prepared data set {name!r}'
  configs = [path.name for path in (root / name).glob('*') if _versions(path)]
  if configs:
    got = f'{root}, which has {name} with the configs {", ".join(configs)}'
    raise errors.InputError('data_dir', expected, got)
  command = f'python launch/prepare_data.py {name.partition("/")[0]}'
  got = f'{root}, which has none (run: {command} --data_dir={root})'
  raise errors.InputError('data_dir', expected, got)


def _versions(folder: pathlib.Path) -> list[pathlib.Path]:
  """The prepared versions in the folder of one data set and config."""
  folders = [info.parent for info in folder.glob('*/dataset_info.json')]
  return [f for f in folders if all(p.isdigit() for p in f.name.split('.'))]


def _version(folder: pathlib.Path) -> tuple[int, ...]:
  return tuple(int(part) for part in folder.name.split('.'))


@contextlib.contextmanager
def reading(what: str, folder: pathlib.Path) -> Iterator[None]:
  """Raises errors.InputError, naming `what`, for what damage raises."""
  try:
    yield
  except errors.InputError:
    raise
  except Exception as error:  # TFDS and array_record raise many types.
    expected = f'an intact {what}'
    got = f'{folder}: {type(error).__name__}: {_first_line(error)}'
    raise errors.InputError('data_dir', expected, got) from error


def _first_line(error: Exception) -> str:
  return next(iter(str(error).strip().splitlines()), '')


def open_builder(folder: pathlib.Path):
  """The TFDS builder of a data set that can be read here."""
  import tensorflow_datasets as tfds  # pylint: disable=g-import-not-at-top

  builder = tfds.builder_from_directory(folder)
  features = builder.info.features
  if not {'image', 'label'} <= set(features):
    expected = 'a data set with the features image and label'
    raise errors.InputError('dataset', expected, ', '.join(features))
  file_format = builder.info.file_format.value
  if file_format != 'array_record':
    expected = 'a data set prepared in the format array_record'
    got = f'{folder} in {file_format} (launch/prepare_data.py makes the former)'
    raise errors.InputError('data_dir', expected, got)
  return builder


def split_of(name: str, split: str, builder) -> str:
  """What TFDS calls the split: 'test' may be its validation images."""
  splits = builder.info.splits
  has_test = 'test' in splits and name != 'imagenet2012'
  if split == 'test' and not has_test and 'validation' in splits:
    return 'validation'
  errors.check_choice(f'split of {name}', split, splits)
  return split


def _allow_open_files(num_shards: int) -> None:
  """Raises this process's limit of open files if it is too low, up to its own.

  A shard that was read from stays open. ImageNet has 1024 of them, and the
  usual limit is 1024 files.
  """
  try:
    import resource  # pylint: disable=g-import-not-at-top
  except ImportError:  # Windows, where there is no such limit.
    return
  limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
  needed = num_shards + _OTHER_FILES
  if highest != resource.RLIM_INFINITY:
    needed = min(needed, highest)
  if limit != resource.RLIM_INFINITY and limit < needed:
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, highest))


class Record(NamedTuple):
  """An image as it is stored.

  Attributes:
    content: the bytes of its file.
    label: in [0, num_classes).
    name: what an error calls it.
  """

  content: bytes
  label: int
  name: str


class Records:
  """The images of a prepared data set by their number, not decoded.

  Attributes:
    name: of the data set.
    split: what TFDS calls the split.
    num_classes: number of classes.
    feature: of the images: their shape, and how TFDS decodes one.
  """

  def __init__(
    self, name: str, split: str, *, data_dir: str | os.PathLike | None = None
  ):
    """Opens it, and reads nothing yet; as `sources.load` in all else.

    Raises the process's limit of open files where the shards need it.
    """
    self._folder = prepared_folder(name, data_dir=data_dir)
    with reading(f'data set {name!r}', self._folder):
      import tensorflow_datasets as tfds  # pylint: disable=g-import-not-at-top

      builder = open_builder(self._folder)
      self.name, self.split = name, split_of(name, split, builder)
      _allow_open_files(builder.info.splits[self.split].num_shards)
      self.num_classes = builder.info.features['label'].num_classes
      self.feature = builder.info.features['image']
      self._source = builder.as_data_source(
        self.split, decoders={'image': tfds.decode.SkipDecoding()}
      )

  def __len__(self) -> int:
    return len(self._source)

  def read(self, number: int) -> Record:
    """Reads one; several threads may at once."""
    name = f'record {number} of {self.name} {self.split}'
    with reading(name, self._folder):
      item = self._source[number]
    if 'file_name' in item:
      name = f'{item["file_name"].decode()} ({name})'
    label = int(item['label'])
    if not 0 <= label < self.num_classes:
      last = self.num_classes - 1
      expected = f'integers from 0 to {last} ({self.num_classes} classes)'
      raise errors.InputError('labels', expected, f'{label}: {name}')
    return Record(item['image'], label, name)

  def labels(self) -> np.ndarray:
    """int32 [N]; reads every record."""
    what = f'reading labels of {self.name} {self.split}'
    labels = np.empty(len(self), np.int32)
    with progress.bar(len(self), what) as shown:
      for number in range(len(self)):
        labels[number] = self.read(number).label
        shown.update(1)
    return labels

  def decode(self, number: int) -> np.ndarray:
    """The pixels as TFDS gives them."""
    record = self.read(number)
    with reading(record.name, self._folder):
      return self.feature.decode_example_np(record.content)
