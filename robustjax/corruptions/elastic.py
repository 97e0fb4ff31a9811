"""Elastic distortion of images [B, H, W, C], as ImageNet-C and MNIST-C do it.

A random affine map, then a smooth random displacement of every pixel. Images
are float in [0, 1] with 1 or 3 channels; results too, in the same shape and
dtype. Parameters may be traced, so that a sweep over severities compiles once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws
from robustjax.images import warps

_TRUNCATE = 3.0  # in standard deviations
_LARGEST_SIGMA = 1.0  # as a share of the side
# Border of the affine map and of the displacement, by name.
_BORDERS = {'reflect': ('mirror', 'reflect'), 'constant': ('constant', 'cut')}


class _Drawn(NamedTuple):
  """Uniform draws in [-1, 1).

  Attributes:
    corners: [3, 2], how (column, row) of three points moves.
    columns: [H, W], before smoothing.
    rows: [H, W], before smoothing.
  """

  corners: array_types.Array
  columns: array_types.Array
  rows: array_types.Array


def _draw(key, shape):
  """Draws for an image of a shape [H, W, C]."""
  corner_key, field_key = jax.random.split(key)
  corners = draws.uniform(corner_key, (3, 2))
  columns, rows = draws.uniform(field_key, (2, *shape[:2]))
  return _Drawn(2 * corners - 1, 2 * columns - 1, 2 * rows - 1)


def _inverse_affine(moves, height, width):
  """The map [2, 3] from moved points back to where they were.

  Three corners of a square around the centre move by `moves` [3, 2]. The centre
  is taken as (height / 2, width / 2) in (column, row): a slip of the original
  that shows in images that are not square.
  """
  reach = min(height, width) // 3
  first, second = float(height // 2), float(width // 2)
  corners = jnp.asarray(
    [
      [first + reach, second + reach],
      [first + reach, second - reach],
      [first - reach, second - reach],
    ],
    moves.dtype,
  )
  moved = corners + moves
  # Columns of the forward map: what one step in column and in row becomes.
  a, c = (moved[1] - moved[2]) / (2 * reach)
  b, d = (moved[0] - moved[1]) / (2 * reach)
  determinant = a * d - b * c
  scale = jnp.where(determinant == 0, 0, 1 / determinant)
  inverse = scale * jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])])
  # Sums, not a matrix product: those lose bits on accelerators.
  offset = corners[1] - (inverse * moved[1][None, :]).sum(axis=1)
  return jnp.concatenate([inverse, offset[:, None]], axis=1)


def _smoothing_matrix(size, sigma):
  """The matrix [size, size] of a Gaussian blur, the axis mirrored at its ends.

  The kernel is cut at 3 sigma and may be longer than the axis: it is wound up
  on a circle of twice the size first, on which the mirrored axis repeats.

  Args:
    size: number of pixels.
    sigma: standard deviation, at most `size`; may be traced.
  """
  turns = jnp.arange(-2, 2)[:, None] * (2 * size)
  distance = (jnp.arange(2 * size)[None, :] + turns).astype(jnp.float32)
  weights = jnp.exp(-0.5 * jnp.square(distance / jnp.maximum(sigma, 1e-6)))
  radius = jnp.floor(_TRUNCATE * sigma + 0.5)
  circle = jnp.where(jnp.abs(distance) <= radius, weights, 0).sum(axis=0)
  place = jnp.arange(size)
  direct = circle[(place[None, :] - place[:, None]) % (2 * size)]
  mirrored = circle[(-1 - place[None, :] - place[:, None]) % (2 * size)]
  matrix = direct + mirrored
  return matrix / matrix.sum(axis=1, keepdims=True)


def _smooth(field, sigma):
  """Gaussian blur of a field [H, W]."""
  rows = _smoothing_matrix(field.shape[0], sigma)
  columns = _smoothing_matrix(field.shape[1], sigma)
  return jnp.einsum(
    'ih,hw,jw->ij', rows, field, columns, precision=jax.lax.Precision.HIGHEST
  )


def _computed_once(image):
  """The image, as it is: a product with the identity over its channels.

  XLA would work the affine map out again for each of the four pixels that the
  displacement reads, but it never repeats a matrix product.
  """
  return jnp.einsum(
    'hwc,cd->hwd',
    image,
    jnp.eye(image.shape[-1], dtype=image.dtype),
    precision=jax.lax.Precision.HIGHEST,
  )


def _distort(drawn, image, alpha, sigma, shift, border):
  """One image [H, W, C], distorted by what was drawn."""
  height, width, _ = image.shape
  side = min(height, width)
  affine_border, field_border = _BORDERS[border]
  moves = drawn.corners * (shift * side)
  matrix = _inverse_affine(moves, height, width)
  image = warps.affine_warp(image, matrix, mode=affine_border)
  image = _computed_once(image)
  rows, columns = (
    alpha * side * _smooth(field, sigma * side)
    for field in (drawn.rows, drawn.columns)
  )
  rows = rows + jnp.arange(height, dtype=rows.dtype)[:, None]
  columns = columns + jnp.arange(width, dtype=columns.dtype)[None, :]
  return warps.sample_bilinear(image, rows, columns, mode=field_border)


def elastic_transform(
  key: array_types.Key,
  images: array_types.Array,
  *,
  alpha: array_types.ArrayLike,
  sigma: array_types.ArrayLike,
  shift: array_types.ArrayLike,
  border: str = 'reflect',
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Applies a random affine map, then displaces every pixel smoothly.

  Lengths are shares of the image's shorter side, so that any size is distorted
  alike. ImageNet-C multiplies by 244 (meant was 224), at 224 pixels: its shares
  are the published ones times 244 / 224.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1], C 1 or 3, H and W at least 3.
    alpha: factor of the smoothed uniform field, at least 0.
    sigma: standard deviation that smooths it, in [0, 1].
    shift: how far, at most, each coordinate of three points moves under the
      affine map, at least 0.
    border: what lies outside: 'reflect', the image mirrored (ImageNet-C), or
      'constant', zero (MNIST-C).
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The distorted images, same shape and dtype. The smoothing is a matmul over
    the batch: an image in another batch is displaced within 1e-4 pixels of what
    it was, not bit for bit.

  Raises:
    errors.InputError: on a parameter out of range or other images.

  References:
    ImageNet-C; the generator of MNIST-C. OpenCV before version 5 rounded the
    affine map to 1/32 pixel; here it is exact.
  """
  errors.check_number('alpha', alpha)
  errors.check_number('sigma', sigma, high=_LARGEST_SIGMA)
  errors.check_number('shift', shift)
  errors.check_choice('border', border, _BORDERS)
  draws.check_size(images, 3)

  def corrupt(image_key, image):
    amounts = (jnp.asarray(p, jnp.float32) for p in (alpha, sigma, shift))
    drawn = _draw(image_key, image.shape)
    return _distort(drawn, image, *amounts, border)

  return draws.per_image(corrupt, key, images, index)
