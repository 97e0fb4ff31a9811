"""The nine operations that AugMix chains, on 8-bit levels, as Pillow has them.

Levels are uint8, images [H, W, C]; how far an operation goes is its `amount`,
of magnitude 0 to 10. The sign turns a warp around, and tone operations read the
magnitude only:

  autocontrast             the darkest level to 0, the lightest to 255
  equalize                 as many pixels below each level as fit below it
  posterize                4 - floor(.4 |amount|) bits are kept, at least 1
  solarize                 levels of at least 256 - 25.6 |amount| are inverted
  rotate                   3 amount degrees, counter-clockwise
  shear_x, shear_y         .03 amount pixels per pixel
  translate_x, translate_y 1/30 amount of the width or height

None of them is a corruption of ImageNet-C. The code of the AugMix paper rounds
degrees and pixels of translation down to whole numbers first; these do not.

`lax.switch` under `vmap` runs every branch, and so does this file, but once: an
operation is one affine map (of tone operations the identity) and one table of
256 levels per channel (of warps the identity). All is done in whole numbers
once the amount has been read, so that no level depends on how a compiler orders
roundings: Pillow cuts off fractions, where the last bit decides.
"""

import math

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

OPERATIONS = (
  'autocontrast',
  'equalize',
  'posterize',
  'solarize',
  'rotate',
  'shear_x',
  'shear_y',
  'translate_x',
  'translate_y',
)
LARGEST_AMOUNT = 10.0
# Bits of the weights between pixels: 8-bit levels times two of them fill 32.
_WEIGHT_BITS = 12


def _count_levels(levels):
  """How often each channel has each level: int32 [C, 256]."""
  channels = levels.shape[-1]
  bins = levels.astype(jnp.int32).reshape(-1, channels)
  bins = bins + 256 * jnp.arange(channels, dtype=jnp.int32)[None, :]
  counts = jnp.zeros(256 * channels, jnp.int32)
  return counts.at[bins].add(1, mode='promise_in_bounds').reshape(-1, 256)


def _autocontrast(counts, identity):
  """Its table as numerators [C, 256] and denominators [C, 1], 0 if unneeded."""
  is_there = counts > 0
  lowest = jnp.min(jnp.where(is_there, identity, 255), axis=-1, keepdims=True)
  highest = jnp.max(jnp.where(is_there, identity, 0), axis=-1, keepdims=True)
  return 255 * jnp.maximum(identity - lowest, 0), highest - lowest


def _equalize(counts):
  """Its table as numerators [C, 256] and denominators [C, 1], 0 if unneeded."""
  below = jnp.cumsum(counts, axis=-1) - counts
  # All pixels but those of the lightest level share 255 steps.
  shared = jnp.max(jnp.where(counts > 0, below, 0), axis=-1, keepdims=True)
  step = shared // 255
  return step // 2 + below, step


def _posterize(magnitude, identity):
  bits = jnp.maximum(4 - jnp.floor(0.4 * magnitude).astype(jnp.int32), 1)
  dropped = 8 - bits
  return identity >> dropped << dropped


def _solarize(magnitude, identity):
  is_dark = identity.astype(jnp.float32) < 256 - 25.6 * magnitude
  return jnp.where(is_dark, identity, 255 - identity)


def _tone_table(levels, operation, magnitude):
  """What each level of each channel becomes: uint8 [C, 256]."""
  counts = _count_levels(levels)
  identity = jnp.broadcast_to(jnp.arange(256, dtype=jnp.int32), counts.shape)
  is_named = {name: operation == i for i, name in enumerate(OPERATIONS)}
  # One division for both, and one of numbers known not to be negative: as `//`
  # of each, they would take half of all the time.
  over, under = jax.tree.map(
    lambda *one: jnp.where(is_named['autocontrast'], *one),
    _autocontrast(counts, identity),
    _equalize(counts),
  )
  divisor = jnp.broadcast_to(jnp.maximum(under, 1), over.shape)
  quotient = jnp.minimum(jax.lax.div(over, divisor), 255)
  stretched = jnp.where(under > 0, quotient, identity)
  tables = {
    'autocontrast': stretched,
    'equalize': stretched,
    'posterize': _posterize(magnitude, identity),
    'solarize': _solarize(magnitude, identity),
  }
  chosen = [is_named[name] for name in tables]
  return jnp.select(chosen, tables.values(), identity).astype(jnp.uint8)


def _fraction_bits(shape):
  """Places are counted in 2^-bits of a pixel, as many as 32 bits leave room.

  No warp here looks further from an edge than both sides together.
  """
  return 31 - sum(shape).bit_length()


def _inverse_map(operation, amount, shape):
  """The affine map of an operation, from places in the result to the image.

  Args:
    operation: int32 [], place in `OPERATIONS`.
    amount: float32 [].
    shape: (H, W).

  Returns:
    int32 [2, 3], two rows (a, b, offset): a (2 column + 1 - W) + b (2 row + 1 -
    H) + offset is the column (second: the row) in fractions of a pixel, 0 at
    the edge of the image.
  """
  height, width = shape
  unit = 1 << _fraction_bits(shape)

  def only(name, value, scale):
    chosen = jnp.where(operation == OPERATIONS.index(name), value, 0.0)
    return jnp.round(scale * chosen).astype(jnp.int32)

  half = unit // 2
  angle = math.radians(3) * amount
  sin = only('rotate', jnp.sin(angle), half)
  cos = half + only('rotate', jnp.cos(angle) - 1, half)
  shear_x = only('shear_x', 0.03 * amount, half)
  shear_y = only('shear_y', 0.03 * amount, half)
  right = only('translate_x', width / 30 * amount, unit)
  down = only('translate_y', height / 30 * amount, unit)
  # Rotations turn about the centre, shears leave the first row or column.
  return jnp.array(
    [
      [cos, shear_x - sin, half * width + shear_x * height + right],
      [shear_y + sin, cos, half * height + shear_y * width + down],
    ]
  )


