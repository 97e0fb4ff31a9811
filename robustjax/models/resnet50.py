"""ResNet-50, sized by its input.

The host of NoiseOut's ImageNet experiments; version 1.5, as torchvision has it.
"""

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.models import batch_norm
from robustjax.models import classifier
from robustjax.models import convolution

# Images of at least so many pixels a side get torchvision's stem.
LARGE = 128
_WIDEST = 10_000  # channels of the first stage
# A block's output has so many times the channels of its 3x3 convolution.
EXPANSION = 4


class NormalizedConv(nn.Module):
  """A convolution without bias, then batch normalisation.

  Attributes:
    features: number of output channels.
    kernel_size: side of the kernel; half of it, rounded down, are the rows and
      columns of zeros at every edge.
    strides: distance of neighbouring windows.
    statistics_groups: of `batch_norm.BatchNorm`.
    dtype: dtype of the computation; parameters are at least float32.

  Weights start as Normal(0, 2 / fan-out), fan-out = kernel_size^2 features.
  """

  features: int
  kernel_size: int
  strides: int = 1
  statistics_groups: int = 1
  dtype: jnp.dtype = jnp.float32

  def setup(self):
    self.conv = nn.Conv(
      self.features,
      (self.kernel_size,) * 2,
      strides=(self.strides,) * 2,
      padding=((self.kernel_size // 2,) * 2,) * 2,
      use_bias=False,
      dtype=self.dtype,
      param_dtype=array_types.at_least_float32(self.dtype),
      kernel_init=nn.initializers.variance_scaling(2.0, 'fan_out', 'normal'),
      conv_general_dilated=convolution.convolve,
    )
    self.normalization = batch_norm.BatchNorm(
      self.statistics_groups, dtype=self.dtype
    )

  def __call__(
    self, x: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Maps float [B, H, W, C] to [B, ceil(H / strides), .., features].

    Raises:
      errors.InputError: on anything but such maps.
    """
    errors.check_floats('x', x, '[B, H, W, C]')
    return self.normalization(self.conv(x), train=train)


class BottleneckBlock(nn.Module):
  """Three convolutions beside a shortcut: relu(x + third(relu(...first(x)))).

  The first, 1x1, reduces the channels, the second is 3x3 and has the stride,
  the third, 1x1, expands them. The shortcut is the identity where shapes agree,
  else a 1x1 convolution. Batch normalisation follows every convolution.

  Attributes:
    features: channels of the first two; the third has `EXPANSION` times as
      many.
    strides: of the second convolution and of the shortcut.
    statistics_groups: of `batch_norm.BatchNorm`.
    dtype: dtype of the computation; parameters are at least float32.
  """

  features: int
  strides: int = 1
  statistics_groups: int = 1
  dtype: jnp.dtype = jnp.float32

  def _conv(self, name: str, factor: int, kernel_size: int, strides: int = 1):
    return NormalizedConv(
      factor * self.features,
      kernel_size,
      strides,
      self.statistics_groups,
      self.dtype,
      name=name,
    )

  @nn.compact
  def __call__(
    self, x: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Maps [B, H, W, C] to [B, ceil(H / strides), .., 4 features], >= 0."""
    inner = nn.relu(self._conv('first', 1, 1)(x, train=train))
    second = self._conv('second', 1, 3, self.strides)
    inner = nn.relu(second(inner, train=train))
    inner = self._conv('third', EXPANSION, 1)(inner, train=train)
    if inner.shape != x.shape:
      projection = self._conv('projection', EXPANSION, 1, self.strides)
      x = projection(x, train=train)
    return nn.relu(x + inner)


class _Stem(nn.Module):
  """3x3 for small images; 7x7 with stride 2 and a max-pool for large ones."""

  features: int
  statistics_groups: int
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, images, train):
    is_large = min(images.shape[1:3]) >= LARGE
    layer = NormalizedConv(
      self.features,
      kernel_size=7 if is_large else 3,
      strides=2 if is_large else 1,
      statistics_groups=self.statistics_groups,
      dtype=self.dtype,
    )
    nn.share_scope(self, layer)
    x = nn.relu(layer(images, train=train))
    if not is_large:
      return x
    return nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))


class ResNet50(classifier.PooledClassifier):
  """Stem, four stages of bottleneck blocks, mean over the maps, [hooks], dense.

  | part    | output for 224 x 224 | layers                                   |
  |---------|----------------------|------------------------------------------|
  | stem    | 56 x 56 x 64         | 7x7, stride 2; max-pool 3x3, stride 2    |
  | stage 1 | 56 x 56 x 256        | 3 blocks of 64 channels                  |
  | stage 2 | 28 x 28 x 512        | 4 blocks of 128, stride 2 in the first   |
  | stage 3 | 14 x 14 x 1024       | 6 blocks of 256, stride 2 in the first   |
  | stage 4 | 7 x 7 x 2048         | 3 blocks of 512, stride 2 in the first   |
  | mean    | 2048                 | over the maps: what the hooks read       |

  If the shorter side of the images is below 128 pixels, the stem is one 3x3
  convolution with stride 1, without a pool: maps of 32 x 32 pixels are then
  averaged at 4 x 4. Convolutions have no bias; batch normalisation follows
  each. Of 1000 classes it has 25,557,032 parameters, as torchvision's.

  Attributes:
    mean: subtracted from images; ImageNet's are given by configs.
    deviation: images are then divided by it; the same.
    blocks: number of blocks of each stage.
    width: channels of the stem and of the first stage's blocks, doubled from
      stage to stage.
    statistics_groups: parts of a batch with statistics of their own while
      training; 1 is the global batch. See `batch_norm.BatchNorm`.

  The other attributes are those of every `Classifier`. The dense layer starts
  as U(-s, s), s = 1/sqrt(fan-in), and the scale of every batch normalisation as
  one, that of a block's last too.

  References:
    He et al., Deep residual learning, 2016, Table 1. Variant: the stride is in
    the 3x3 convolution ("version 1.5" of NVIDIA and torchvision), not in the
    first 1x1 one. The stem for small images is theirs for CIFAR-10, section
    4.2.
  """

  blocks: tuple[int, ...] = (3, 4, 6, 3)
  width: int = 64
  statistics_groups: int = 1

  def __post_init__(self):
    errors.check_integer('width', self.width, low=1, high=_WIDEST)
    errors.check_integer('statistics_groups', self.statistics_groups, low=1)
    classifier.check_sizes('blocks', self.blocks)
    super().__post_init__()

  def setup(self):
    options = {
      'statistics_groups': self.statistics_groups,
      'dtype': self.dtype,
    }
    self.stem = _Stem(self.width, **options)
    self.stages = [
      [
        BottleneckBlock(
          self.width * 2**stage,
          strides=2 if stage > 0 and block == 0 else 1,
          **options,
        )
        for block in range(count)
      ]
      for stage, count in enumerate(self.blocks)
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
      [B, ceil(H / 32), ceil(W / 32), 2048] for large images, [B, ceil(H / 8),
      ceil(W / 8), 2048] for small ones; at least 0.

    Raises:
      errors.InputError: on anything but such images; while training, if
        `statistics_groups` does not divide B.
    """
    x = self.stem(self.normalized(images), train)
    for stage in self.stages:
      for block in stage:
        x = block(x, train=train)
    return x
