"""Photographs of 224 x 224 pixels, as ImageNet-C is made from."""

import os

import numpy as np

_SIDE = 224


def load(count: int, data_dir: str | os.PathLike | None) -> np.ndarray:
  """The centres of the first photographs of ImageNet's validation set.

  Args:
    count: number of photographs N.
    data_dir: folder of prepared TFDS data sets, with imagenet2012.

  Returns:
    uint8 [N, 224, 224, 3].
  """
  import tensorflow_datasets as tfds  # pylint: disable=g-import-not-at-top

  source = tfds.data_source(
    'imagenet2012', split='validation', data_dir=data_dir
  )
  images = []
  for item in source.__getitems__(range(count)):
    image = item['image']
    top, left = ((n - _SIDE) // 2 for n in image.shape[:2])
    images.append(image[top : top + _SIDE, left : left + _SIDE])
  return np.stack(images)
