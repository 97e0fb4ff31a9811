"""Noise on the pixels of images float [B, H, W, C] in [0, 1].

The draws of an image depend on the key and on the image's index only, not on
the batch it comes in. Results are in [0, 1], in the dtype of the input. Amounts
may be traced, so that a sweep over amounts compiles once.
"""

import math

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws

MOST_PHOTONS = 60  # of the mildest published shot noise
_FEW_PHOTONS = 12  # of the three strongest: a fifth of the terms


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

  def corrupt(key, image):
    noise = draws.normal(key, image.shape).astype(image.dtype)
    return image + jnp.asarray(amount, image.dtype) * noise

  return draws.per_image(corrupt, key, images, index)


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

  def corrupt(key, image):
    uniform = draws.uniform(key, (*image.shape[:2], 1))
    return _salt_and_pepper(image, uniform, amount)

  return draws.per_image(corrupt, key, images, index)


def _salt_and_pepper(image, uniform, amount):
  amount = jnp.asarray(amount, uniform.dtype)
  noisy = jnp.where(uniform < amount / 2, jnp.zeros_like(image), image)
  is_salt = (uniform >= amount / 2) & (uniform < amount)
  return jnp.where(is_salt, jnp.ones_like(image), noisy)


def impulse_noise(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Turns a random share of the values, each channel by itself, to 0 or 1.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    amount: share of values changed, in [0, 1]; half become 0 and half 1.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, same shape and dtype.

  Raises:
    errors.InputError: on an amount outside [0, 1] or other images.

  References:
    ImageNet-C and MNIST-C generators, `impulse_noise`.
  """
  errors.check_range('amount', amount, high=1.0)

  def corrupt(key, image):
    return _salt_and_pepper(image, draws.uniform(key, image.shape), amount)

  return draws.per_image(corrupt, key, images, index)


def speckle_noise(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Multiplies every value by 1 + Normal(0, amount) and clips to [0, 1].

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    amount: standard deviation of the factor, at least 0.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, same shape and dtype.

  Raises:
    errors.InputError: on a negative amount or other images.

  References:
    ImageNet-C and MNIST-C generators, `speckle_noise`.
  """
  errors.check_range('amount', amount)

  def corrupt(key, image):
    noise = draws.normal(key, image.shape).astype(image.dtype)
    return image + jnp.asarray(amount, image.dtype) * image * noise

  return draws.per_image(corrupt, key, images, index)


def shot_noise(
  key: array_types.Key,
  images: array_types.Array,
  *,
  photons: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Counts photons: every value becomes Poisson(value photons) / photons.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    photons: the mean count of a value of 1, in [0, 60]; fewer are noisier. May
      be traced.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, clipped to [0, 1], same shape and dtype.

  Raises:
    errors.InputError: on another number of photons or other images.

  References:
    ImageNet-C and MNIST-C generators, `shot_noise`.
  """
  errors.check_range('photons', photons, high=MOST_PHOTONS, open_low=True)

  def count(most):
    def corrupt(key, image):
      uniform = draws.uniform(key, image.shape).astype(image.dtype)
      full = jnp.asarray(photons, image.dtype)
      return _poisson(uniform, image * full, most) / full

    return lambda: draws.per_image(corrupt, key, images, index)

  if not hasattr(photons, 'shape'):
    return count(math.ceil(photons))()
  return jax.lax.cond(
    photons <= _FEW_PHOTONS, count(_FEW_PHOTONS), count(MOST_PHOTONS)
  )


def _poisson(uniform, rate, most: int):
  """Poisson counts by inversion, those above `most` as `most`.

  A count above the photons of full white is clipped to 1 later anyway, so few
  terms of the distribution are needed; one draw per value is a third of what
  rejection sampling takes.
  """
  probability = jnp.exp(-rate)
  cumulative = probability
  counts = jnp.zeros_like(rate)
  for number in range(1, most + 1):
    counts += (uniform >= cumulative).astype(rate.dtype)
    probability *= rate / number
    cumulative += probability
  return counts


def _by_image(image):
  """Stretched from 0 to 1; an image of one value is left as it is."""
  low, high = image.min(), image.max()
  is_flat = high == low
  return jnp.where(
    is_flat, image, (image - low) / jnp.where(is_flat, 1, high - low)
  )


# (noisy image [H, W, C], largest noise) -> values in [0, 1], but for `clip`,
# which is what happens to every image.
_RENORMALIZE = {
  'fixed': lambda image, largest: image / (1 + largest),
  'per_image': lambda image, largest: _by_image(image),
  'clip': lambda image, largest: image,
}


def uniform_noise(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  renormalize: str = 'fixed',
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Adds U(0, amount) to every value, then brings them back to [0, 1].

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    amount: largest noise, at least 0.
    renormalize: how. `fixed` divides by 1 + amount, the same for every image;
      `per_image` takes the smallest value of each image to 0 and the largest to
      1, which changes an image that does not span [0, 1] even at amount 0;
      `clip` cuts off what is above 1.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, in [0, 1], same shape and dtype.

  Raises:
    errors.InputError: on a negative amount, an unknown way to renormalise or
      other images.

  References:
    Weight map layers, section 4: noise tests. "Renormalized to be within the
    range [0, 1]" leaves open how; `fixed` is what benchmarks use.
  """
  errors.check_range('amount', amount)
  errors.check_choice('renormalize', renormalize, _RENORMALIZE)

  def corrupt(key, image):
    noise = draws.uniform(key, image.shape).astype(image.dtype)
    largest = jnp.asarray(amount, image.dtype)
    return _RENORMALIZE[renormalize](image + largest * noise, largest)

  return draws.per_image(corrupt, key, images, index)
