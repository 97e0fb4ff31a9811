"""Keys and random numbers of their own for the images of a batch.

What an image draws depends on the key and on the image's index only, not on the
batch it comes in, nor on the number of devices.
"""

from collections.abc import Callable
from collections.abc import Sequence
import math

import jax
from jax.extend import random as extended_random
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys

_IMPLEMENTATION = 'threefry2x32'


def bits(key: array_types.Key, shape: Sequence[int]) -> array_types.Array:
  """Random words, uint32, at less than half of what `jax.random.bits` costs.

  JAX hashes a 64-bit counter for every word, so that an array of draws can be
  split among devices. An image's draws never are, so here every hash gives the
  two words it is good for.

  Args:
    key: a threefry key, as `image_keys` gives.
    shape: of the result.

  Returns:
    uint32 of this shape.
  """
  count = jnp.arange(math.prod(shape), dtype=jnp.uint32)
  words = extended_random.threefry_2x32(jax.random.key_data(key), count)
  return words.reshape(shape)


def uniform(key: array_types.Key, shape: Sequence[int]) -> array_types.Array:
  """float32 in [0, 1), multiples of 2^-23; see `bits`."""
  mantissa = bits(key, shape) >> 9
  one_to_two = jax.lax.bitcast_convert_type(
    mantissa | jnp.uint32(0x3F800000), jnp.float32
  )
  return one_to_two - 1


def normal(key: array_types.Key, shape: Sequence[int]) -> array_types.Array:
  """float32, standard normal, by inversion; see `bits`."""
  return normal_quantile(uniform(key, shape))


def normal_quantile(drawn: array_types.Array) -> array_types.Array:
  """Standard normal numbers from those of `uniform`, increasing with them."""
  middle = 2 * drawn - (1 - 2**-23)  # Symmetric, never +-1.
  return jnp.sqrt(jnp.asarray(2, drawn.dtype)) * jax.lax.erf_inv(middle)


def _as_threefry(key: array_types.Key) -> array_types.Key:
  """Other keys give other numbers under `vmap` than alone."""
  if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
    key = jax.random.wrap_key_data(key)
  if str(jax.random.key_impl(key)) == _IMPLEMENTATION:
    return key
  words = jax.random.bits(key, (2,), jnp.uint32)
  return jax.random.wrap_key_data(words, impl=_IMPLEMENTATION)


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
    Threefry keys [B].

  Raises:
    errors.InputError: on what is no key, other images or another index.
  """
  check(key, images, index)
  if index is None:
    index = jnp.arange(len(images))
  return random_keys.example_keys(_as_threefry(key), index)


def check(
  key: array_types.Key,
  images: array_types.Array,
  index: array_types.Array | None,
) -> None:
  """Raises errors.InputError unless they are what every corruption takes."""
  random_keys.check_key('key', key)
  errors.check_images('images', images)
  if index is not None:
    errors.check_labels('index', index, size=len(images))


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
    errors.InputError: on what is no key, other images or another index.
  """
  keys = image_keys(key, images, index)
  images = jnp.asarray(images)  # NumPy's float64 as the float there is.
  dtype = array_types.at_least_float32(images.dtype)
  corrupted = jax.vmap(corrupt)(keys, images.astype(dtype))
  return jnp.clip(corrupted, 0.0, 1.0).astype(images.dtype)


def check_size(images: array_types.Array, least: int) -> None:
  """Raises InputError on images of fewer than `least` rows or columns."""
  errors.check_images('images', images)
  if min(images.shape[1:3]) < least:
    expected = f'at least {least} x {least} pixels'
    raise errors.InputError('images', expected, f'shape {images.shape}')
