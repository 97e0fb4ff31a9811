"""How many operations a model takes for one image, layer by layer.

Only layers with products are counted: convolutions, dense layers, weight maps.
A multiply-accumulate is two operations. Nothing is computed: shapes are enough.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import layers

_LARGEST_SIDE = 100_000  # pixels
WEIGHT_MAP_FORMS = ('contracted', 'printed')


class LayerFlops(NamedTuple):
  """Operations of one layer.

  Attributes:
    kind: 'Conv', 'Dense' or 'WeightMap'.
    products: two for each multiply-accumulate; also of those with a one.
    others: additions of biases; with unsharp, the doubling and the difference.
  """

  kind: str
  products: int
  others: int


class Flops(NamedTuple):
  """Operations of a model for one image.

  Attributes:
    layers: by the path of the layer, in the order they were called.
  """

  layers: dict[str, LayerFlops]

  @property
  def total(self) -> int:
    """Two for each multiply-accumulate of all layers."""
    return sum(layer.products for layer in self.layers.values())

  @property
  def total_on_maps(self) -> int:
    """All operations of the layers on maps, biases too, without dense layers.

    With the printed form of weight maps these are the GFLOPS of Table 4 of the
    Weight Map paper, cut off after the digits it prints. `total` is not: with
    kernel 9 it gives .126, where the table has .125.
    """
    return sum(
      layer.products + layer.others
      for layer in self.layers.values()
      if layer.kind != 'Dense'
    )


def _conv(layer: nn.Conv, x, output) -> LayerFlops:
  window = layer.kernel_size
  window = (window,) if isinstance(window, int) else window
  terms = math.prod(window) * x.shape[-1] // layer.feature_group_count
  return LayerFlops(
    'Conv', 2 * terms * output.size, output.size * layer.use_bias
  )


def _dense(layer: nn.Dense, x, output) -> LayerFlops:
  products = 2 * x.shape[-1] * output.size
  return LayerFlops('Dense', products, output.size * layer.use_bias)


def _weight_map(layer: layers.WeightMap, x, output, form) -> LayerFlops:
  """The product of Eq. 1 and the sum of Eq. 4 are no more counted printed."""
  channels, area = x.shape[-1], layer.kernel_size**2
  is_printed = form == 'printed'
  filtered = output.size * (channels if is_printed else 1)
  contraction = 0 if is_printed else 2 * x.size * layer.features
  sharpening = 2 * filtered if layer.variant == 'unsharp' else 0
  return LayerFlops(
    'WeightMap', contraction + 2 * area * filtered, sharpening + output.size
  )


def count_flops(
  model: nn.Module,
  image_shape: tuple[int, ...],
  *,
  weight_map_form: str = 'contracted',
) -> Flops:
  """Counts the operations of `Conv`, `Dense` and `WeightMap` layers.

  A convolution or dense layer takes two operations for each term of each
  output. A weight map from C_in to C_out channels takes, `contracted`, two for
  each weight and two for each one in the square of each output; as `printed`
  (Eq. 2 and 3), two for each one in the square of each of the C_in C_out maps.
  Filters of ones are counted as any filter would be, though both forms can do
  with fewer.

  Args:
    model: a linen module, images to logits.
    image_shape: (H, W, C).
    weight_map_form: 'contracted', as `layers.weight_map` computes it, or
      'printed', as the paper has it.

  Returns:
    The operations for one image, without nonlinearities, normalisation, pooling
    and hooks.

  Raises:
    errors.InputError: on another form, what is no module, or a shape that is
      none.

  Example:
    >>> from robustjax import models
    >>> model = models.create('weight_map_cnn', variant='smoothing')
    >>> count_flops(model, (28, 28, 1)).total
    3017280
    >>> count_flops(model, (28, 28, 1), weight_map_form='printed').total
    13733376

  References:
    Weight Map, Table 4; see `Flops.total_on_maps`.
  """
  errors.check_choice('weight_map_form', weight_map_form, WEIGHT_MAP_FORMS)
  if not isinstance(model, nn.Module):
    expected, got = 'a linen module', type(model).__name__
    raise errors.InputError('model', expected, got)
  if not isinstance(image_shape, tuple | list) or len(image_shape) != 3:
    raise errors.InputError('image_shape', '(H, W, C)', f'{image_shape!r}'[:80])
  for length in image_shape:
    errors.check_integer('image_shape', length, low=1, high=_LARGEST_SIDE)
  counts: dict[str, LayerFlops] = {}

  def record(next_function, args, kwargs, context):
    output = next_function(*args, **kwargs)
    found = None
    if context.method_name == '__call__':
      found = _count_layer(context.module, args, output, weight_map_form)
    if found is not None:
      path = '/'.join(context.module.path)
      before = counts.get(path, LayerFlops(found.kind, 0, 0))
      counts[path] = LayerFlops(
        found.kind,
        before.products + found.products,
        before.others + found.others,
      )
    return output

  image = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
  with nn.intercept_methods(record):
    jax.eval_shape(model.init, jax.random.key(0), image)
  return Flops(counts)


def _count_layer(
  module: nn.Module, args: tuple, output: array_types.Array, form: str
) -> LayerFlops | None:
  """One layer's operations, None for a module that is no such layer."""
  if isinstance(module, nn.Conv):
    return _conv(module, args[0], output)
  if isinstance(module, nn.Dense):
    return _dense(module, args[0], output)
  if isinstance(module, layers.WeightMap):
    return _weight_map(module, args[0], output, form)
  return None
