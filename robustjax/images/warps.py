"""Bilinear sampling of one image [H, W, C] at any, possibly traced, points.

What lies outside the image is set by `mode`; beside each name, who calls it so:

  constant  zero pixels (scikit-image and OpenCV `constant`, SciPy
            `grid-constant`): values fade to zero within one pixel of the edge
  cut       zero, at once, beyond the centres of the outermost pixels (SciPy
            `constant`)
  reflect   the image, mirrored at the edges of the outermost pixels: b a | a b
            (SciPy `reflect`, OpenCV `BORDER_REFLECT`)
  mirror    the image, mirrored at their centres: c b | a b c (SciPy `mirror`,
            OpenCV `BORDER_REFLECT_101`)
"""

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

MODES = ('constant', 'cut', 'reflect', 'mirror')


def _fold(place, size, mode):
  """The pixels in 0..size-1 that stand for integer places on an axis."""
  if mode == 'reflect':
    place = place % (2 * size)
    return jnp.minimum(place, 2 * size - 1 - place)
  if mode == 'mirror':
    period = max(2 * size - 2, 1)
    place = place % period
    return jnp.minimum(place, period - place)
  return jnp.clip(place, 0, size - 1)


def _neighbours(points, size, mode, dtype):
  """The two pixels around each point of an axis: [(pixels, weights)] * 2.

  They are the nearest even and the nearest odd one, whose weights are 0 where
  they change. With the pixels below and above, a program that computes a point
  twice, and rounds once to this and once to that side of a pixel, would pair
  the pixels of one side with the weights of the other; XLA makes such programs.
  """
  result = []
  for parity in (0, 1):
    place = 2 * jnp.round((points - parity) / 2) + parity
    weight = 1 - jnp.abs(points - place)
    if mode == 'constant':
      weight = jnp.where((place >= 0) & (place < size), weight, 0)
    if mode == 'cut':
      weight = jnp.where((points >= 0) & (points <= size - 1), weight, 0)
    pixel = _fold(place.astype(jnp.int32), size, mode)
    result.append((pixel, weight.astype(dtype)))
  return result


def sample_bilinear(
  image: array_types.Array,
  rows: array_types.Array,
  columns: array_types.Array,
  *,
  mode: str,
) -> array_types.Array:
  """The values of an image between its pixels.

  Args:
    image: float [H, W, C].
    rows: float [...], 0 is the centre of the first row; may be traced.
    columns: float, the shape of `rows`.
    mode: a name in `MODES`: what lies outside.

  Returns:
    [..., C], in the dtype of `image`.

  Raises:
    errors.InputError: on another mode, or arrays of other axes or dtypes.
  """
  errors.check_choice('mode', mode, MODES)
  errors.check_floats('image', image, '[H, W, C]')
  errors.check_floats('rows', rows, '[...]')
  errors.check_floats('columns', columns, '[...]')
  if rows.shape != columns.shape:
    expected = f'the shape of rows, {rows.shape}'
    raise errors.InputError('columns', expected, f'{columns.shape}')
  image, rows, columns = map(jnp.asarray, (image, rows, columns))
  values = 0.0
  for row, row_weight in _neighbours(rows, image.shape[0], mode, image.dtype):
    line = 0.0
    for column, weight in _neighbours(
      columns, image.shape[1], mode, image.dtype
    ):
      pixels = image.at[row, column].get(mode='promise_in_bounds')
      line = line + weight[..., None] * pixels
    values = values + row_weight[..., None] * line
  return values


def affine_warp(
  image: array_types.Array, matrix: array_types.Array, *, mode: str
) -> array_types.Array:
  """Warps an image by an affine map.

  Args:
    image: float [H, W, C].
    matrix: float [2, 3], may be traced: from (column, row, 1) of the result to
      (column, row) of `image`. These are the first two rows of scikit-image's
      `inverse_map`, and OpenCV's matrix under `WARP_INVERSE_MAP`.
    mode: a name in `MODES`: what lies outside.

  Returns:
    The warped image, same shape and dtype.

  Raises:
    errors.InputError: on another mode, or arrays of other axes or dtypes.
  """
  errors.check_floats('image', image, '[H, W, C]')
  errors.check_floats('matrix', matrix, '[2, 3]')
  matrix = jnp.asarray(matrix)
  if matrix.shape != (2, 3):
    raise errors.InputError('matrix', '[2, 3]', f'shape {matrix.shape}')
  row = jnp.arange(image.shape[0], dtype=matrix.dtype)[:, None]
  column = jnp.arange(image.shape[1], dtype=matrix.dtype)[None, :]
  # No matrix product: on accelerators it would round to fewer bits.
  source_column, source_row = (
    a * column + b * row + offset for a, b, offset in matrix
  )
  return sample_bilinear(image, source_row, source_column, mode=mode)
