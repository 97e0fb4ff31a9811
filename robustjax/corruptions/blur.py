"""Blurs of images float [B, H, W, C] in [0, 1]; results are in [0, 1]."""

import jax
from jax import lax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws
from robustjax.images import filters
from robustjax.images import resizing

_SMALL_DISK = 8  # up to this radius the generators' grid is fixed
_MAX_RADIUS = 10
_MOST_TERMS = 1000  # of a sum that is written out


def gaussian_blur(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Gaussian blur; nothing about it is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1].
    amount: standard deviation in pixels, at least 0; may be traced.
    index: not used.

  Returns:
    The blurred images, same shape and dtype. It is a matmul over the batch: an
    image in another batch comes out within 2e-6, not bit for bit.

  Raises:
    errors.InputError: on a negative amount or other images.

  References:
    Noise progression, degraded test sets.
  """
  draws.check(key, images, index)
  errors.check_number('amount', amount)
  return jnp.clip(filters.gaussian_blur(images, amount), 0.0, 1.0)


def _disk(radius, alias_blur):
  """A disk of 1 / its area, its rim softened by a Gaussian; [21, 21].

  Softening mirrors at the edge of the generators' grid, which is 17 x 17 for
  small disks and else as wide as the disk. Larger disks are softened over 5 x 5
  pixels instead of 3 x 3.
  """
  radius = jnp.asarray(radius, jnp.float32)
  is_small = radius <= _SMALL_DISK
  edge = jnp.where(is_small, float(_SMALL_DISK), radius)
  place = jnp.arange(-_MAX_RADIUS, _MAX_RADIUS + 1, dtype=jnp.float32)
  shift = jnp.arange(-2, 3, dtype=jnp.float32)
  weight = jnp.exp(-0.5 * jnp.square(shift / alias_blur))
  weight = jnp.where(jnp.abs(shift) <= jnp.where(is_small, 1, 2), weight, 0.0)
  weight /= weight.sum()

  near = jnp.abs(place[:, None] + shift[None, :])
  square = jnp.square(jnp.where(near > edge, 2 * edge - near, near))
  squares = square[:, :, None, None] + square[None, None]
  is_disk = (squares <= jnp.square(radius)).astype(jnp.float32)
  is_grid = (jnp.abs(place) <= edge).astype(jnp.float32)
  area = jnp.einsum('ij,i,j->', is_disk[:, 2, :, 2], is_grid, is_grid)
  soft = jnp.einsum(
    'isjt,s,t,i,j->ij', is_disk, weight, weight, is_grid, is_grid
  )
  return soft / area


def defocus_blur(
  key: array_types.Key,
  images: array_types.Array,
  *,
  radius: array_types.ArrayLike,
  alias_blur: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Blur by a disk with a soft rim; nothing about it is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1].
    radius: of the disk in pixels, at most 10; may be traced. A whole number
      above 8.
    alias_blur: standard deviation in pixels of the Gaussian that softens the
      rim, above 0; may be traced.
    index: not used.

  Returns:
    The blurred images, same shape and dtype.

  Raises:
    errors.InputError: on other parameters or images.

  References:
    ImageNet-C generator, `defocus_blur`.
  """
  errors.check_number('radius', radius, high=_MAX_RADIUS)
  is_known = not isinstance(radius, jax.core.Tracer)
  if is_known and radius > _SMALL_DISK and radius != round(float(radius)):
    expected = f'a whole number above {_SMALL_DISK}'
    raise errors.InputError('radius', expected, f'{radius}')
  errors.check_number('alias_blur', alias_blur, open_low=True)
  kernel = _disk(radius, alias_blur)

  def corrupt(key, image):
    del key
    return filters.filter_image(image, kernel)

  return draws.per_image(corrupt, key, images, index)


def motion_blur(
  key: array_types.Key,
  images: array_types.Array,
  *,
  radius: array_types.ArrayLike,
  sigma: array_types.ArrayLike,
  max_radius: int = 20,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Blur along a line, at a random angle within 45 degrees of the rows.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    radius: half the line's length in pixels; may be traced.
    sigma: standard deviation of the weights along it in pixels, above 0; may be
      traced.
    max_radius: largest radius, static; the time taken is proportional to it.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The blurred images, same shape and dtype.

  Raises:
    errors.InputError: on other parameters or images.

  References:
    ImageNet-C and MNIST-C generators, `motion_blur`: ImageMagick's, see
    `filters.motion_blur`. The port in TensorFlow Datasets draws every angle as
    -45 degrees; here it is uniform, as in the generators.
  """
  errors.check_integer('max_radius', max_radius, low=1, high=_MOST_TERMS)
  errors.check_number('radius', radius, high=max_radius)
  errors.check_number('sigma', sigma, open_low=True)

  def corrupt(key, image):
    angle = jax.random.uniform(key, minval=-45.0, maxval=45.0)
    return filters.motion_blur(
      image, angle, radius=radius, sigma=sigma, max_radius=max_radius
    )

  return draws.per_image(corrupt, key, images, index)


def _zoom_blur(image, step, count, max_count):
  """Mean of an image [H, W, C] and of its `count` zooms."""
  total = image
  for i in range(max_count):
    zoomed = resizing.clipped_zoom(image, 1 + i * step)
    total += jnp.where(i < count, zoomed, jnp.zeros_like(zoomed))
  return total / (count + 1).astype(image.dtype)


def zoom_blur(
  key: array_types.Key,
  images: array_types.Array,
  *,
  step: array_types.ArrayLike,
  count: array_types.ArrayLike,
  max_count: int = 16,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Mean of the image and of zooms into its middle; nothing is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1].
    step: from one zoom factor to the next; may be traced.
    count: number of zoom factors 1, 1 + step, 1 + 2 step, ...; may be traced.
    max_count: largest count, static; the time taken is proportional to it.
    index: not used.

  Returns:
    The blurred images, same shape and dtype.

  Raises:
    errors.InputError: on other parameters or images.

  References:
    ImageNet-C generator, `zoom_blur`. The factor 1 is among the zooms, so the
    image counts twice, as there.
  """
  draws.check(key, images, index)
  errors.check_number('step', step)
  errors.check_integer('max_count', max_count, low=1, high=_MOST_TERMS)
  errors.check_whole('count', count, high=max_count)
  images = jnp.asarray(images)
  step, count = jnp.asarray(step, jnp.float32), jnp.asarray(count, jnp.float32)
  dtype = array_types.at_least_float32(images.dtype)
  # One after the other: an image and its zooms stay in the cache.
  blurred = lax.map(
    lambda image: _zoom_blur(image, step, count, max_count),
    images.astype(dtype),
  )
  return jnp.clip(blurred, 0.0, 1.0).astype(images.dtype)
