"""The shading of water on a lens, of planes [H, W], as OpenCV computes it.

Liquid is brighter the further it is from its edges. These are Canny's, of whole
grey levels, and the distance is summed from steps. `edges` finds edges as
scikit-image does, for another corruption: thresholds, kernels and ties differ.
"""

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types

_LOW, _HIGH = 50, 150  # of the edges' gradient
_TANGENT = 13573  # of 22.5 degrees, times 2^15
_SHIFT = 16
_ONE = 2**_SHIFT  # a pixel, in distances
_FARTHEST = 20  # pixels
# Of a step to the side, along a diagonal, and as a knight's.
_SIDE, _DIAGONAL, _KNIGHT = (round(one * _ONE) for one in (1.0, 1.4, 2.1969))
_RELIEF = ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))
_MEAN = ((1, 1, 1),) * 3  # times 9


def _beside(plane, row, column, fill=0):
  """Each pixel's neighbour so far down and right; `fill` beyond the edges."""
  size = plane.shape
  reach = (min(abs(row), size[0]), min(abs(column), size[1]))
  margin = [(length, length) for length in reach]
  padded = jnp.pad(plane, margin, constant_values=fill)
  start = [
    length + max(-length, min(length, step))
    for length, step in zip(reach, (row, column), strict=True)
  ]
  end = [one + length for one, length in zip(start, size, strict=True)]
  return jax.lax.slice(padded, start, end)


def _window(plane, weights, mode):
  """Weighted sum over the 3 x 3 neighbours, the plane padded by `mode`."""
  height, width = plane.shape
  padded = jnp.pad(plane, 1, mode=mode)
  return sum(
    weights[i][j] * padded[i : i + height, j : j + width]
    for i in range(3)
    for j in range(3)
  )


def _sobel(grey):
  """Gradients along rows and columns, edge pixels repeated."""
  down = _window(grey, ((-1, -2, -1), (0, 0, 0), (1, 2, 1)), 'edge')
  right = _window(grey, ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)), 'edge')
  return down, right


def _is_ridge(magnitude, down, right):
  """Where the magnitude is highest across the edge, among two neighbours.

  The direction is one of eight. Of equal neighbours the later one counts, but
  none of diagonal ones.
  """
  steepness, flat = jnp.abs(down) << 15, jnp.abs(right) * _TANGENT
  steep = flat + (jnp.abs(right) << 16)

  def at(row, column):
    return _beside(magnitude, row, column)

  across = (magnitude > at(0, -1)) & (magnitude >= at(0, 1))
  along = (magnitude > at(-1, 0)) & (magnitude >= at(1, 0))
  falling = (magnitude > at(-1, -1)) & (magnitude > at(1, 1))
  rising = (magnitude > at(-1, 1)) & (magnitude > at(1, -1))
  diagonal = jnp.where((down ^ right) < 0, rising, falling)
  is_ridge = jnp.where(steepness > steep, along, diagonal)
  return jnp.where(steepness < flat, across, is_ridge)


def _grow(edges):
  """The pixels of `edges` and their eight neighbours."""
  for row, column in ((0, 1), (1, 0)):
    before = _beside(edges, -row, -column, False)
    edges = edges | before | _beside(edges, row, column, False)
  return edges


def _edges(grey):
  """Canny's edges of whole numbers int32 [H, W], as OpenCV finds them: bool."""
  down, right = _sobel(grey)
  magnitude = jnp.abs(down) + jnp.abs(right)
  weak = _is_ridge(magnitude, down, right) & (magnitude > _LOW)
  strong = weak & (magnitude > _HIGH)

  def spread(state):
    edges, _ = state
    grown = _grow(edges) & weak
    return grown, jnp.any(grown != edges)

  edges, _ = jax.lax.while_loop(
    lambda state: state[1], spread, (strong, jnp.any(strong))
  )
  return edges


def _across(edges):
  """Columns to the nearest edge in the same row; some number if it is far."""
  columns = jnp.where(edges, 0.0, _FARTHEST + 1.0)
  for step in (1, 2, 4, 8, 16):
    left, right = (
      _beside(columns, 0, side, _FARTHEST + 1) for side in (-step, step)
    )
    columns = jnp.minimum(columns, jnp.minimum(left, right) + step)
    # Else each step is computed anew for every one that follows.
    columns = jax.lax.optimization_barrier(columns)
  return columns


