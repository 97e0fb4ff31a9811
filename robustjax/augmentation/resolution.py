"""Training images at a lower resolution, as a Gaussian blur leaves it."""

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.images import filters


def blur_resolution(
  images: array_types.Array, *, sigma: array_types.ArrayLike
) -> array_types.Array:
  """Lowers the resolution of images by a Gaussian blur.

  Args:
    images: float [B, H, W, C], any range.
    sigma: standard deviation in pixels, at least 0; may be traced, so that a
      resolution that changes during training compiles once. The kernel is cut
      at 4 sigma and edge pixels are repeated. 0 leaves images as they are, bit
      for bit, whatever the precision of products.

  Returns:
    The blurred images, same shape and dtype.

  Raises:
    errors.InputError: on a negative sigma, or anything but such images.

  Example:
    >>> import jax.numpy as jnp
    >>> blur_resolution(jnp.ones([1, 8, 8, 3]), sigma=9.0).shape
    (1, 8, 8, 3)

  References:
    Noise progression, Experiment 1: sigma is its sigma_R.
  """
  errors.check_floats('images', images, '[B, H, W, C]')
  images = jnp.asarray(images)
  blurred = filters.gaussian_blur(images, sigma)
  return jnp.where(jnp.asarray(sigma) > 0, blurred, images)
