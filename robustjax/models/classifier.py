"""What every classifier here has: two hooks, and a head that can be factored.

A classifier takes images float [B, H, W, C] in [0, 1] and normalises them
itself. Its path is cut at what its first dense layer reads:

  feature_maps -> features -> [flattened] -> classify_affine -> classify_rest

with the `penultimate` hook before the last dense layer. `classify` is
`classify_rest` after `classify_affine`, so that attribution, which runs the
affine layer once for all its steps, cannot drift from what is trained.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.layers import gating
from robustjax.models import fan_in_layers

_MOST_CLASSES = 1_000_000
_LARGEST_SIZE = 100_000  # channels or blocks
PerChannel = float | tuple[float, ...]


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


def _as_tuple(value: PerChannel) -> tuple[float, ...]:
  return value if isinstance(value, tuple) else (value,)


def check_layer(field: str, layer: nn.Module | None) -> None:
  """Raises errors.InputError unless it is a linen module or None."""
  if layer is not None and not isinstance(layer, nn.Module):
    expected = 'a layer, or None'
    raise errors.InputError(field, expected, type(layer).__name__)


def check_sizes(field: str, sizes, *, length: int | None = None) -> None:
  """Raises errors.InputError unless they are positive integers, a few.

  Args:
    field: name to report.
    sizes: a tuple, such as the channels of each stage.
    length: how many there must be; None for any number but none.
  """
  is_long = isinstance(sizes, tuple | list) and len(sizes) > 0
  if not is_long or (length is not None and len(sizes) != length):
    expected = f'{length or "some"} integers'
    raise errors.InputError(field, expected, f'{sizes!r}'[:80])
  for size in sizes:
    errors.check_integer(field, size, low=1, high=_LARGEST_SIZE)


def channels_first(maps: array_types.Array) -> array_types.Array:
  """Maps [B, H, W, C] as hidden states [B, C H W].

  Neighbours in the hidden vector are neighbours in the image.
  """
  # The size is told, for -1 cannot be found of an empty batch.
  size = math.prod(maps.shape[1:])
  return maps.transpose(0, 3, 1, 2).reshape(len(maps), size)


class Classifier(nn.Module):
  """A classifier with hooks on two hidden states; abstract.

  A class of its own defines `feature_maps`, `features`, `classify_affine` and
  `classify_rest`.

  Attributes:
    num_classes: number of logits.
    flattened: a layer on what the first dense layer reads, or None.
    penultimate: a layer on what the last dense layer reads, or None.
    dtype: dtype of the computation; parameters are at least float32.
    mean: subtracted from images, one number or one per channel.
    deviation: images are then divided by it, one number or one per channel.

  While training, `apply` needs the rng 'noise' if a hook draws, and 'dropout'
  if the model drops. A model with batch normalisation has the collection
  'batch_stats' beside its parameters, which training passes as mutable.
  """

  num_classes: int = 10
  flattened: nn.Module | None = None
  penultimate: nn.Module | None = None
  dtype: jnp.dtype = jnp.float32
  mean: PerChannel = 0.0
  deviation: PerChannel = 1.0

  def __post_init__(self):
    errors.check_integer(
      'num_classes', self.num_classes, low=2, high=_MOST_CLASSES
    )
    check_layer('flattened', self.flattened)
    check_layer('penultimate', self.penultimate)
    errors.check_float_dtype('dtype', self.dtype)
    for one in _as_tuple(self.mean):
      errors.check_number('mean', one, low=-errors.LARGEST)
    for one in _as_tuple(self.deviation):
      errors.check_number('deviation', one, open_low=True)
    super().__post_init__()

  def normalized(
    self, images: array_types.Array, *, at_least: int = 1
  ) -> array_types.Array:
    """Images as the first layer reads them.

    Args:
      images: float [B, H, W, C] in [0, 1].
      at_least: smallest height and width the model takes.

    Returns:
      The normalised images, in `dtype`.

    Raises:
      errors.InputError: on anything but such images.
    """
    errors.check_images('images', images)
    if min(images.shape[1:3]) < at_least:
      expected = f'images of at least {at_least} x {at_least} pixels'
      raise errors.InputError('images', expected, f'shape {images.shape}')
    mean, deviation = (
      self._per_channel(name, images.shape[-1])
      for name in ('mean', 'deviation')
    )
    return (images.astype(self.dtype) - mean) / deviation

  def _per_channel(self, name: str, channels: int) -> array_types.Array:
    value = _as_tuple(getattr(self, name))
    if len(value) not in (1, channels):
      expected = f'one number, or {channels}: one per channel'
      raise errors.InputError(name, expected, str(value))
    return jnp.asarray(value, self.dtype).reshape(1, 1, 1, -1)

  def feature_maps(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the last maps with a place in the image."""
    raise NotImplementedError

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the hidden states [B, K] before `flattened`."""
    raise NotImplementedError

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The affine layer above `flattened`: [B, K] to [B, J]."""
    raise NotImplementedError

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """All that follows `classify_affine`: [B, J] to logits [B, C]."""
    raise NotImplementedError

  def classify(
    self, hidden: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Hidden states [B, K] after `flattened` to logits [B, C]."""
    return self.classify_rest(self.classify_affine(hidden), train=train)

  def gate(self, hidden: array_types.Array) -> gating.Gated:
    """The `flattened` layer as it is at test, on hidden states [B, K]."""
    return gating.apply_layer(self.flattened, hidden, train=False)

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


class PooledClassifier(Classifier):
  """A classifier whose maps are averaged and read by one dense layer; abstract.

  Both hooks are on the pooled states: `flattened` first, then `penultimate`. A
  class of its own defines `feature_maps`, and in `setup` calls `setup_dense`.
  """

  def setup_dense(self) -> None:
    """Makes the dense layer."""
    self.dense = fan_in_layers.FanInDense(self.num_classes, dtype=self.dtype)

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images [B, H, W, C] to the pooled states [B, K]."""
    return self.feature_maps(images, train=train).mean(axis=(1, 2))

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The dense layer, unless a hook stands before it: then the identity."""
    return self.dense(hidden) if self.penultimate is None else hidden

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """`penultimate` and the dense layer, where they are left: [B, C]."""
    if self.penultimate is None:
      return affine
    x = gating.apply_layer(self.penultimate, affine, train=train).output
    return self.dense(x)
