"""Data sets by name: TFDS folders, camera traps, scikit-learn's digits.

TFDS is read through `as_data_source`, without TensorFlow. Images of one size
are decoded once: the arrays are kept as `.npy` files in the user's cache folder
and memory-mapped from there. Photographs, whose sizes differ, are decoded when
they are asked for.
"""

import os
import pathlib

import numpy as np

from robustjax import errors
from robustjax import progress
from robustjax.data import array_cache
from robustjax.data import camera_traps
from robustjax.data import data_set
from robustjax.data import lazy_images
from robustjax.data import photographs
from robustjax.data import tfds_folders

_DIGITS_TEST_SIZE = 360  # of 1797: one fifth
_DIGITS = 'digits'
_DIGITS_SIDES = (8, 256)  # smallest and largest
_DIGITS_SIDE = 28  # where none is given
_READ_SIZE = 256  # images decoded per read; only the bar's steps depend on it

DataSet = data_set.DataSet  # its public place
from_arrays = data_set.from_arrays  # likewise
prepared_folder = tfds_folders.prepared_folder  # likewise
default_data_dir = tfds_folders.default_data_dir  # likewise


def load(
  name: str,
  split: str,
  *,
  data_dir: str | os.PathLike | None = None,
  side: int | None = None,
) -> DataSet:
  """Loads a data set by name.

  Args:
    name: 'digits' for the 1797 handwritten digits that come with scikit-learn
      (8 x 8, resized to 28 x 28, or to 14 x 14 as 'digits/14'), 'iwildcam' for
      the photographs of `camera_traps` in the folder of this name in
      `data_dir`, or a TFDS name, with its config after a slash.
    split: 'train' or 'test' (of the digits, a fixed fifth of each class); of
      iwildcam also 'validation'. 'test' of imagenet2012, whose test labels are
      not public, and of a data set that has none, is its 'validation'.
    data_dir: folder with prepared TFDS data sets; $TFDS_DATA_DIR by default,
      else ~/tensorflow_datasets.
    side: where the images have several sizes, and only there: H and W of the
      result, `photographs.centre_crop` of each image.

  Returns:
    A `DataSet`. Of images of several sizes, labels are read now and the images,
    `lazy_images.LazyImages` uint8 [N, side, side, 3], when asked for.

  Raises:
    errors.InputError: if the data set is not prepared, is damaged or in another
      format than array_record, has no such split, or a side is given for images
      of one size or none for others.

  Example:
    >>> load('digits', 'test').images.shape
    (360, 28, 28, 1)
  """
  if is_photographs(name, data_dir=data_dir):
    if side is None:
      expected = f'a number of pixels, since the images of {name} vary in size'
      raise errors.InputError('side', expected, 'None')
    return open_lazily(name, split, data_dir=data_dir, side=side)
  if side is not None:
    expected = f'None for {name}, whose images have one size'
    raise errors.InputError('side', expected, repr(side))
  if _is_digits(name):
    return _load_digits(name, split)
  if name == camera_traps.NAME:
    return camera_traps.load(split, data_dir=tfds_folders.root_of(data_dir))
  folder = tfds_folders.prepared_folder(name, data_dir=data_dir)
  with tfds_folders.reading(f'data set {name!r}', folder):
    return _load_cached(name, split, folder)


def load_at(
  name: str,
  split: str,
  *,
  side: int,
  data_dir: str | os.PathLike | None = None,
) -> DataSet:
  """`load`, with a side that images of one size do without.

  Args:
    name: as for `load`.
    split: as for `load`.
    side: H and W of the result where the images have several sizes.
    data_dir: as for `load`.

  Returns:
    A `DataSet`.

  Raises:
    errors.InputError: as `load`.
  """
  has_sizes = is_photographs(name, data_dir=data_dir)
  return load(name, split, data_dir=data_dir, side=side if has_sizes else None)


def is_photographs(
  name: str, *, data_dir: str | os.PathLike | None = None
) -> bool:
  """Whether the images of a data set have several sizes.

  Args:
    name: as for `load`.
    data_dir: as for `load`.

  Returns:
    True where `load` needs a side, and `open_stream` reads.

  Raises:
    errors.InputError: if the data set is not prepared, or damaged.
  """
  tfds_folders.check_name(name)
  if _is_digits(name) or name == camera_traps.NAME:
    return False
  folder = tfds_folders.prepared_folder(name, data_dir=data_dir)
  with tfds_folders.reading(f'data set {name!r}', folder):
    features = tfds_folders.open_builder(folder).info.features
    return None in features['image'].shape


