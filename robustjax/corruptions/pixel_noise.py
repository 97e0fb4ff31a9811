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

# Of the mildest shot noise of ImageNet-C, and of its three strongest, which
# take a fifth of the terms.
_SOME_PHOTONS = 60
_FEW_PHOTONS = 12
_MOST_PHOTONS = 10_000  # beyond, float32 rounds a count now and then
_SMALL_RATE = 10.0  # up to which a Poisson distribution is summed, term by term
_TERMS = 30  # a count above comes once in 10^7 then, as does u = 1 in float32


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
    amount: standard deviation, in [0, 1].
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, same shape and dtype.

  Raises:
    errors.InputError: on an amount outside [0, 1] or other images.

  References:
    Noise progression and noisy dropout, degraded test sets.
  """
  errors.check_number('amount', amount, high=1.0)

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
  errors.check_number('amount', amount, high=1.0)

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
  errors.check_number('amount', amount, high=1.0)

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
  errors.check_number('amount', amount)

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
    photons: the mean count of a value of 1, in (0, 10000]; fewer are noisier.
      May be traced.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, clipped to [0, 1], same shape and dtype.

  Raises:
    errors.InputError: on another number of photons or other images.

  References:
    ImageNet-C, CIFAR-10-C and MNIST-C generators, `shot_noise`. Of more than 60
    photons, counts of mean 10 and more follow the expansion of Giles,
    Algorithm 955, 2016: their distribution function is within 5e-5 of
    Poisson's.
  """
  errors.check_number('photons', photons, high=_MOST_PHOTONS, open_low=True)

  def count(function):
    def corrupt(key, image):
      uniform = draws.uniform(key, image.shape).astype(image.dtype)
      full = jnp.asarray(photons, image.dtype)
      return function(uniform, image * full) / full

    return lambda: draws.per_image(corrupt, key, images, index)

  def up_to(most):
    return count(lambda uniform, rate: _poisson(uniform, rate, most))

  if hasattr(photons, 'shape'):
    bounds = jnp.asarray([_FEW_PHOTONS, _SOME_PHOTONS], jnp.float32)
    branch = jnp.sum(jnp.asarray(photons, jnp.float32) > bounds)
    branches = up_to(_FEW_PHOTONS), up_to(_SOME_PHOTONS), count(_many_photons)
    return jax.lax.switch(branch, branches)
  is_many = photons > _SOME_PHOTONS
  return (count(_many_photons) if is_many else up_to(math.ceil(photons)))()


def _many_photons(uniform, rate):
  """Poisson counts by inversion, of any rate."""
  few = _poisson(uniform, rate, _TERMS)
  return jnp.where(rate <= _SMALL_RATE, few, _large_counts(uniform, rate))


def _large_counts(uniform, rate):
  """Poisson counts of a large rate: a series in 1 / sqrt(rate).

  The normal quantile w of a uniform number goes to a real one whose whole part
  is the count.
  """
  rate = jnp.maximum(rate, _SMALL_RATE)  # the others are not used
  w = draws.normal_quantile(uniform)
  root = jnp.sqrt(rate)
  quantile = rate + root * w + (2 + w**2) / 6
  quantile -= (2 * w + w**3) / (72 * root)
  quantile += (-16 / 810 + 7 * w**2 / 810 + 3 * w**4 / 810) / rate
  return jnp.floor(quantile)


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
    amount: largest noise, in [0, 1].
    renormalize: how. `fixed` divides by 1 + amount, the same for every image;
      `per_image` takes the smallest value of each image to 0 and the largest to
      1, which changes an image that does not span [0, 1] even at amount 0;
      `clip` cuts off what is above 1.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The noisy images, in [0, 1], same shape and dtype.

  Raises:
    errors.InputError: on an amount outside [0, 1], an unknown way to
      renormalise or other images.

  References:
    Weight map layers, section 4: noise tests. "Renormalized to be within the
    range [0, 1]" leaves open how; `fixed` is what benchmarks use.
  """
  errors.check_number('amount', amount, high=1.0)
  errors.check_choice('renormalize', renormalize, _RENORMALIZE)

  def corrupt(key, image):
    noise = draws.uniform(key, image.shape).astype(image.dtype)
    largest = jnp.asarray(amount, image.dtype)
    return _RENORMALIZE[renormalize](image + largest * noise, largest)

  return draws.per_image(corrupt, key, images, index)
