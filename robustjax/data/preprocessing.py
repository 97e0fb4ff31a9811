"""From stored pixels to what models read."""

import jax.numpy as jnp

from robustjax import array_types


def to_unit(
  images: array_types.Array, dtype: jnp.dtype = jnp.float32
) -> array_types.Array:
  """uint8 [..., C] in 0..255 to float in [0, 1], the same shape."""
  return images.astype(dtype) / 255
