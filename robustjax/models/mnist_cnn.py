"""The MNIST CNN of NoiseOut, with a place for a layer on two hidden states.

NoiseOut, section 4.1: two convolutions, a pool, two dense layers. Images are
float [B, H, W, C] in [0, 1]; the model normalises them itself.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.layers import gating
from robustjax.models import convolution
from robustjax.models import fan_in_layers
from robustjax.models import projection

MEAN = 0.1307  # of MNIST's training pixels in [0, 1]
DEVIATION = 0.3081


class Forward(NamedTuple):
  """What one pass through a classifier computed.

  Attributes:
    hidden: [B, K], the states at the `flattened` hook after noise injection.
    gates: [B, K] of the layer there, None if it has no gates.
    logits: [B, C].
  """

  hidden: array_types.Array
  gates: array_types.Array | None
  logits: array_types.Array


class MnistCnn(nn.Module):
  """conv 32, conv 64, max-pool, [flattened], dense 128, [penultimate], dense.

  Both convolutions are 3x3 without padding, followed by ReLU. Dropout .25
  follows the pool, dropout .5 the ReLU of the first dense layer. The pooled
  maps are flattened channels first, so that neighbours in the hidden vector are
  neighbours in the image. At 28 x 28 the hidden vector has 9216 states and the
  model 1,199,882 parameters without hooks.

  Attributes:
    num_classes: number of logits.
    flattened: a layer on what the first dense layer reads, or None.
    penultimate: a layer on what the last dense layer reads, or None.
    dtype: dtype of the computation; parameters are at least float32.
    hidden_size: if not None, a fixed random projection takes the hidden states
      to this size before `flattened` (NoiseOut, Figure 8). It is drawn with the
      parameters, Normal(0, 1/sqrt(K)), and kept among them, but not trained.

  While training, `apply` needs the rng 'dropout', and 'noise' if a hook does.
  """

  num_classes: int = 10
  flattened: nn.Module | None = None
  penultimate: nn.Module | None = None
  dtype: jnp.dtype = jnp.float32
  hidden_size: int | None = None

  def __post_init__(self):
    errors.check_integer('num_classes', self.num_classes, low=2)
    if self.hidden_size is not None:
      errors.check_integer('hidden_size', self.hidden_size, low=1)
    super().__post_init__()

  def setup(self):
    self.conv1 = fan_in_layers.FanInConv(32, (3, 3), dtype=self.dtype)
    self.conv2 = fan_in_layers.FanInConv(64, (3, 3), dtype=self.dtype)
    self.pool_dropout = nn.Dropout(0.25)
    if self.hidden_size is not None:
      self.projection = projection.FixedProjection(
        self.hidden_size, dtype=self.dtype
      )
    self.dense1 = fan_in_layers.FanInDense(128, dtype=self.dtype)
    self.dense_dropout = nn.Dropout(0.5)
    self.dense2 = fan_in_layers.FanInDense(self.num_classes, dtype=self.dtype)

  def feature_maps(self, images: array_types.Array) -> array_types.Array:
    """The last maps with a place in the image.

    Args:
      images: float [B, H, W, C] in [0, 1], at least 6 x 6.

    Returns:
      [B, (H - 4) // 2, (W - 4) // 2, 64], after ReLU and pool.

    Raises:
      errors.InputError: on anything but such images.
    """
    errors.check_images('images', images)
    if min(images.shape[1:3]) < 6:
      expected = 'images of at least 6 x 6 pixels'
      raise errors.InputError('images', expected, f'shape {images.shape}')
    x = (images.astype(self.dtype) - MEAN) / DEVIATION
    x = nn.relu(self.conv1(x))
    # Pool before ReLU: the two commute, and a quarter of the values is left.
    return nn.relu(convolution.max_pool(self.conv2(x), 2))

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the hidden states [B, K] before `flattened`."""
    maps = self.feature_maps(images)
    maps = self.pool_dropout(maps, deterministic=not train)
    channels_first = maps.transpose(0, 3, 1, 2)
    hidden = channels_first.reshape(channels_first.shape[0], -1)
    return hidden if self.hidden_size is None else self.projection(hidden)

  def gate(self, hidden: array_types.Array) -> gating.Gated:
    """The `flattened` layer as it is at test, on hidden states [B, K]."""
    return gating.apply_layer(self.flattened, hidden, train=False)

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The first, affine layer above `flattened`: [B, K] to [B, 128]."""
    return self.dense1(hidden)

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """All that follows `classify_affine`: [B, 128] to logits [B, C]."""
    x = self.dense_dropout(nn.relu(affine), deterministic=not train)
    x = gating.apply_layer(self.penultimate, x, train=train).output
    return self.dense2(x)

  def classify(
    self, hidden: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Hidden states [B, K] after `flattened` to logits [B, C]."""
    return self.classify_rest(self.classify_affine(hidden), train=train)

  def forward(self, images: array_types.Array, train: bool = False) -> Forward:
    """Images [B, H, W, C] to hidden states, gates and logits."""
    return self.forward_from(self.features(images, train=train), train=train)

  def forward_from(
    self, hidden: array_types.Array, train: bool = False
  ) -> Forward:
    """`forward` from the hidden states [B, K] before `flattened` on."""
    gated = gating.apply_layer(self.flattened, hidden, train=train)
    logits = self.classify(gated.output, train=train)
    return Forward(gated.hidden, gated.gates, logits)

  def __call__(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to logits [B, C]."""
    return self.forward(images, train=train).logits
