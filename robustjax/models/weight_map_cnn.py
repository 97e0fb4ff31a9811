"""The three-layer networks of the weight map paper, Tables 1 and 4."""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.layers import gating
from robustjax.layers import initialization
from robustjax.models import classifier
from robustjax.models import fan_in_layers
from robustjax.models import spatial_layer


class Skeleton(NamedTuple):
  """What one row of Table 4 is made of.

  Attributes:
    layer: a name in `spatial_layer.LAYER_KINDS`.
    channels: of the three layers.
    kernel_size: of all three.
    padding: zeros at every edge. With kernel 9 the printed number of parameters
      leaves only 3, so that maps shrink as with kernel 3; unsharp keeps the
      size.
    batch_norm: whether batch normalisation precedes every ReLU.
    scales_input: whether the image is first multiplied by a map of weights.
  """

  layer: str
  channels: tuple[int, ...]
  kernel_size: int = 3
  padding: int = 0
  batch_norm: bool = False
  scales_input: bool = False


_CNN, _WEIGHT_MAP = (33, 33, 8), (32, 32, 8)
WEIGHT_MAP_CNNS = {
  'cnn': Skeleton('conv', _CNN),
  'cnn_wide': Skeleton('conv', (200, 500, 8)),
  'cnn_kernel9': Skeleton('conv', _CNN, kernel_size=9, padding=3),
  'cnn_batchnorm': Skeleton('conv', _CNN, batch_norm=True),
  'cnn_input_scale': Skeleton('conv', _CNN, scales_input=True),
  'smoothing': Skeleton('smoothing', _WEIGHT_MAP),
  'smoothing_batchnorm': Skeleton('smoothing', _WEIGHT_MAP, batch_norm=True),
  'smoothing_kernel9': Skeleton(
    'smoothing', _WEIGHT_MAP, kernel_size=9, padding=3
  ),
  'unsharp': Skeleton('unsharp', _WEIGHT_MAP, padding=1),
}


class InputScale(nn.Module):
  """Multiplies every pixel by a weight of its own, from U(-1, 1) at the start.

  The limit is 1/sqrt(fan-in), as everywhere in the paper's networks.

  Attributes:
    dtype: dtype of the computation; parameters are at least float32.
  """

  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: array_types.Array) -> array_types.Array:
    """Scales images, float [B, H, W, C]; same shape.

    Raises:
      errors.InputError: on anything but such images, or another size than at
        first.
    """
    errors.check_floats('images', images, '[B, H, W, C]')
    if self.has_variable('params', 'kernel'):
      made_for = self.get_variable('params', 'kernel').shape
      if images.shape[1:] != made_for:
        expected = f'shape (B, {", ".join(map(str, made_for))}), as at first'
        raise errors.InputError('images', expected, f'shape {images.shape}')
    init = initialization.fan_in_uniform(1)
    dtype = array_types.at_least_float32(self.dtype)
    kernel = self.param('kernel', init, images.shape[1:], dtype)
    return images.astype(self.dtype) * kernel.astype(self.dtype)[None]


class WeightMapCnn(classifier.Classifier):
  """Three layers on maps, [flattened], dense 64, [penultimate], dense.

  The layers are convolutions or weight maps, each followed by ReLU, as is the
  first dense layer. Maps are flattened channels first. Weight maps, and the
  first dense layer, fit the image size they were made for only. Parameters at
  28 x 28 x 1: 261,070 `cnn`, 1,157,226 `smoothing`, 1,487,178 `unsharp`.

  Attributes:
    variant: a row of Table 4, a name in `WEIGHT_MAP_CNNS`.
    channels: of the three layers, or None for the paper's.
    normalize: whether weight maps divide their square of ones by its area; the
      paper's do not.

  The other attributes are those of every `Classifier`.

  References:
    Weight Map, section 4 and Tables 1 and 4. Padding is in neither; only the
    one used here gives the printed numbers of parameters.
  """

  variant: str = 'smoothing'
  channels: tuple[int, ...] | None = None
  normalize: bool = False

  def __post_init__(self):
    errors.check_choice('variant', self.variant, WEIGHT_MAP_CNNS)
    errors.check_flag('normalize', self.normalize)
    if self.channels is not None:
      classifier.check_sizes('channels', self.channels, length=3)
    super().__post_init__()

  def setup(self):
    skeleton = WEIGHT_MAP_CNNS[self.variant]
    if skeleton.scales_input:
      self.input_scale = InputScale(dtype=self.dtype)
    self.layers = [
      spatial_layer.SpatialLayer(
        skeleton.layer,
        channels,
        kernel_size=skeleton.kernel_size,
        padding=skeleton.padding,
        normalize=self.normalize,
        batch_norm=skeleton.batch_norm,
        dtype=self.dtype,
      )
      for channels in self.channels or skeleton.channels
    ]
    self.dense1 = fan_in_layers.FanInDense(64, dtype=self.dtype)
    self.dense2 = fan_in_layers.FanInDense(self.num_classes, dtype=self.dtype)

  def feature_maps(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """The last maps with a place in the image.

    Args:
      images: float [B, H, W, C] in [0, 1], at least 7 x 7.
      train: whether batch normalisation takes its statistics from the batch.

    Returns:
      [B, H - 6, W - 6, 8], or [B, H, W, 8] with `unsharp`, after ReLU.

    Raises:
      errors.InputError: on anything but such images, or another size of them
        than the model was made for.
    """
    x = self.normalized(images, at_least=7)
    if WEIGHT_MAP_CNNS[self.variant].scales_input:
      x = self.input_scale(x)
    for layer in self.layers:
      x = nn.relu(layer(x, train=train))
    return x

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the hidden states [B, K] before `flattened`."""
    return classifier.channels_first(self.feature_maps(images, train=train))

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The first, affine layer above `flattened`: [B, K] to [B, 64]."""
    return self.dense1(hidden)

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """All that follows `classify_affine`: [B, 64] to logits [B, C]."""
    errors.check_floats('affine', affine, '[B, J]')
    x = gating.apply_layer(self.penultimate, nn.relu(affine), train=train)
    return self.dense2(x.output)
