"""Data sets by name: TFDS folders, camera traps, scikit-learn's digits.

TFDS is read through `as_data_source`, without TensorFlow, and decoded once: the
arrays are kept as `.npy` files in the user's cache folder and memory-mapped
from there.
"""

import os
import pathlib

import numpy as np

from robustjax import errors
from robustjax import progress
from robustjax.data import array_cache
from robustjax.data import camera_traps
from robustjax.data import data_set

_DIGITS_TEST_SIZE = 360  # of 1797: one fifth
_DIGITS_SIDE = 28
_READ_SIZE = 256  # images decoded per read; only the bar's steps depend on it

DataSet = data_set.DataSet  # its public place
from_arrays = data_set.from_arrays  # likewise


def load(
  name: str,
  split: str,
  *,
  data_dir: str | os.PathLike | None = None,
) -> DataSet:
  """Loads a data set by name.

  Args:
    name: 'digits' for the 1797 handwritten digits that come with scikit-learn
      (8 x 8, resized to 28 x 28), 'iwildcam' for the photographs of
      `camera_traps` in the folder of this name in `data_dir`, or a TFDS name,
      with its config after a slash.
    split: 'train' or 'test' (of the digits, a fixed fifth of each class); of
      iwildcam also 'validation'.
    data_dir: folder with prepared TFDS data sets; $TFDS_DATA_DIR by default,
      else ~/tensorflow_datasets.

  Returns:
    A `DataSet`.

  Raises:
    errors.InputError: if the data set is not prepared, is damaged or in another
      format than array_record, or has no such split.

  Example:
    >>> load('digits', 'test').images.shape
    (360, 28, 28, 1)
  """
  if name == 'digits':
    return _load_digits(split)
  if name == camera_traps.NAME:
    return camera_traps.load(split, data_dir=_root(data_dir))
  folder = prepared_folder(name, data_dir=data_dir)
  try:
    return _load_cached(name, split, folder)
  except errors.InputError:
    raise
  except Exception as error:  # TFDS and array_record raise many types.
    expected = f'an intact data set {name!r}'
    got = f'{folder}: {type(error).__name__}: {_first_line(error)}'
    raise errors.InputError('data_dir', expected, got) from error


def _first_line(error: Exception) -> str:
  return next(iter(str(error).strip().splitlines()), '')


def _load_digits(split: str) -> DataSet:
  import sklearn.datasets  # pylint: disable=g-import-not-at-top
  import sklearn.model_selection

  errors.check_choice('split', split, ('train', 'test'))
  images, labels = sklearn.datasets.load_digits(return_X_y=True)
  parts = sklearn.model_selection.train_test_split(
    images.reshape(-1, 8, 8),
    labels,
    test_size=_DIGITS_TEST_SIZE,
    stratify=labels,
    random_state=0,
  )
  images, labels = parts[split == 'test'], parts[2 + (split == 'test')]
  images = _enlarge(images / 16.0, _DIGITS_SIDE)
  return from_arrays(images, labels, name='digits', split=split)


def _enlarge(images: np.ndarray, side: int) -> np.ndarray:
  """Bilinear enlargement of [N, S, S] to [N, side, side], edges repeated."""
  size = images.shape[1]
  centres = (np.arange(side) + 0.5) * size / side - 0.5
  distance = np.abs(centres.clip(0, size - 1)[:, None] - np.arange(size))
  weights = np.maximum(0.0, 1.0 - distance)
  return np.einsum('ri,nij,cj->nrc', weights, images, weights)


def default_data_dir() -> pathlib.Path:
  """$TFDS_DATA_DIR, or ~/tensorflow_datasets."""
  default = pathlib.Path.home() / 'tensorflow_datasets'
  return pathlib.Path(os.environ.get('TFDS_DATA_DIR') or default).expanduser()


def _root(data_dir: str | os.PathLike | None) -> pathlib.Path:
  return pathlib.Path(data_dir).expanduser() if data_dir else default_data_dir()


def prepared_folder(
  name: str, *, data_dir: str | os.PathLike | None = None
) -> pathlib.Path:
  """The folder of a prepared TFDS data set, newest version.

  TFDS itself would start a download where it finds nothing, so the folder is
  looked for first.

  Args:
    name: a TFDS name, with its config after a slash.
    data_dir: as for `load`.

  Returns:
    The folder that holds its dataset_info.json.

  Raises:
    errors.InputError: if there is none; the message says what to run.
  """
  root = _root(data_dir)
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


def _load_cached(name: str, split: str, folder: pathlib.Path) -> DataSet:
  cache = array_cache.folder_for(split, folder)
  builder = _builder(folder)
  splits = builder.info.splits
  errors.check_choice(f'split of {name}', split, splits)
  num_classes = builder.info.features['label'].num_classes

  def make():
    arrays = _decode(name, split, builder)
    made = from_arrays(*arrays, num_classes=num_classes)
    return made.images, made.labels

  count = splits[split].num_examples
  images, labels = array_cache.read_or_make(cache, count, make)
  return DataSet(name, split, images, labels, num_classes)


def _builder(folder: pathlib.Path):
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


def _decode(name: str, split: str, builder) -> tuple[np.ndarray, np.ndarray]:
  source = builder.as_data_source(split)
  shape = builder.info.features['image'].shape
  if None in shape:
    expected = 'images of one size, small enough to be held in memory'
    raise errors.InputError('dataset', expected, f'{name}: shape {shape}')
  images = np.empty(
    (len(source), *shape), builder.info.features['image'].np_dtype
  )
  labels = np.empty(len(source), np.int32)
  with progress.bar(len(source), f'decoding {name} {split}') as shown:
    for start in range(0, len(source), _READ_SIZE):
      stop = min(start + _READ_SIZE, len(source))
      items = source.__getitems__(range(start, stop))
      images[start:stop] = [item['image'] for item in items]
      labels[start:stop] = [item['label'] for item in items]
      shown.update(stop - start)
  return images, labels