def _neighbourhoods(levels):
  """Four neighbours in one number each, so that one read finds them.

  Returns:
    uint32 [H + 1, W + 1, C]: pixels (row - 1, column - 1), (row - 1, column),
    (row, column - 1) and (row, column), lowest byte first, edges repeated.
  """
  padded = jnp.pad(levels, ((1, 1), (1, 1), (0, 0)), mode='edge')
  padded = padded.astype(jnp.uint32)
  upper = padded[:, :-1] | padded[:, 1:] << 8
  return upper[:-1] | upper[1:] << 16


def _interpolate(corners, x, y):
  """The level between four neighbours, cut off to a whole number.

  Args:
    corners: uint32 [H, W, C], as `_neighbourhoods` packs them.
    x: uint32 [H, W], how far it is to the right, in 2^-_WEIGHT_BITS pixels.
    y: how far it is down.

  Returns:
    uint32 [H, W, C].
  """
  one = 1 << _WEIGHT_BITS
  x, y = x[..., None], y[..., None]
  upper_left, upper_right, lower_left, lower_right = (
    corners >> shift & 255 for shift in (0, 8, 16, 24)
  )
  upper = upper_left * (one - x) + upper_right * x
  lower = lower_left * (one - x) + lower_right * x
  return upper * (one - y) + lower * y >> 2 * _WEIGHT_BITS


def _warp(levels, matrix):
  """A warp by an `_inverse_map`; black where it looks outside the image."""
  height, width = levels.shape[:2]
  bits = _fraction_bits((height, width))
  unit = 1 << bits
  column = 2 * jnp.arange(width, dtype=jnp.int32)[None, :] + 1 - width
  row = 2 * jnp.arange(height, dtype=jnp.int32)[:, None] + 1 - height
  x, y = (a * column + b * row + offset for a, b, offset in matrix)
  is_inside = (x >= 0) & (x < width * unit) & (y >= 0) & (y < height * unit)
  # From edges to centres of pixels, and on to their places in the padded image.
  x, y = x + unit // 2, y + unit // 2
  corner = jnp.clip(y >> bits, 0, height), jnp.clip(x >> bits, 0, width)
  corners = _neighbourhoods(levels).at[corner].get(mode='promise_in_bounds')
  x, y = (
    (place >> bits - _WEIGHT_BITS).astype(jnp.uint32) % (1 << _WEIGHT_BITS)
    for place in (x, y)
  )
  values = _interpolate(corners, x, y)
  return jnp.where(is_inside[..., None], values, 0).astype(jnp.int32)


def apply_chain(
  levels: array_types.Array,
  operations: array_types.Array,
  amounts: array_types.Array,
) -> array_types.Array:
  """Applies operations to one image, one after the other.

  Args:
    levels: uint8 [H, W, C].
    operations: int [L], places in `OPERATIONS`; `len(OPERATIONS)` leaves the
      image as it is. May be traced.
    amounts: float [L], magnitudes at most `LARGEST_AMOUNT`. May be traced.

  Returns:
    The changed levels, same shape: after each operation, those of Pillow within
    one level. A place within 1e-4 pixels of the edge of the image may be taken
    for one on the other side of it.

  Raises:
    errors.InputError: on levels, operations or amounts of another kind.

  Example:
    >>> import jax.numpy as jnp
    >>> levels = jnp.full([4, 4, 3], 250, jnp.uint8)
    >>> chain = jnp.array([OPERATIONS.index('solarize')])
    >>> apply_chain(levels, chain, jnp.array([3.0]))[0, 0]
    Array([5, 5, 5], dtype=uint8)

  References:
    AugMix, appendix C, and the operations of `ImageOps` and `Image.transform`
    (AFFINE, BILINEAR) in Pillow.
  """
  is_levels = getattr(levels, 'dtype', None) == jnp.uint8 and levels.ndim == 3
  if not is_levels or not levels.size:
    dtype = getattr(levels, 'dtype', type(levels).__name__)
    got = f'{dtype} {getattr(levels, "shape", "")}'
    raise errors.InputError('levels', 'uint8 [H, W, C]', got)
  errors.check_floats('amounts', amounts, '[L]')
  errors.check_labels(
    'operations',
    operations,
    size=len(amounts),
    num_classes=len(OPERATIONS) + 1,
  )
  levels, amounts = jnp.asarray(levels), jnp.asarray(amounts)
  channel = jnp.arange(levels.shape[-1], dtype=jnp.int32)[None, None, :]

  def link(levels, step):
    operation, amount, matrix = step
    table = _tone_table(levels, operation, jnp.abs(amount))
    entry = channel, _warp(levels, matrix)
    return table.at[entry].get(mode='promise_in_bounds'), None

  def inverse_map(operation, amount):
    return _inverse_map(operation, amount, levels.shape[:2])

  # Ahead of the loop, for within it the sine is computed once per pixel. And a
  # loop, for XLA would compute the table again for each pixel of the next link.
  amounts = amounts.astype(jnp.float32)
  matrices = jax.vmap(inverse_map)(operations, amounts)
  return jax.lax.scan(link, levels, (operations, amounts, matrices))[0]
