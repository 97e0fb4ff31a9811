"""Images and their labels as arrays.

Images are uint8 [N, H, W, C], labels int32 [N].
"""

from typing import NamedTuple

import numpy as np

from robustjax import errors

_MOST_CLASSES = 1_000_000


class DataSet(NamedTuple):
  """Images and labels, in host memory or mapped into it from a file.

  Attributes:
    name: what reports call it, such as 'mnist' or 'mnist_corrupted/fog'.
    split: 'train', 'validation' or 'test'.
    images: uint8 [N, H, W, C].
    labels: int32 [N], each in [0, num_classes).
    num_classes: number of classes.
  """

  name: str
  split: str
  images: np.ndarray
  labels: np.ndarray
  num_classes: int


def from_arrays(
  images: np.ndarray,
  labels: np.ndarray,
  *,
  num_classes: int | None = None,
  name: str = 'arrays',
  split: str = 'test',
) -> DataSet:
  """A data set from arrays of one's own.

  Args:
    images: uint8 [N, H, W, C] or [N, H, W]; or float in [0, 1], which is
      rounded to 256 levels.
    labels: integers [N].
    num_classes: number of classes; the largest label plus one by default.
    name: what reports call it.
    split: 'train', 'validation' or 'test'.

  Returns:
    A `DataSet`.

  Raises:
    errors.InputError: on other shapes or dtypes, floats outside [0, 1], labels
      outside [0, num_classes), or no images at all.
  """
  images, labels = _as_array('images', images), _as_array('labels', labels)
  images = images[..., None] if images.ndim == 3 else images
  if images.ndim != 4 or not images.size:
    expected = 'at least one image, [N, H, W, C]'
    raise errors.InputError('images', expected, f'shape {images.shape}')
  if labels.shape != images.shape[:1] or labels.dtype.kind not in 'iu':
    expected = f'{len(images)} integers'
    got = f'shape {labels.shape}, dtype {labels.dtype}'
    raise errors.InputError('labels', expected, got)
  for field, value in (('name', name), ('split', split)):
    if not isinstance(value, str):
      raise errors.InputError(field, 'a name', f'{type(value).__name__}')
  if num_classes is not None:
    errors.check_integer('num_classes', num_classes, low=1, high=_MOST_CLASSES)
  errors.check_labels(
    'labels', labels, size=len(images), num_classes=num_classes
  )
  if num_classes is None:
    num_classes = int(labels.max()) + 1
  errors.check_integer('classes of labels', num_classes, high=_MOST_CLASSES)
  return DataSet(
    name, split, _to_uint8(images), labels.astype(np.int32), num_classes
  )


def _as_array(field: str, value) -> np.ndarray:
  try:
    return np.asarray(value)
  except (TypeError, ValueError) as error:  # Such as rows of several lengths.
    expected = 'an array'
    raise errors.InputError(field, expected, type(value).__name__) from error


def _to_uint8(images: np.ndarray) -> np.ndarray:
  if images.dtype == np.uint8:
    return images
  expected = 'uint8, or float in [0, 1]'
  if images.dtype.kind != 'f':
    raise errors.InputError('images', expected, f'dtype {images.dtype}')
  if not (images.min() >= 0 and images.max() <= 1):
    got = f'values from {images.min():g} to {images.max():g}'
    raise errors.InputError('images', expected, got)
  return np.rint(images * 255).astype(np.uint8)
