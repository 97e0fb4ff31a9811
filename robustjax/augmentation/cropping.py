"""Random crops: images shifted by a few pixels, zeros where they were not."""

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys


def pad_and_crop(
  key: array_types.Key, images: array_types.Array, *, padding: int
) -> array_types.Array:
  """Pads images with zeros and crops each at random back to its size.

  Each of the (2 padding + 1)^2 places of the crop is as likely as any other.
  What an image draws depends on the key and its place in the batch, not on the
  size of the batch, nor on the number of devices.

  Args:
    key: random key.
    images: [B, H, W, C], any dtype and range in which 0 is black.
    padding: pixels of zeros on each side, fewer than H and W, so that a crop
      always shows a part of its image; static. 0 leaves images as they are.

  Returns:
    The cropped images, same shape and dtype.

  Raises:
    errors.InputError: on what is no key, a padding that is no such integer, or
      another number of axes.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> images = jnp.ones([2, 28, 28, 1])
    >>> pad_and_crop(jax.random.key(0), images, padding=2).shape
    (2, 28, 28, 1)

  References:
    Weight map, section 4.1: MNIST with 2 pixels.
  """
  random_keys.check_key('key', key)
  errors.check_pixels('images', images)
  errors.check_integer('padding', padding, high=min(images.shape[1:3]) - 1)
  if padding == 0:
    return images
  keys = random_keys.example_keys(key, jnp.arange(len(images)))
  margin = ((0, 0), (padding, padding), (padding, padding), (0, 0))

  def crop(key, padded):
    row, column = jax.random.randint(key, (2,), 0, 2 * padding + 1)
    return jax.lax.dynamic_slice(padded, (row, column, 0), images.shape[1:])

  return jax.vmap(crop)(keys, jnp.pad(images, margin))