def _way(columns, rows: int):
  """Length of the shortest way so far across and down, in shares of `_ONE`.

  It takes steps of the two kinds nearest in direction, which is each of these
  in its octant; in the others' the others are longer.
  """
  flat = _SIDE * columns + (_KNIGHT - 2 * _SIDE) * rows
  flattish = (_KNIGHT - _DIAGONAL) * columns + (2 * _DIAGONAL - _KNIGHT) * rows
  steepish = (2 * _DIAGONAL - _KNIGHT) * columns + (_KNIGHT - _DIAGONAL) * rows
  steep = (_KNIGHT - 2 * _SIDE) * columns + _SIDE * rows
  return jnp.maximum(jnp.maximum(flat, flattish), jnp.maximum(steepish, steep))


def _distance(edges):
  """Steps to the nearest edge, at most `_FARTHEST`, in shares of `_ONE`.

  Longer ways across are longer, so in each row the nearest edge decides. All
  numbers are whole and exact in float32, which multiplies faster.
  """
  height = len(edges)
  margin = ((_FARTHEST, _FARTHEST), (0, 0))
  columns = jnp.pad(_across(edges), margin, constant_values=_FARTHEST + 1)

  def look(rows, distance):
    above, below = (
      jax.lax.dynamic_slice_in_dim(columns, _FARTHEST + side, height)
      for side in (-rows, rows)
    )
    way = _way(jnp.minimum(above, below), rows.astype(columns.dtype))
    return jnp.minimum(distance, way)

  start = jnp.full(edges.shape, _FARTHEST * _ONE, columns.dtype)
  return jax.lax.fori_loop(0, _FARTHEST + 1, look, start).astype(jnp.int32)


def _equalize(ninths):
  """Spreads the whole parts of ninths over 0 to 255 by their rank.

  Args:
    ninths: int32 [H, W], up to nine times `_FARTHEST`. A division of each
      would cost more than all else here.

  Returns:
    int32 [H, W]; the whole parts themselves where there is only one.
  """
  below = [(ninths < 9 * i).sum() for i in range(1, _FARTHEST + 2)]
  counts = jnp.stack(below)  # of pixels, up to each whole part
  lowest = jnp.argmax(counts > 0)
  rest = (ninths.size - counts[lowest]).astype(jnp.float32)
  rank = (counts - counts[lowest]).astype(jnp.float32)
  table = jnp.round(rank * (jnp.float32(255) / jnp.maximum(rest, 1.0)))
  table = jnp.where(rest == 0, lowest.astype(jnp.float32), table)
  table = jnp.repeat(table.astype(jnp.int32), 9)
  return jnp.take(table, ninths, mode='clip')


def _box(levels):
  """Sums over 3 x 3, mirrored about edge pixels."""
  padded = jnp.pad(levels, 1, mode='reflect')
  return jax.lax.reduce_window(
    padded, np.int32(0), jax.lax.add, (3, 3), (1, 1), 'VALID'
  )


def _emboss(levels):
  """The levels in relief, then their mean over 3 x 3, in whole numbers.

  Two turns of a loop, which XLA does not fuse: else the relief is computed
  anew for each of the nine pixels that read it. Ninths are never halfway
  between whole numbers.
  """

  def turn(levels, kernel_and_scale):
    kernel, scale = kernel_and_scale
    filtered = jnp.round(_window(levels, kernel, 'reflect') * scale)
    return jnp.clip(filtered, 0, 255), None

  kernels = jnp.asarray([_RELIEF, _MEAN], jnp.float32)
  scales = jnp.asarray([1, 1 / 9], jnp.float32)
  return jax.lax.scan(turn, levels.astype(jnp.float32), (kernels, scales))[0]


def shade(liquid: array_types.Array) -> array_types.Array:
  """Shades of water.

  Args:
    liquid: float [H, W], 0 where there is none.

  Returns:
    float [H, W], the largest value 1; all 0 without liquid.

  References:
    ImageNet-C generator, `spatter`: edges, distances up to 20 pixels, mean over
    3 x 3, equalised histogram, relief, mean over 3 x 3, with the roundings of
    OpenCV. Its distances are those without Intel's library, whose last bits
    differ.
  """
  grey = jnp.clip(jnp.floor(255 * liquid), 0, 255)
  levels = _equalize(_box(_distance(_edges(grey.astype(jnp.int32)))) >> _SHIFT)
  brightness = grey * _emboss(levels).astype(liquid.dtype)
  return brightness / jnp.maximum(brightness.max(), 1.0)
