"""The densely connected network of the weight map paper, Table 3."""

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.models import classifier
from robustjax.models import convolution
from robustjax.models import spatial_layer


class WeightMapDenseNet(classifier.PooledClassifier):
  """A 3x3 layer, stages of dense layers, mean over the maps, [hooks], dense.

  A dense layer, 3x3 and followed by ReLU, reads all maps made so far and adds
  `growth` of its own. Max-pools of 2 x 2, stride 2, stand between the stages.
  Parameters, for ten classes; those of both kinds of weight maps are as many:

  | images        | convolutions | weight maps alternating | weight maps |
  |---------------|--------------|-------------------------|-------------|
  | 28 x 28 x 1   |      288,090 |                 631,042 |   1,082,698 |
  | 32 x 32 x 3   |      288,378 |                 828,930 |   1,548,810 |

  Attributes:
    layer: what the 3x3 layers are, a name in `spatial_layer.LAYER_KINDS`.
    alternating: whether only every second 3x3 layer is of that kind; the very
      first one then is a convolution.
    batch_norm: whether batch normalisation precedes every ReLU.
    normalize: whether weight maps divide their square of ones by its area; the
      paper's do not.
    channels: of the first layer.
    growth: channels that a dense layer adds.
    blocks: number of dense layers of each stage.

  The other attributes are those of every `Classifier`.

  References:
    Weight Map, section 4 and Table 3.
  """

  layer: str = 'conv'
  alternating: bool = False
  batch_norm: bool = False
  normalize: bool = False
  channels: int = 16
  growth: int = 8
  blocks: tuple[int, ...] = (2, 4, 8, 16)

  def __post_init__(self):
    errors.check_choice('layer', self.layer, spatial_layer.LAYER_KINDS)
    super().__post_init__()

  def _layer(self, place: int, features: int) -> nn.Module:
    """The 3x3 layer at a place of the sequence of all of them, from 0."""
    keeps_convolution = self.alternating and place % 2 == 0
    return spatial_layer.SpatialLayer(
      'conv' if keeps_convolution else self.layer,
      features,
      normalize=self.normalize,
      batch_norm=self.batch_norm,
      dtype=self.dtype,
    )

  def setup(self):
    self.first = self._layer(0, self.channels)
    self.dense_layers = [
      self._layer(place, self.growth)
      for place in range(1, 1 + sum(self.blocks))
    ]
    self.setup_dense()

  def feature_maps(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """The last maps with a place in the image.

    Args:
      images: float [B, H, W, C] in [0, 1], at least 8 x 8: each pool halves
        the maps, rounding down.
      train: whether batch normalisation takes its statistics from the batch.

    Returns:
      [B, H // 8, W // 8, 256].

    Raises:
      errors.InputError: on anything but such images, or, with weight maps, on
        another size of them than the model was made for.
    """
    x = self.normalized(images, at_least=2 ** (len(self.blocks) - 1))
    x = nn.relu(self.first(x, train=train))
    layers = iter(self.dense_layers)
    for stage, count in enumerate(self.blocks):
      if stage > 0:
        x = convolution.max_pool(x, 2)
      for _ in range(count):
        added = nn.relu(next(layers)(x, train=train))
        x = jnp.concatenate([x, added], axis=-1)
    return x
