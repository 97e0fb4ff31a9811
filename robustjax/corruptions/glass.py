"""Glass blur: pixels change places with near ones, between two blurs.

Which pixel goes where depends on the key alone, so the exchanges run on a map
of indices [H, W], without channels or gradient, and the image is read through
it once.
"""

import jax
from jax import lax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws
from robustjax.images import filters

VARIANTS = ('imagenet_c', 'mnist_c')

_MAX_SIGMA = 1.5
_MAX_DELTA = 4
_MAX_ITERATIONS = 3
_SLACK = 2e-4  # grey levels: flat regions come out of float32 within it


def _is_visited(shape, max_delta):
  """Which pixels [H, W] look for a partner."""
  row = jnp.arange(shape[0])[:, None]
  column = jnp.arange(shape[1])[None, :]
  is_row = (row > max_delta) & (row <= shape[0] - max_delta)
  return is_row & (column > max_delta) & (column <= shape[1] - max_delta)


def _draw_partners(key, shape, max_delta, variant):
  """Index of the partner of every pixel [H, W]; its own if it has none."""
  # One draw serves all three: 2^32 is so large that the remainders are uniform
  # within 1e-7 and the highest bit does not depend on them.
  drawn = jax.random.bits(key, shape, jnp.uint32)
  width = jnp.asarray(2 * max_delta, jnp.uint32)
  rows = (drawn % width).astype(jnp.int32) - max_delta
  columns = (drawn // width % width).astype(jnp.int32) - max_delta
  own = jnp.arange(shape[0] * shape[1]).reshape(shape)
  has_partner = _is_visited(shape, max_delta)
  if variant == 'mnist_c':
    has_partner &= drawn >> 31 == 1
  return jnp.where(has_partner, own + rows * shape[1] + columns, own)


def _exchange(source, partner, max_delta, variant):
  """Visits all pixels once, from the bottom right, row by row.

  A pixel's place and its partner's are fewer than 2 max_delta rows and columns
  apart from those of any pixel on the line
  2 max_delta row + column = constant, so the pixels of such a line can be
  visited at once, and line after line is the same as pixel after pixel.

  Args:
    source: int32 [H, W], index of the pixel that each place shows.
    partner: int32 [H, W], index of the place that each place looks at.
    max_delta: largest distance of a partner, along an axis.
    variant: of `VARIANTS`.

  Returns:
    The new `source`.
  """
  height, width = source.shape
  slope = 2 * max_delta
  last_row, last_column = height - max_delta, width - max_delta
  lanes = jnp.arange((width + 1) // 2)
  partner = partner.reshape(-1)

  def visit_line(i, source):
    line = slope * last_row + last_column - i
    row = -((last_column - line) // slope) + lanes
    column = line - slope * row
    is_in = (row > max_delta) & (row <= last_row) & (column > max_delta)
    here = jnp.where(is_in, row * width + column, 0)  # the corner stays
    there = partner[here]
    if variant == 'mnist_c':
      places = jnp.concatenate([here, there])
      values = jnp.concatenate([source[there], source[here]])
      return source.at[places].set(values, mode='promise_in_bounds')
    return source.at[here].set(source[there], mode='promise_in_bounds')

  num_lines = slope * (last_row - max_delta - 1) + last_column - max_delta
  source = lax.fori_loop(0, num_lines, visit_line, source.reshape(-1))
  return source.reshape(height, width)


def _shuffle(key, shape, max_delta, iterations, variant):
  """Index int32 [H, W] of the pixel that each place shows in the end."""

  def iterate(i, source):
    partner = _draw_partners(
      jax.random.fold_in(key, i), shape, max_delta, variant
    )
    return _exchange(source, partner, max_delta, variant)

  start = jnp.arange(shape[0] * shape[1]).reshape(shape)
  return lax.fori_loop(0, iterations, iterate, start)


def _blur_through(image, source, sigma, variant):
  """Blurs, truncates to grey levels, reads through `source`, and blurs."""
  axes = (0,) if variant == 'mnist_c' else (0, 1)

  def blur(image):
    return filters.short_gaussian_blur(
      image, sigma, max_sigma=_MAX_SIGMA, axes=axes
    )

  levels = jnp.floor(255 * blur(image) + _SLACK)
  flat = levels.reshape(-1, image.shape[-1])
  return blur(flat[source]) / 255


def glass_blur(
  key: array_types.Key,
  images: array_types.Array,
  *,
  sigma: array_types.ArrayLike,
  max_delta: array_types.ArrayLike,
  iterations: array_types.ArrayLike,
  variant: str = 'imagenet_c',
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Frosted glass: a blur, exchanges of near pixels, a blur.

  Nothing flows back through it: it rounds to grey levels half-way.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1], H and W at least 10.
    sigma: standard deviation of the blurs in pixels, at most 1.5.
    max_delta: whole number of pixels, 1 to 4; a partner is -max_delta to
      max_delta - 1 rows and columns away.
    iterations: how often all pixels are visited, at most 3.
    variant: see the references.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The corrupted images, same shape and dtype.

  Raises:
    errors.InputError: on other parameters or images.

  References:
    'imagenet_c': ImageNet-C generator, `glass_blur`. It means to swap pixels
    but swaps views of them, so a pixel takes its partner's value and the
    partner keeps it.
    'mnist_c': MNIST-C generator, `glass_blur`. Pixels do swap, each with
    probability 1/2, and the blurs run along columns only: the generator takes
    the second axis for channels.
  """
  errors.check_choice('variant', variant, VARIANTS)
  errors.check_number('sigma', sigma, high=_MAX_SIGMA)
  errors.check_whole('max_delta', max_delta, low=1, high=_MAX_DELTA)
  errors.check_whole('iterations', iterations, high=_MAX_ITERATIONS)
  draws.check_size(images, 2 * _MAX_DELTA + 2)

  def corrupt(key, image):
    source = _shuffle(key, image.shape[:2], max_delta, iterations, variant)
    return _blur_through(image, source, sigma, variant)

  return draws.per_image(corrupt, key, images, index)
