"""A convolution or a weight map in its place, with batch normalisation.

Weight Map, section 4: baseline and variants share their skeleton; the layers on
maps are convolutions in the one and weight maps in the other.
"""

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import layers
from robustjax.models import fan_in_layers

LAYER_KINDS = ('conv', *layers.WEIGHT_MAP_VARIANTS)


class SpatialLayer(nn.Module):
  """Convolution or weight map, then batch normalisation if wanted.

  Attributes:
    kind: a name in `LAYER_KINDS`.
    features: number of output channels.
    kernel_size: side of the kernel, or of the square of ones.
    strides: distance of neighbouring windows.
    padding: rows and columns of zeros at every edge.
    normalize: whether a weight map divides its square of ones by its area.
    batch_norm: whether batch normalisation follows.
    dtype: dtype of the computation; parameters are at least float32.
  """

  kind: str
  features: int
  kernel_size: int = 3
  strides: int = 1
  padding: int = 1
  normalize: bool = False
  batch_norm: bool = False
  dtype: jnp.dtype = jnp.float32

  def __post_init__(self):
    errors.check_choice('layer', self.kind, LAYER_KINDS)
    super().__post_init__()

  def setup(self):
    self.layer = self._convolution() if self.kind == 'conv' else self._map()
    if self.batch_norm:
      self.normalization = nn.BatchNorm(
        momentum=0.9, epsilon=1e-5, dtype=self.dtype
      )

  def _convolution(self) -> nn.Module:
    return fan_in_layers.FanInConv(
      self.features,
      (self.kernel_size,) * 2,
      strides=(self.strides,) * 2,
      padding=((self.padding,) * 2,) * 2,
      dtype=self.dtype,
    )

  def _map(self) -> nn.Module:
    return layers.WeightMap(
      self.features,
      self.kind,
      self.kernel_size,
      self.strides,
      self.padding,
      self.normalize,
      dtype=self.dtype,
    )

  def __call__(
    self, x: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Maps float [B, H, W, C] to [B, H', W', features], before ReLU.

    Raises:
      errors.InputError: on anything but such maps.
    """
    errors.check_floats('x', x, '[B, H, W, C]')
    x = self.layer(x)
    if not self.batch_norm:
      return x
    return self.normalization(x, use_running_average=not train)
