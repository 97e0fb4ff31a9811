"""Noise on the pixels of images float [B, H, W, C] in [0, 1].

The draws of an image depend on the key and on the image's index only, not on
the batch it comes in. Results are in [0, 1], in the dtype of the input. Amounts
may be traced, so that a sweep over amounts compiles once.
"""

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws


def _draw(draw, key, images, index, shape):
  """One draw [B, *shape] per image, float32, in the dtype of the images."""
  keys = draws.image_keys(key, images, index)
  drawn = jax.vmap(lambda k: draw(k, shape, jnp.float32))(keys)
  return drawn.astype(images.dtype)


def gaussian_noise(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Adds Normal(0, amount) to every value and clips to [0, 1].

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    amount: standard deviation, at least 0.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, same shape and dtype.

  Raises:
    errors.InputError: on a negative amount or other images.

  References:
    Noise progression and noisy dropout, degraded test sets.
  """
  errors.check_range('amount', amount)
  noise = _draw(jax.random.normal, key, images, index, images.shape[1:])
  amount = jnp.asarray(amount, images.dtype)
  return jnp.clip(images + amount * noise, 0.0, 1.0)


def salt_and_pepper(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Turns a random share of the pixels, all channels, black or white.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    amount: share of pixels changed, in [0, 1]; half become 0 and half 1.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, same shape and dtype.

  Raises:
    errors.InputError: on an amount outside [0, 1] or other images.

  References:
    Noise progression and noisy dropout, degraded test sets.
  """
  errors.check_range('amount', amount, high=1.0)
  shape = (*images.shape[1:3], 1)
  uniform = _draw(jax.random.uniform, key, images, index, shape)
  amount = jnp.asarray(amount, images.dtype)
  noisy = jnp.where(uniform < amount / 2, jnp.zeros_like(images), images)
  is_salt = (uniform >= amount / 2) & (uniform < amount)
  return jnp.where(is_salt, jnp.ones_like(images), noisy)


def uniform_noise(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Adds U(0, amount) to every value and divides by 1 + amount.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    amount: largest noise, at least 0.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, in [0, 1], same shape and dtype.

  Raises:
    errors.InputError: on a negative amount or other images.

  References:
    Weight map layers, section 4: noise tests. The divisor is the same for every
    image.
  """
  errors.check_range('amount', amount)
  noise = _draw(jax.random.uniform, key, images, index, images.shape[1:])
  amount = jnp.asarray(amount, images.dtype)
  return (images + amount * noise) / (1 + amount)
