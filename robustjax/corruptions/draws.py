"""Keys of their own for the images of a batch.

What an image draws depends on the key and on the image's index only, not on the
batch it comes in, nor on the number of devices.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys


def image_keys(
  key: array_types.Key,
  images: array_types.Array,
  index: array_types.Array | None,
) -> array_types.Key:
  """One key per image.

  Args:
    key: the corruption's key.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    index: int [B], place of each image in its set; None for 0..B-1.

  Returns:
    Keys [B].

  Raises:
    errors.InputError: on other images, or an index of another shape.
  """
  errors.check_images('images', images)
  if index is None:
    index = jnp.arange(len(images))
  if index.shape != images.shape[:1]:
    expected = f'{len(images)} integers'
    raise errors.InputError('index', expected, f'shape {index.shape}')
  return random_keys.example_keys(key, index)


def per_image(
  corrupt: Callable[[array_types.Key, array_types.Array], array_types.Array],
  key: array_types.Key,
  images: array_types.Array,
  index: array_types.Array | None,
) -> array_types.Array:
  """Applies a corruption of one image to a batch.

  Args:
    corrupt: (key, image [H, W, C]) -> image of the same shape. It computes in
      float32 (float64 if the images are), whatever the dtype of the images.
    key: the corruption's key.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    index: int [B], place of each image in its set; None for 0..B-1.

  Returns:
    The corrupted images, clipped to [0, 1], in the dtype of `images`.

  Raises:
    errors.InputError: on other images, or an index of another shape.
  """
  keys = image_keys(key, images, index)
  dtype = array_types.at_least_float32(images.dtype)
  corrupted = jax.vmap(corrupt)(keys, images.astype(dtype))
  return jnp.clip(corrupted, 0.0, 1.0).astype(images.dtype)
