"""From stored pixels to what models read."""

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors


def to_unit(
  images: array_types.Array, dtype: jnp.dtype = jnp.float32
) -> array_types.Array:
  """uint8 [..., C] in 0..255 to float in [0, 1], the same shape.

  Args:
    images: uint8 of any shape.
    dtype: a float dtype, of the result.

  Returns:
    The images, divided by 255.

  Raises:
    errors.InputError: on images of another dtype, as floats that are in [0, 1]
      already, or a dtype that is no float.
  """
  found = getattr(images, 'dtype', None)
  if found != jnp.uint8:
    got = type(images).__name__ if found is None else f'dtype {found}'
    raise errors.InputError('images', 'uint8 in 0..255', got)
  errors.check_float_dtype('dtype', dtype)
  return jnp.asarray(images).astype(dtype) / 255
