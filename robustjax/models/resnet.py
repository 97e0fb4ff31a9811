"""Residual networks.

Weight Map, section 4 and Table 2: a small one, of convolutions or weight maps.
"""

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.models import classifier
from robustjax.models import spatial_layer


class ResidualBlock(nn.Module):
  """Two 3x3 layers beside a shortcut: relu(x + second(relu(first(x)))).

  The shortcut is the identity where shapes agree, else a 1x1 convolution.

  Attributes:
    features: number of output channels.
    layers: kinds of the two layers, names in `spatial_layer.LAYER_KINDS`.
    strides: of the first layer and of the shortcut.
    normalize: whether weight maps divide their square of ones by its area.
    batch_norm: whether batch normalisation follows every layer, and the 1x1
      convolution.
    dtype: dtype of the computation; parameters are at least float32.
  """

  features: int
  layers: tuple[str, str] = ('conv', 'conv')
  strides: int = 1
  normalize: bool = False
  batch_norm: bool = False
  dtype: jnp.dtype = jnp.float32

  def _layer(self, kind: str, name: str, **options) -> nn.Module:
    return spatial_layer.SpatialLayer(
      kind,
      self.features,
      normalize=self.normalize,
      batch_norm=self.batch_norm,
      dtype=self.dtype,
      name=name,
      **options,
    )

  @nn.compact
  def __call__(
    self, x: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Maps [B, H, W, C] to [B, ceil(H / strides), .., features], after ReLU."""
    first = self._layer(self.layers[0], 'first', strides=self.strides)
    second = self._layer(self.layers[1], 'second')
    inner = second(nn.relu(first(x, train=train)), train=train)
    if inner.shape != x.shape:
      projection = self._layer(
        'conv', 'projection', kernel_size=1, padding=0, strides=self.strides
      )
      x = projection(x, train=train)
    return nn.relu(x + inner)


class WeightMapResNet(classifier.PooledClassifier):
  """Residual blocks without a stem, mean over the maps, [hooks], dense.

  The first block of every stage but the first halves height and width. At
  28 x 28 x 1, of convolutions, it has 407,234 parameters.

  Attributes:
    layer: what the 3x3 layers are, a name in `spatial_layer.LAYER_KINDS`.
    alternating: whether only the second layer of every block is of that kind,
      and the first a convolution. Projections always are.
    batch_norm: whether batch normalisation precedes every ReLU and every sum.
    normalize: whether weight maps divide their square of ones by its area; the
      paper's do not.
    channels: of the blocks of each stage.
    blocks: number of blocks of each stage.

  The other attributes are those of every `Classifier`.

  References:
    Weight Map, section 4 and Table 2.
  """

  layer: str = 'conv'
  alternating: bool = False
  batch_norm: bool = False
  normalize: bool = False
  channels: tuple[int, ...] = (8, 16, 32, 64)
  blocks: tuple[int, ...] = (3, 4, 6, 4)

  def __post_init__(self):
    errors.check_choice('layer', self.layer, spatial_layer.LAYER_KINDS)
    errors.check_flag('alternating', self.alternating)
    errors.check_flag('batch_norm', self.batch_norm)
    errors.check_flag('normalize', self.normalize)
    classifier.check_sizes('channels', self.channels)
    classifier.check_sizes('blocks', self.blocks)
    if len(self.channels) != len(self.blocks):
      expected = f'{len(self.channels)} numbers, as many as channels'
      raise errors.InputError('blocks', expected, str(self.blocks))
    super().__post_init__()

  def setup(self):
    first = 'conv' if self.alternating else self.layer
    self.stages = [
      [
        ResidualBlock(
          features,
          (first, self.layer),
          strides=2 if stage > 0 and block == 0 else 1,
          normalize=self.normalize,
          batch_norm=self.batch_norm,
          dtype=self.dtype,
        )
        for block in range(count)
      ]
      for stage, (features, count) in enumerate(
        zip(self.channels, self.blocks, strict=True)
      )
    ]
    self.setup_dense()

  def feature_maps(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """The last maps with a place in the image.

    Args:
      images: float [B, H, W, C] in [0, 1].
      train: whether batch normalisation takes its statistics from the batch.

    Returns:
      [B, ceil(H / 8), ceil(W / 8), 64], after ReLU.

    Raises:
      errors.InputError: on anything but such images, or, with weight maps, on
        another size of them than the model was made for.
    """
    x = self.normalized(images)
    for stage in self.stages:
      for block in stage:
        x = block(x, train=train)
    return x
