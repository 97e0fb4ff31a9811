"""The MNIST CNN of NoiseOut, with a place for a layer on two hidden states.

NoiseOut, section 4.1: two convolutions, a pool, two dense layers.
"""

import flax.linen as nn

from robustjax import array_types
from robustjax import errors
from robustjax.layers import gating
from robustjax.models import classifier
from robustjax.models import convolution
from robustjax.models import fan_in_layers
from robustjax.models import projection

_LARGEST_HIDDEN = 1_000_000


class MnistCnn(classifier.Classifier):
  """conv 32, conv 64, max-pool, [flattened], dense 128, [penultimate], dense.

  Both convolutions are 3x3 without padding, followed by ReLU. Dropout .25
  follows the pool, dropout .5 the ReLU of the first dense layer. The pooled
  maps are flattened channels first, so that neighbours in the hidden vector are
  neighbours in the image. At 28 x 28 the hidden vector has 9216 states and the
  model 1,199,882 parameters without hooks.

  Attributes:
    mean: of MNIST's training pixels in [0, 1].
    deviation: of the same.
    hidden_size: if not 0, a fixed random projection takes the hidden states to
      this size before `flattened` (NoiseOut, Figure 8). It is drawn with the
      parameters, Normal(0, 1/sqrt(K)), and kept among them, but not trained.

  The other attributes are those of every `Classifier`. While training, `apply`
  needs the rng 'dropout', and 'noise' if a hook does.
  """

  mean: classifier.PerChannel = 0.1307
  deviation: classifier.PerChannel = 0.3081
  hidden_size: int = 0

  def __post_init__(self):
    errors.check_integer('hidden_size', self.hidden_size, high=_LARGEST_HIDDEN)
    super().__post_init__()

  def setup(self):
    self.conv1 = fan_in_layers.FanInConv(32, (3, 3), dtype=self.dtype)
    self.conv2 = fan_in_layers.FanInConv(64, (3, 3), dtype=self.dtype)
    self.pool_dropout = nn.Dropout(0.25)
    if self.hidden_size:
      self.projection = projection.FixedProjection(
        self.hidden_size, dtype=self.dtype
      )
    self.dense1 = fan_in_layers.FanInDense(128, dtype=self.dtype)
    self.dense_dropout = nn.Dropout(0.5)
    self.dense2 = fan_in_layers.FanInDense(self.num_classes, dtype=self.dtype)

  def feature_maps(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """The last maps with a place in the image.

    Args:
      images: float [B, H, W, C] in [0, 1], at least 6 x 6.
      train: makes no difference here.

    Returns:
      [B, (H - 4) // 2, (W - 4) // 2, 64], after ReLU and pool.

    Raises:
      errors.InputError: on anything but such images.
    """
    del train
    x = self.normalized(images, at_least=6)
    x = nn.relu(self.conv1(x))
    # Pool before ReLU: the two commute, and a quarter of the values is left.
    return nn.relu(convolution.max_pool(self.conv2(x), 2))

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the hidden states [B, K] before `flattened`."""
    maps = self.feature_maps(images)
    maps = self.pool_dropout(maps, deterministic=not train)
    hidden = classifier.channels_first(maps)
    return self.projection(hidden) if self.hidden_size else hidden

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The first, affine layer above `flattened`: [B, K] to [B, 128]."""
    return self.dense1(hidden)

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """All that follows `classify_affine`: [B, 128] to logits [B, C]."""
    errors.check_floats('affine', affine, '[B, J]')
    x = self.dense_dropout(nn.relu(affine), deterministic=not train)
    x = gating.apply_layer(self.penultimate, x, train=train).output
    return self.dense2(x)
