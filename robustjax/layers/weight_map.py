r"""Weight maps: every place of an image has weights of its own, then a box.

Weight Map, section 3. A convolution shares its weights over places; a weight
map does not. Each input channel is multiplied by one map of weights per output
channel, elementwise, and what comes out is summed over a window of ones. As it
does not share weights, a weight map fits one image size only.

Printed, the maps of all pairs of channels stand in memory, [B, H, W, C_in,
C_out], and each is filtered. But the sum over c_in commutes with the box, which
is the same for all: here the channels are summed first, one matrix product per
place for the whole batch, and C_out maps are filtered instead of C_in C_out.

Maps are [B, H, W, C], any float dtype; sums are taken in at least float32.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.layers import initialization

WEIGHT_MAP_VARIANTS = ('smoothing', 'unsharp')

Padding = int | str


def _check_options(variant, kernel_size, strides, padding, normalize) -> None:
  errors.check_choice('variant', variant, WEIGHT_MAP_VARIANTS)
  errors.check_integer('kernel_size', kernel_size, low=1)
  errors.check_integer('strides', strides, low=1)
  if isinstance(padding, str):
    errors.check_choice('padding', padding, ('SAME', 'VALID'))
  else:
    errors.check_integer('padding', padding)
  errors.check_flag('normalize', normalize)
  keeps_size = padding in ('SAME', (kernel_size - 1) / 2)
  if variant == 'unsharp' and not keeps_size:
    expected = "one that keeps the size, 'SAME', with unsharp"
    raise errors.InputError('padding', expected, repr(padding))


def _check_axes(field, array, axes) -> None:
  errors.check_states(field, array, min_ndim=0)
  if array.ndim != len(axes.split()):
    raise errors.InputError(field, f'[{axes}]', f'shape {array.shape}')


def _check_maps(x) -> None:
  _check_axes('x', x, 'B, H, W, C')


def _check_size(x, kernel_shape) -> None:
  """Raises unless maps [B, H, W, C_in] fit weights [H, W, C_in, C_out]."""
  height, width, channels = kernel_shape[:3]
  if x.shape[1:] != (height, width, channels):
    expected = (
      f'maps of {height} x {width} with {channels} channels, which this weight'
      ' map was made for'
    )
    got = '{} x {} with {} channels'.format(*x.shape[1:])
    raise errors.InputError('x', expected, got)


def _pads(size, variant, kernel_size, strides, padding) -> tuple[int, int]:
  """Zeros before and after an axis of `size` places."""
  if padding == 'VALID':
    return 0, 0
  if padding != 'SAME':
    return padding, padding
  # Unsharp: the same whatever the stride, so that the middles of the windows
  # are the places 0, strides, 2 strides, ...
  strides = 1 if variant == 'unsharp' else strides
  total = (-(-size // strides) - 1) * strides + kernel_size - size
  total = max(total, 0)
  return total // 2, total - total // 2


def _output_size(size, kernel_size, strides, pads) -> int:
  found = (size + sum(pads) - kernel_size) // strides + 1
  if found < 1:
    expected = f'at least {kernel_size} places along an axis, with padding'
    raise errors.InputError('x', expected, f'{size + sum(pads)}')
  return found


def _output_sizes(sizes, variant, kernel_size, strides, padding):
  """Height and width of what a weight map makes of maps of these `sizes`."""
  return tuple(
    _output_size(
      size,
      kernel_size,
      strides,
      _pads(size, variant, kernel_size, strides, padding),
    )
    for size in sizes
  )


def _window_sums(maps, axis, kernel_size, strides, pads):
  def at_axis(value, other):
    return [value if i == axis else other for i in range(maps.ndim)]

  return jax.lax.reduce_window(
    maps,
    np.zeros((), maps.dtype),
    jax.lax.add,
    at_axis(kernel_size, 1),
    at_axis(strides, 1),
    at_axis(pads, (0, 0)),
  )


def _box_sums(maps, kernel_size, strides, pads):
  """Sums over squares of the first two axes, along one after the other."""
  for axis in (0, 1):
    maps = _window_sums(maps, axis, kernel_size, strides, pads[axis])
  return maps


def weight_map(
  x: array_types.Array,
  kernel: array_types.Array,
  bias: array_types.Array,
  *,
  variant: str,
  kernel_size: int,
  strides: int = 1,
  padding: Padding,
  normalize: bool = False,
) -> array_types.Array:
  r"""Weighs every place by weights of its own, then sums or sharpens.

  .. math::
    M^{(c_o)} = \sum_{c_i} W^{(c_i, c_o)} \odot x^{(c_i)}, \qquad
    o = M * k + b \text{ or } o = 2 M - M * k + b

  with k a square of ones: `smoothing` and `unsharp`. No gradient is cut.

  Args:
    x: maps [B, H, W, C_in].
    kernel: weights [H, W, C_in, C_out], in any float dtype.
    bias: [H', W', C_out], one per place of the output.
    variant: a name in `WEIGHT_MAP_VARIANTS`.
    kernel_size: side of the square of ones, at least 1.
    strides: distance of neighbouring windows, at least 1.
    padding: zeros around the weighed maps: a number, 'SAME' or 'VALID'. With
      `unsharp` it must keep the size, and places 0, strides, 2 strides, ... of
      the result without strides are returned.
    normalize: whether the square of ones is divided by its area. The paper's
      is not.

  Returns:
    [B, H', W', C_out], in the dtype of x.

  Raises:
    errors.InputError: on maps of another size than the weights', on maps with
      their padding smaller than the window, on what are no floats, and on bad
      options.

  Example:
    >>> import jax.numpy as jnp
    >>> x, bias = jnp.ones([2, 5, 5, 1]), jnp.zeros([3, 3, 4])
    >>> kernel = jnp.ones([5, 5, 1, 4])
    >>> weight_map(
    ...   x, kernel, bias, variant='smoothing', kernel_size=3, padding='VALID'
    ... ).shape
    (2, 3, 3, 4)

  References:
    Weight Map, section 3, Eq. 1-4, the sum over c_in taken first. The paper's
    variant in all but that order of summation; it has no strides.
  """
  _check_options(variant, kernel_size, strides, padding, normalize)
  _check_maps(x)
  _check_axes('kernel', kernel, 'H, W, C_in, C_out')
  errors.check_states('bias', bias, min_ndim=0)
  _check_size(x, kernel.shape)
  x, kernel, bias = map(jnp.asarray, (x, kernel, bias))
  options = (variant, kernel_size, strides, padding)
  sizes = _output_sizes(x.shape[1:3], *options)
  if bias.shape != (*sizes, kernel.shape[3]):
    expected = f'shape {(*sizes, kernel.shape[3])}'
    raise errors.InputError('bias', expected, f'shape {bias.shape}')
  # Places first, [H, W, B, C]: a matrix product per place needs no other order,
  # and the box runs over long rows of neighbours in memory.
  dtype = array_types.at_least_float32(x.dtype)
  maps = jnp.matmul(
    x.transpose(1, 2, 0, 3),
    kernel.astype(x.dtype),
    preferred_element_type=dtype,
  )
  pads = [_pads(size, *options) for size in x.shape[1:3]]
  output = _box_sums(maps, kernel_size, strides, pads)
  if normalize:
    output = output / kernel_size**2
  if variant == 'unsharp':
    output = 2 * maps[::strides, ::strides] - output
  output = output + bias.astype(dtype)[:, :, None]
  return output.transpose(2, 0, 1, 3).astype(x.dtype)


class WeightMap(nn.Module):
  """`weight_map` as a layer, made for the size of the first maps it sees.

  Parameters `kernel` [H, W, C_in, features] and `bias` [H', W', features] start
  as U(-s, s), s = 1/sqrt(C_in kernel_size^2): as many terms as an output has.

  Attributes:
    features: number of output channels.
    variant: a name in `WEIGHT_MAP_VARIANTS`.
    kernel_size: side of the square of ones.
    strides: distance of neighbouring windows.
    padding: zeros around the weighed maps: a number, 'SAME' or 'VALID'.
    normalize: whether the square of ones is divided by its area.
    dtype: dtype of the computation, None for the input's; parameters are at
      least float32.

  References:
    Weight Map, section 3 and, for the initialisation, section 4. That fan-in
    counts the window is ours: the paper only names it.
  """

  features: int
  variant: str = 'smoothing'
  kernel_size: int = 3
  strides: int = 1
  padding: Padding = 'SAME'
  normalize: bool = False
  dtype: jnp.dtype | None = None

  def __post_init__(self):
    errors.check_integer('features', self.features, low=1)
    _check_options(*self._options(), self.normalize)
    super().__post_init__()

  def _options(self):
    return self.variant, self.kernel_size, self.strides, self.padding

  @nn.compact
  def __call__(
    self, x: array_types.Array, *, train: bool = False
  ) -> array_types.Array:
    """Maps [B, H, W, C_in] to [B, H', W', features].

    Args:
      x: the maps.
      train: makes no difference here.

    Returns:
      The maps of the next layer, before its nonlinearity.

    Raises:
      errors.InputError: on maps of another size than the layer was made for.
    """
    del train
    _check_maps(x)
    if self.has_variable('params', 'kernel'):
      _check_size(x, self.get_variable('params', 'kernel').shape)
    height, width, channels = x.shape[1:]
    sizes = _output_sizes((height, width), *self._options())
    init = initialization.fan_in_uniform(channels * self.kernel_size**2)
    x = x if self.dtype is None else x.astype(self.dtype)
    dtype = array_types.at_least_float32(x.dtype)
    shape = (height, width, channels, self.features)
    return weight_map(
      x,
      self.param('kernel', init, shape, dtype),
      self.param('bias', init, (*sizes, self.features), dtype),
      variant=self.variant,
      kernel_size=self.kernel_size,
      strides=self.strides,
      padding=self.padding,
      normalize=self.normalize,
    )
