"""AlexNet, sized by its input.

Noise progression trains it on images of 28, 32 and 224 pixels, "the input layer
adjusted to fit the available image resolution".
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.layers import gating
from robustjax.models import classifier
from robustjax.models import convolution
from robustjax.models import fan_in_layers

# Images of at least so many pixels a side get torchvision's strides and pools.
LARGE = 128
_WIDEST = 100.0  # times the paper's
_POOLED = 6  # Side of the maps that torchvision's dense layers read.


def _is_large(images: array_types.Array) -> bool:
  return min(images.shape[1:3]) >= LARGE


class _FirstConv(nn.Module):
  """3x3 for small images; 11x11 with stride 4 for large ones."""

  features: int
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, images):
    options = {'kernel_size': (3, 3), 'padding': 'SAME'}
    if _is_large(images):
      padding = ((2, 2), (2, 2))
      options = {'kernel_size': (11, 11), 'strides': (4, 4), 'padding': padding}
    layer = fan_in_layers.FanInConv(self.features, dtype=self.dtype, **options)
    nn.share_scope(self, layer)
    return layer(images)


def _averaging(size: int) -> np.ndarray:
  """[6, size]: means over six windows of an axis, overlapping if they must."""
  place, window = np.arange(size)[None], np.arange(_POOLED)[:, None]
  first = window * size // _POOLED
  end = -(-(window + 1) * size // _POOLED)
  inside = (first <= place) & (place < end)
  return inside / inside.sum(axis=1, keepdims=True)


def _average_to_six(maps: array_types.Array) -> array_types.Array:
  """Maps [B, H, W, C] to [B, 6, 6, C], PyTorch's adaptive average pool."""
  rows, columns = (
    jnp.asarray(_averaging(size), maps.dtype) for size in maps.shape[1:3]
  )
  return jnp.einsum('ih,bhwc,jw->bijc', rows, maps, columns)


class AlexNet(classifier.Classifier):
  """Five convolutions, [flattened], dense, dense, [penultimate], dense.

  Channels are 64-192-384-256-256, as torchvision has them, dense layers 4096,
  4096 and C; ReLU follows all but the last. Dropout stands before each of the
  first two dense layers. The maps are flattened channels first.

  | layer   | images below 128 pixels | from 128 on, torchvision's    |
  |---------|-------------------------|-------------------------------|
  | conv 1  | 3x3, same               | 11x11, stride 4, padding 2    |
  | pool    | max 2x2                 | max 3x3, stride 2             |
  | conv 2  | 5x5, same               | 5x5, same                     |
  | pool    | max 2x2                 | max 3x3, stride 2             |
  | conv 3  | 3x3, same               | 3x3, same                     |
  | conv 4  | 3x3, same               | 3x3, same                     |
  | conv 5  | 3x3, same               | 3x3, same                     |
  | pool    | max 2x2                 | max 3x3, stride 2             |
  | average | none                    | to 6x6, nothing to do for 224 |

  The shorter side decides. Hidden states K and parameters, without hooks:

  | images        | classes |    K | parameters |
  |---------------|---------|------|------------|
  | 28 x 28 x 1   |      10 | 2304 | 28,710,602 |
  | 32 x 32 x 3   |      10 | 4096 | 36,051,786 |
  | 224 x 224 x 3 |    1000 | 9216 | 61,100,840 |

  Attributes:
    mean: subtracted from images; ImageNet's are given by configs.
    deviation: images are then divided by it; the same.
    width: factor of all channels and dense widths, rounded, at least 1 each;
      below 1 for machines that cannot train the whole.
    dropout: a template, cloned at both places, used instead of
      `nn.Dropout(0.5)`; for example `layers.NoisyDropout(0.2, stddev=0.1)`.

  The other attributes are those of every `Classifier`. `flattened` acts after
  the first dropout. While training, `apply` needs the rng 'dropout', or what
  the layer used instead needs.

  References:
    Noise progression, Table 1, which names AlexNet and no sizes; channels and
    the form for large images are those of Krizhevsky, One weird trick for
    parallelizing convolutional neural networks, 2014, as in torchvision.
  """

  mean: classifier.PerChannel = 0.5
  deviation: classifier.PerChannel = 0.5
  width: float = 1.0
  dropout: nn.Module | None = None

  def __post_init__(self):
    errors.check_number('width', self.width, high=_WIDEST, open_low=True)
    classifier.check_layer('dropout', self.dropout)
    super().__post_init__()

  def _wide(self, size: int) -> int:
    return max(1, round(self.width * size))

  def _conv(self, features: int, side: int) -> nn.Module:
    return fan_in_layers.FanInConv(
      self._wide(features), (side, side), padding='SAME', dtype=self.dtype
    )

  def setup(self):
    self.conv1 = _FirstConv(self._wide(64), self.dtype)
    self.conv2 = self._conv(192, 5)
    self.conv3 = self._conv(384, 3)
    self.conv4 = self._conv(256, 3)
    self.conv5 = self._conv(256, 3)
    dropout = nn.Dropout(0.5) if self.dropout is None else self.dropout
    self.dropout1 = dropout.clone(name=None)
    self.dropout2 = dropout.clone(name=None)
    dense = fan_in_layers.FanInDense
    self.dense1 = dense(self._wide(4096), dtype=self.dtype)
    self.dense2 = dense(self._wide(4096), dtype=self.dtype)
    self.dense3 = dense(self.num_classes, dtype=self.dtype)

  def _drop(self, layer, x, train):
    if self.dropout is None:
      return layer(x, deterministic=not train)
    return gating.apply_layer(layer, x, train=train).output

  def feature_maps(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """The last maps with a place in the image.

    Args:
      images: float [B, H, W, C] in [0, 1], at least 8 x 8.
      train: makes no difference here.

    Returns:
      [B, H', W', 256], after the last pool, before the average: 3 x 3 for 28 x
      28, 4 x 4 for 32 x 32, 6 x 6 for 224 x 224.

    Raises:
      errors.InputError: on anything but such images.
    """
    del train
    x = self.normalized(images, at_least=8)

    def pool(x):
      if _is_large(images):
        return nn.max_pool(x, (3, 3), (2, 2))
      return convolution.max_pool(x, 2)

    # Pool before ReLU: the two commute, and a quarter of the values is left.
    x = nn.relu(pool(self.conv1(x)))
    x = nn.relu(pool(self.conv2(x)))
    x = nn.relu(self.conv4(nn.relu(self.conv3(x))))
    return nn.relu(pool(self.conv5(x)))

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the hidden states [B, K] before `flattened`."""
    maps = self.feature_maps(images)
    if _is_large(images):
      maps = _average_to_six(maps)
    return self._drop(self.dropout1, classifier.channels_first(maps), train)

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The first, affine layer above `flattened`: [B, K] to [B, 4096]."""
    return self.dense1(hidden)

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """All that follows `classify_affine`: [B, 4096] to logits [B, C]."""
    errors.check_floats('affine', affine, '[B, J]')
    x = self._drop(self.dropout2, nn.relu(affine), train)
    x = nn.relu(self.dense2(x))
    x = gating.apply_layer(self.penultimate, x, train=train).output
    return self.dense3(x)
