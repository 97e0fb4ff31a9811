"""Dense and convolution with the papers' initialisation.

Weights and biases are U(-s, s) with s = 1/sqrt(fan-in), the fan-in taken from
the layer's input. Flax's initialisers see the shape of one parameter and so
cannot know a bias's fan-in; these layers tell them.
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.layers import initialization
from robustjax.models import convolution

MOST = 10_000_000  # features of a layer, channels or classes


def check_inputs(layer: nn.Module, field: str, x: array_types.Array) -> None:
  """Raises errors.InputError on another last axis than the kernel's.

  Args:
    layer: with a parameter `kernel` [..., K, features] of its own, or none yet.
    field: name to report.
    x: [..., K].
  """
  if not layer.has_variable('params', 'kernel'):
    return
  size = layer.get_variable('params', 'kernel').shape[-2]
  if x.shape[-1] != size:
    expected = f'[..., {size}], as the layer was made for'
    raise errors.InputError(field, expected, f'shape {x.shape}')


class FanInDense(nn.Module):
  """`nn.Dense` with weights and bias from U(-s, s), s = 1/sqrt(fan-in).

  Attributes:
    features: size of the output.
    dtype: dtype of the computation; parameters are at least float32.
  """

  features: int
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: array_types.Array) -> array_types.Array:
    """Maps float [..., K] to [..., features].

    Raises:
      errors.InputError: on anything but floats, or another K than at first.
    """
    errors.check_floats('x', x, '[B, ...]')
    check_inputs(self, 'x', x)
    init = initialization.fan_in_uniform(x.shape[-1])
    layer = nn.Dense(
      self.features,
      dtype=self.dtype,
      param_dtype=array_types.at_least_float32(self.dtype),
      kernel_init=init,
      bias_init=init,
    )
    nn.share_scope(self, layer)
    return layer(x)


class FanInConv(nn.Module):
  """`nn.Conv` with weights and bias from U(-s, s), s = 1/sqrt(fan-in).

  Attributes:
    features: number of filters.
    kernel_size: height and width of the kernel.
    padding: 'SAME', 'VALID', or (low, high) per spatial axis.
    strides: vertical and horizontal step between outputs.
    dtype: dtype of the computation; parameters are at least float32.
  """

  features: int
  kernel_size: tuple[int, int]
  padding: str | tuple[tuple[int, int], ...] = 'VALID'
  strides: tuple[int, int] = (1, 1)
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: array_types.Array) -> array_types.Array:
    """Maps float [B, H, W, C] to [B, H', W', features].

    Raises:
      errors.InputError: on anything but such maps, or another C than at first.
    """
    errors.check_floats('x', x, '[B, H, W, C]')
    check_inputs(self, 'x', x)
    fan_in = math.prod(self.kernel_size) * x.shape[-1]
    init = initialization.fan_in_uniform(fan_in)
    layer = nn.Conv(
      self.features,
      self.kernel_size,
      padding=self.padding,
      strides=self.strides,
      dtype=self.dtype,
      param_dtype=array_types.at_least_float32(self.dtype),
      kernel_init=init,
      bias_init=init,
      conv_general_dilated=convolution.convolve,
    )
    nn.share_scope(self, layer)
    return layer(x)
