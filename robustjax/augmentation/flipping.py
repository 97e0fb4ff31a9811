"""Random flips: images mirrored left to right."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys


def random_flip(
  key: array_types.Key, images: array_types.Array
) -> array_types.Array:
  """Mirrors each image left to right, with probability 1/2.

  What an image draws depends on the key and its place in the batch, not on the
  size of the batch, nor on the number of devices.

  Args:
    key: random key.
    images: [B, H, W, C], any dtype and range.

  Returns:
    The images, same shape and dtype.

  Raises:
    errors.InputError: on what is no key, or another number of axes.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> images = jnp.ones([2, 28, 28, 1])
    >>> random_flip(jax.random.key(0), images).shape
    (2, 28, 28, 1)
  """
  random_keys.check_key('key', key)
  errors.check_pixels('images', images)
  keys = random_keys.example_keys(key, jnp.arange(len(images)))
  # A probability in float32, so that the draws are the same under x64.
  draw = functools.partial(jax.random.bernoulli, p=np.float32(0.5))
  is_flipped = jax.vmap(draw)(keys)
  return jnp.where(is_flipped[:, None, None, None], images[:, :, ::-1], images)
