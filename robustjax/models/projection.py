"""A random projection that stays as it was drawn."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.models import fan_in_layers


class FixedProjection(nn.Module):
  """[B, K] to [B, features] by a matrix from Normal(0, 1/sqrt(K)).

  The matrix, `kernel`, is kept among the parameters and thus in checkpoints; no
  gradient reaches it, and an optimizer without weight decay leaves it alone.

  Attributes:
    features: size of the output.
    dtype: dtype of the computation; the matrix is at least float32.

  References:
    NoiseOut, appendix B.3 and Figure 8, which give no distribution.
  """

  features: int
  dtype: jnp.dtype = jnp.float32

  def __post_init__(self):
    errors.check_integer(
      'features', self.features, low=1, high=fan_in_layers.MOST
    )
    errors.check_float_dtype('dtype', self.dtype)
    super().__post_init__()

  @nn.compact
  def __call__(self, hidden: array_types.Array) -> array_types.Array:
    """Projects hidden states, float [B, K].

    Raises:
      errors.InputError: on anything but such states, or another K than the
        matrix was drawn for.
    """
    errors.check_floats('hidden', hidden, '[B, K]')
    fan_in_layers.check_inputs(self, 'hidden', hidden)
    hidden = jnp.asarray(hidden)
    size = hidden.shape[-1]
    init = nn.initializers.normal(1 / math.sqrt(size))
    dtype = array_types.at_least_float32(self.dtype)
    kernel = self.param('kernel', init, (size, self.features), dtype)
    kernel = jax.lax.stop_gradient(kernel).astype(self.dtype)
    return hidden.astype(self.dtype) @ kernel
