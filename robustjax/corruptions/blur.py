"""Blurs of images float [B, H, W, C] in [0, 1]; results are in [0, 1]."""

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.images import filters


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
  del key, index
  errors.check_images('images', images)
  errors.check_range('amount', amount)
  return jnp.clip(filters.gaussian_blur(images, amount), 0.0, 1.0)
