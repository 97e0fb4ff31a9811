"""Plasma fractals: the height maps that fog and frost are made of.

The diamond-square algorithm on a torus. Each level doubles the map: a new point
is the mean of four old ones plus a uniform number of the level's amplitude.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws

LEAST_DECAY = 1.4  # of the published ones; the finest levels matter most here
_COARSE = 16  # levels with fewer points a side get a word for each draw
_BITS = 10  # of a draw at the other levels, where one word serves three
_CHUNK = 16  # maps at a time on CPU, so that they stay in its cache
# Heights are whole numbers, so that pixels are the same to the last bit however
# the program was compiled. They stay below 3.1 of these, and sums of four fit.
_UNIT = 2.0**26  # the first level's amplitude


def _coarse_draws(key, sides):
  """For each number n of points a side three [n, n], a word for each number."""
  drawn = draws.uniform(key, (3 * sum(n * n for n in sides),))
  drawn = 2 * drawn - (1 - 2**-23)
  return [
    tuple(part.reshape(3, n, n))
    for n, part in zip(
      sides, _split(drawn, [3 * n * n for n in sides]), strict=True
    )
  ]


def _fine_draws(key, sides):
  """For each number n of points a side three [n, n], from n^2 words.

  The amplitude of a level with n points a side is 1 / (n^2)^log2(decay) of the
  first one's: 1/15 at 16 points and a decay of 1.4. A draw of such a level is
  off by at most 1/1024 of it, and a point by at most twice its level's share,
  in sum less than 3e-4 of the first amplitude, or of a map's height, and less
  with faster decay.
  """
  words = draws.bits(key, (sum(n * n for n in sides),))
  # Else each of the three would hash the words anew.
  words = jax.lax.optimization_barrier(words)
  most = 2**_BITS

  def numbers(part, place):
    return (part >> place & (most - 1)).astype(jnp.float32) * (2 / most) - (
      1 - 1 / most
    )

  return [
    tuple(numbers(part.reshape(n, n), place) for place in (0, _BITS, 2 * _BITS))
    for n, part in zip(
      sides, _split(words, [n * n for n in sides]), strict=True
    )
  ]


def _split(values, sizes):
  """Consecutive parts of these sizes."""
  return jnp.split(values, np.cumsum(sizes)[:-1])


def _draw(key, size):
  """Numbers in (-1, 1): for each level with n points a side three [n, n].

  They belong to the middles of the squares between the points, and of the
  edges to the right of and below each point.
  """
  sides = [2**level for level in range(size.bit_length() - 1)]
  coarse, fine = jax.random.split(key)
  drawn = _coarse_draws(coarse, [n for n in sides if n < _COARSE])
  if size > _COARSE:
    drawn += _fine_draws(fine, [n for n in sides if n >= _COARSE])
  return drawn


def _shift(points, axis, forward):
  """Each point's neighbour along an axis, around the torus.

  `jnp.roll` by slices of a fixed size, which fuses better.
  """
  size = points.shape[axis]
  cut = 1 if forward else size - 1
  head = jax.lax.slice_in_dim(points, 0, cut, axis=axis)
  tail = jax.lax.slice_in_dim(points, cut, size, axis=axis)
  return jnp.concatenate([tail, head], axis=axis)


def _fill(corners, drawn, amplitude):
  """One level: the points between `corners` [n, n], as three [n, n]."""
  middle, right, below = ((amplitude * d).astype(jnp.int32) for d in drawn)
  columns = corners + _shift(corners, 0, forward=True)
  rows = corners + _shift(corners, 1, forward=True)
  middles = (columns + _shift(columns, 1, forward=True) >> 2) + middle
  above = middles + _shift(middles, 0, forward=False)
  before = middles + _shift(middles, 1, forward=False)
  return middles, (above + rows >> 2) + right, (before + columns >> 2) + below


def _weave(corners, middles, rights, belows):
  """The map [2 n, 2 m] that four times [n, m] points make up."""
  rows, columns = corners.shape
  shape = (rows, 2 * columns)
  upper = jnp.stack([corners, rights], axis=2).reshape(shape)
  lower = jnp.stack([belows, middles], axis=2).reshape(shape)
  return jnp.stack([upper, lower], axis=1).reshape(2 * rows, 2 * columns)


def _heights(drawn, wibble_decay, shape):
  """The corner of this shape of the map, in shares of the whole map's range."""
  points = jnp.zeros((1, 1), jnp.int32)
  amplitude = jnp.float32(_UNIT)
  # The generator multiplies a number from (-wibble, wibble) by wibble again.
  ratio = 1 / jnp.square(jnp.asarray(wibble_decay, jnp.float32))
  for level in drawn[:-1]:
    points = _weave(points, *_fill(points, level, amplitude))
    amplitude *= ratio
  # The last and largest map is woven only as far as it is asked for.
  parts = (points, *_fill(points, drawn[-1], amplitude))
  lowest = _reduce(jnp.minimum, [part.min() for part in parts])
  highest = _reduce(jnp.maximum, [part.max() for part in parts])
  half = [-(-length // 2) for length in shape]
  woven = _weave(*(part[: half[0], : half[1]] for part in parts))
  corner = woven[: shape[0], : shape[1]]
  height = (corner - lowest).astype(jnp.float32)
  return height / (highest - lowest).astype(jnp.float32)


def _reduce(function, values):
  first, *others = values
  for value in others:
    first = function(first, value)
  return first


def map_size(shape: Sequence[int], least: int = 256) -> int:
  """Points a side: the smallest power of two >= `least`, height and width."""
  return 2 ** (max(least, *shape) - 1).bit_length()


def plasma(
  keys: array_types.Key,
  shape: Sequence[int],
  *,
  wibble_decay: array_types.ArrayLike,
  size: int | None = None,
) -> array_types.Array:
  """Corners of plasma fractals.

  Args:
    keys: threefry keys [B].
    shape: height and width of the corners.
    wibble_decay: by which the square root of the amplitude falls from level to
      level, at least 1.4; may be traced.
    size: points a side of the whole map, a power of two; `map_size` of the
      shape by default.

  Returns:
    float32 [B, H, W], the maps from the origin on; 0 and 1 are the lowest and
    highest point of each whole map. Their gradient is zero.

  Raises:
    errors.InputError: on another decay, or a size that is no power of two or
      less than the shape.

  References:
    MNIST-C and ImageNet-C generators, `plasma_fractal`. It draws numbers of 53
    bits; a map of ours differs by less than 4e-4, a tenth of a grey level.
  """
  errors.check_number('wibble_decay', wibble_decay, low=LEAST_DECAY)
  size = map_size(shape) if size is None else size
  errors.check_integer('map_size', size, low=max(2, *shape))
  if size & (size - 1):
    raise errors.InputError('map_size', 'a power of two', str(size))

  def one(key, wibble_decay):
    drawn = _draw(key, size)
    return jax.lax.stop_gradient(_heights(drawn, wibble_decay, shape))

  together = jax.vmap(one, in_axes=(0, None))
  wibble_decay = jnp.asarray(wibble_decay, jnp.float32)
  return jax.lax.platform_dependent(
    keys,
    wibble_decay,
    cpu=lambda keys, decay: _in_chunks(lambda k: together(k, decay), keys),
    default=together,
  )


def _in_chunks(function, keys):
  """Few at a time; the last chunk is filled up, not compiled by itself."""
  count = len(keys)
  chunks = max(1, -(-count // _CHUNK))  # One of none, of no keys.
  lanes = -(-count // chunks)
  places = jnp.minimum(jnp.arange(chunks * lanes), count - 1)
  results = jax.lax.map(function, keys[places].reshape(chunks, lanes))
  return results.reshape(chunks * lanes, *results.shape[2:])[:count]
