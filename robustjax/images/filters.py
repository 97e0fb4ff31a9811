"""Gaussian blur of images [B, H, W, C], any float dtype, with a traced width.

Blurring along an axis of H pixels is a product with an [H, H] matrix, which any
width fits: a sweep over widths, or a width that changes during training,
compiles once.
"""

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

_TRUNCATE = 4.0  # in standard deviations
_LONGEST = 4  # times the size: how far beyond an edge the kernel is summed


def blur_matrix(size: int, sigma: array_types.ArrayLike) -> array_types.Array:
  """The matrix that blurs along an axis, with edge pixels repeated outward.

  Args:
    size: number of pixels H.
    sigma: standard deviation in pixels, at least 0; may be traced. Up to about
      `size`; beyond, the kernel is cut at 4 `size` instead of 4 `sigma`.

  Returns:
    float32 [H, H]; rows sum to 1. The identity for sigma 0.
  """
  sigma = jnp.asarray(sigma, jnp.float32)
  distance = jnp.arange(_LONGEST * size, dtype=jnp.float32)
  exponent = -0.5 * jnp.square(distance / jnp.maximum(sigma, 1e-6))
  is_inside = distance <= jnp.floor(_TRUNCATE * sigma + 0.5)
  kernel = jnp.where(is_inside, jnp.exp(exponent), 0.0)

  place = jnp.arange(size)
  matrix = kernel[jnp.abs(place[:, None] - place[None, :])]
  if size == 1:
    return jnp.ones_like(matrix)
  # The edge pixels stand for all that lies beyond them.
  tail = jnp.cumsum(kernel[::-1])[::-1]
  matrix = matrix.at[:, 0].set(tail[:size])
  matrix = matrix.at[:, -1].set(tail[:size][::-1])
  return matrix / matrix.sum(axis=1, keepdims=True)


def gaussian_blur(
  images: array_types.Array, sigma: array_types.ArrayLike
) -> array_types.Array:
  """Gaussian blur, the kernel cut at 4 sigma and edge pixels repeated.

  Args:
    images: [B, H, W, C].
    sigma: standard deviation in pixels, at least 0; may be traced.

  Returns:
    The blurred images, same shape and dtype.

  Raises:
    errors.InputError: on a negative sigma, or another number of axes.
  """
  errors.check_range('sigma', sigma)
  if images.ndim != 4:
    raise errors.InputError('images', '[B, H, W, C]', f'shape {images.shape}')
  rows = blur_matrix(images.shape[1], sigma).astype(images.dtype)
  columns = blur_matrix(images.shape[2], sigma).astype(images.dtype)
  return jnp.einsum('ih,bhwc,jw->bijc', rows, images, columns)