def _is_digits(name: str) -> bool:
  return name.partition('/')[0] == _DIGITS


def _digits_side(name: str) -> int:
  """The side asked for after the slash; 28 where there is no slash."""
  _, has_side, side = name.partition('/')
  low, high = _DIGITS_SIDES
  if not has_side:
    return _DIGITS_SIDE
  if not side.isdecimal() or not low <= int(side) <= high:
    expected = f'digits, or digits/SIDE with a side from {low} to {high}'
    raise errors.InputError('dataset', expected, repr(name))
  return int(side)


def _load_digits(name: str, split: str) -> DataSet:
  import sklearn.datasets  # pylint: disable=g-import-not-at-top
  import sklearn.model_selection

  side = _digits_side(name)
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
  images = _enlarge(images / 16.0, side)
  return from_arrays(images, labels, name=name, split=split)


def _enlarge(images: np.ndarray, side: int) -> np.ndarray:
  """Bilinear enlargement of [N, S, S] to [N, side, side], edges repeated."""
  size = images.shape[1]
  centres = (np.arange(side) + 0.5) * size / side - 0.5
  distance = np.abs(centres.clip(0, size - 1)[:, None] - np.arange(size))
  weights = np.maximum(0.0, 1.0 - distance)
  return np.einsum('ri,nij,cj->nrc', weights, images, weights)


def _load_cached(name: str, split: str, folder: pathlib.Path) -> DataSet:
  builder = tfds_folders.open_builder(folder)
  split = tfds_folders.split_of(name, split, builder)
  cache = array_cache.folder_for(split, folder)
  num_classes = builder.info.features['label'].num_classes

  def make():
    arrays = _decode(name, split, builder)
    made = from_arrays(*arrays, num_classes=num_classes)
    return made.images, made.labels

  count = builder.info.splits[split].num_examples
  images, labels = array_cache.read_or_make(cache, count, make)
  return DataSet(name, split, images, labels, num_classes)


def _decode(name: str, split: str, builder) -> tuple[np.ndarray, np.ndarray]:
  source = builder.as_data_source(split)
  feature = builder.info.features['image']
  images = np.empty((len(source), *feature.shape), feature.np_dtype)
  labels = np.empty(len(source), np.int32)
  with progress.bar(len(source), f'decoding {name} {split}') as shown:
    for start in range(0, len(source), _READ_SIZE):
      stop = min(start + _READ_SIZE, len(source))
      items = source.__getitems__(range(start, stop))
      images[start:stop] = [item['image'] for item in items]
      labels[start:stop] = [item['label'] for item in items]
      shown.update(stop - start)
  return images, labels


def open_lazily(
  name: str,
  split: str,
  *,
  data_dir: str | os.PathLike | None = None,
  side: int | None = None,
) -> DataSet:
  """A TFDS data set whose images are decoded when asked for.

  `load` would hold, and cache, all pixels of images of one size: 7.5 GB per set
  of ImageNet-C.

  Args:
    name: a TFDS name, with its config after a slash.
    split: as for `load`.
    data_dir: as for `load`.
    side: as for `load`; None for images of one size.

  Returns:
    The data set; its labels are read now.

  Raises:
    errors.InputError: as `load`; also when an image is asked for that cannot be
      decoded, with its name.
  """
  records = tfds_folders.Records(name, split, data_dir=data_dir)
  if side is None:
    decode, shape = records.decode, records.feature.shape
  else:
    errors.check_integer('side', side, low=1, high=photographs.LARGEST_SIDE)
    decode, shape = _centres(records, side), (side, side, 3)
  if None in shape:
    expected = 'images of one size'
    raise errors.InputError('dataset', expected, f'{name}: shape {shape}')
  images = lazy_images.one_by_one(decode, (len(records), *shape))
  return DataSet(
    name, records.split, images, records.labels(), records.num_classes
  )


def _centres(records: tfds_folders.Records, side: int):
  def decode(number: int) -> np.ndarray:
    record = records.read(number)
    image = photographs.decode(record.content, record.name)
    return photographs.centre_crop(image, side)

  return decode
