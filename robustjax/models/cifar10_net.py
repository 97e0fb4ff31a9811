"""CIFAR10Net of the noisy dropout paper: AlexNet cut down to small images.

Examining Input Noise Injection During Dropout for Robust CIFAR Dataset Image
Recognition, section 3.1.1 and Figure 1: four convolutions, three dense layers.
"""

import flax.linen as nn

from robustjax import array_types
from robustjax import errors
from robustjax.layers import gating
from robustjax.models import classifier
from robustjax.models import convolution
from robustjax.models import fan_in_layers


class Cifar10Net(classifier.Classifier):
  """Four convolutions, [flattened], dense 512, 256, [penultimate], dense.

  Convolutions are 5x5 with 32, 64, 128 and 256 channels, padded to the same
  size, followed by ReLU, the first three also by a 2x2 max-pool. `dropout`
  follows the third and the fourth. The maps are flattened channels first. At 32
  x 32 x 3 the hidden vector has 4096 states and the model 3,309,642 parameters
  without hooks.

  The paper says that dropout is "applied in the third and fourth layer"; here
  it comes after the pool of the third, not before it, where the largest of four
  neighbours would hide most of what is dropped. Widths are ours, too: the
  paper's stand in a figure only. As printed, the output is a sigmoid for each
  class, which is the loss's business: the model gives logits.

  Attributes:
    dropout: the layer used after conv 3 and conv 4, a template cloned at both
      places, such as `layers.NoisyDropout(0.2, stddev=0.007975)`, or None.
    mean: subtracted from images; the paper gives none.
    deviation: images are then divided by it; the same.

  The other attributes are those of every `Classifier`. While training, `apply`
  needs the rng 'noise' if a hook or `dropout` draws.
  """

  mean: classifier.PerChannel = 0.5
  deviation: classifier.PerChannel = 0.5
  dropout: nn.Module | None = None

  def __post_init__(self):
    classifier.check_layer('dropout', self.dropout)
    super().__post_init__()

  def setup(self):
    conv, dense = fan_in_layers.FanInConv, fan_in_layers.FanInDense
    same = {'kernel_size': (5, 5), 'padding': 'SAME', 'dtype': self.dtype}
    self.conv1, self.conv2 = conv(32, **same), conv(64, **same)
    self.conv3, self.conv4 = conv(128, **same), conv(256, **same)
    if self.dropout is not None:
      self.dropout3 = self.dropout.clone(name=None)
      self.dropout4 = self.dropout.clone(name=None)
    self.dense1 = dense(512, dtype=self.dtype)
    self.dense2 = dense(256, dtype=self.dtype)
    self.dense3 = dense(self.num_classes, dtype=self.dtype)

  def feature_maps(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """The last maps with a place in the image.

    Args:
      images: float [B, H, W, C] in [0, 1], at least 8 x 8.
      train: whether the model is training.

    Returns:
      [B, H // 8, W // 8, 256], after ReLU and before the second dropout.

    Raises:
      errors.InputError: on anything but such images.
    """
    x = self.normalized(images, at_least=8)
    for conv in (self.conv1, self.conv2, self.conv3):
      # Pool before ReLU: the two commute, and a quarter of the values is left.
      x = nn.relu(convolution.max_pool(conv(x), 2))
    if self.dropout is not None:
      x = gating.apply_layer(self.dropout3, x, train=train).output
    return nn.relu(self.conv4(x))

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the hidden states [B, K] before `flattened`."""
    x = self.feature_maps(images, train=train)
    if self.dropout is not None:
      x = gating.apply_layer(self.dropout4, x, train=train).output
    return classifier.channels_first(x)

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The first, affine layer above `flattened`: [B, K] to [B, 512]."""
    return self.dense1(hidden)

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """All that follows `classify_affine`: [B, 512] to logits [B, C]."""
    errors.check_floats('affine', affine, '[B, J]')
    x = nn.relu(self.dense2(nn.relu(affine)))
    x = gating.apply_layer(self.penultimate, x, train=train).output
    return self.dense3(x)
