"""Zoom of images, float [H, W, ...], with a traced factor."""

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

# A quotient this close to a whole number is one: what is left is rounding.
_SLACK = 1e-4


def _source_places(size: int, factor: array_types.Array):
  """Where the pixels of the zoomed axis come from.

  In whole numbers, so that the weights carry no rounding of the coordinate.

  Returns:
    int32 [size], the pixel before each place, and float32 [size], how far
    beyond it the place lies.
  """
  crop = jnp.ceil(size / factor - _SLACK)
  zoomed = jnp.floor(crop * factor + 0.5 + _SLACK).astype(jnp.int32)
  crop = crop.astype(jnp.int32)
  place = jnp.arange(size) + (zoomed - size) // 2
  steps = jnp.maximum(zoomed - 1, 1)  # the corners stay corners
  before, rest = jnp.divmod(place * (crop - 1), steps)
  fraction = rest.astype(jnp.float32) / steps.astype(jnp.float32)
  return (size - crop) // 2 + before, fraction


def _interpolate(image, before, fraction, axis):
  """Linear interpolation along an axis."""
  shape = [1] * image.ndim
  shape[axis] = -1
  share = fraction.astype(image.dtype).reshape(shape)
  near = jnp.take(image, before, axis=axis, mode='clip')
  far = jnp.take(image, before + 1, axis=axis, mode='clip')
  return near * (1 - share) + far * share


def clipped_zoom(
  image: array_types.Array, factor: array_types.ArrayLike
) -> array_types.Array:
  """Enlarges the middle of an image to the size of the image.

  Args:
    image: float [H, W, ...].
    factor: at least 1; may be traced.

  Returns:
    The zoomed image, same shape and dtype.

  Raises:
    errors.InputError: on a factor below 1, or another image.

  References:
    ImageNet-C generator, `clipped_zoom`: `scipy.ndimage.zoom` of order 1 on the
    central ceil(H / factor) x ceil(W / factor) pixels, corners onto corners,
    then the central H x W pixels. A zoomed size that ends in .5 is rounded up;
    SciPy rounds it as the last bit of the factor falls.
  """
  errors.check_floats('image', image, '[H, W, ...]')
  image = jnp.asarray(image)
  errors.check_number('factor', factor, low=1.0)
  factor = jnp.asarray(factor, jnp.float32)
  for axis in (0, 1):
    places = _source_places(image.shape[axis], factor)
    image = _interpolate(image, *places, axis=axis)
  return image
