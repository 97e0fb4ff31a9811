"""Lines drawn over images, and inverted stripes: corruptions of MNIST-C.

Images are float [B, H, W, C] in [0, 1]; all channels get the same strokes.
Strokes keep the generator's width of 2.3 pixels at any size; where they start
and end follows the size.
"""

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax.corruptions import draws

_HALF_WIDTH = 2.3  # pixels from the middle of a line to where it is 1 + log(0)
_DASH = 2  # pixels
_ZIGZAG_LENGTH, _ZIGZAG_WIDTH = 2.0, 2.0  # half a wave; its amplitude
_ZIGZAG_MARGIN = 2  # pixels left of its start
_ZIGZAG_RISE = 5  # pixels, from its first to its last column


def _draw_line(shape, start, end):
  """A stroke from `start` to `end`, each (column, row), left to right.

  Returns:
    [H, W] in [0, 1]; nothing where both are in one column.
  """
  (column0, row0), (column1, row1) = start, end
  rows = jnp.arange(shape[0], dtype=jnp.float32)[:, None]
  columns = jnp.arange(shape[1], dtype=jnp.float32)[None, :]
  run = column1 - column0
  slope = (row1 - row0) / jnp.where(run == 0, 1.0, run)
  distance = jnp.abs(rows - (slope * (columns - column0) + row0))
  share = jnp.clip(1 - distance / _HALF_WIDTH, 1e-6, 1.0)
  stroke = jnp.clip(jnp.log(share) + 1, 0.0, 1.0)
  is_within = (columns >= jnp.floor(column0)) & (columns < jnp.ceil(column1))
  return jnp.where(is_within & (run != 0), stroke, 0.0)


def _add(image, stroke):
  return jnp.clip(image + stroke[..., None].astype(image.dtype), 0.0, 1.0)


def _row(key, height):
  """A random row; the last one never comes, as in the generator."""
  return jax.random.randint(key, (), 0, max(height - 1, 1)).astype(jnp.float32)


def _draw_ends(key, shape):
  """Rows of a line's left and right end."""
  left, right = jax.random.split(key)
  return _row(left, shape[0]), _row(right, shape[0])


def _dotted_line(image, row0, row1):
  width = image.shape[1]
  stroke = _draw_line(image.shape, (0.0, row0), (width - 1.0, row1))
  is_gap = jnp.arange(width) % (2 * _DASH) < _DASH
  return _add(image, jnp.where(is_gap, 0.0, stroke))


def dotted_line(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """A dotted line across the image between two random rows.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The corrupted images, same shape and dtype.

  Raises:
    errors.InputError: on other images.

  References:
    MNIST-C generator, `dotted_line`. The last row is never an end, and the last
    column never drawn, as there.
  """

  def corrupt(key, image):
    return _dotted_line(image, *_draw_ends(key, image.shape))

  return draws.per_image(corrupt, key, images, index)


def line(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """A line from near the left edge to near the right one.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The corrupted images, same shape and dtype.

  Raises:
    errors.InputError: on other images.

  References:
    MNIST-C generator, `line`, one of its corruptions that are not in the
    published data.
  """

  def corrupt(key, image):
    ends, left, right = jax.random.split(key, 3)
    width = image.shape[1]
    row0, row1 = _draw_ends(ends, image.shape)
    column0 = jax.random.randint(left, (), 0, min(5, width))
    column1 = jax.random.randint(right, (), max(width - 6, 1), width - 1)
    start = (column0.astype(jnp.float32), row0)
    end = (column1.astype(jnp.float32), row1)
    return _add(image, _draw_line(image.shape, start, end))

  return draws.per_image(corrupt, key, images, index)


def _zigzag_corners(width, row0, row1):
  """Corners [N, 2] of a zigzag as (column, row), and which of them are drawn.

  Their number depends on the slope a little, so the last may be left out.
  """
  run = float(width - 1 - 2 * _ZIGZAG_MARGIN)
  angle = jnp.arctan((row1 - row0) / run)
  length = run / jnp.cos(angle)
  wave = 2 * _ZIGZAG_LENGTH
  longest = (run**2 + _ZIGZAG_RISE**2) ** 0.5
  most = int((longest - _ZIGZAG_LENGTH) // wave) + 1
  count = jnp.floor((length - _ZIGZAG_LENGTH) / wave) + 1

  place = jnp.arange(1, most + 2, dtype=jnp.float32)
  along = (2 * place - 1) * _ZIGZAG_LENGTH
  across = jnp.where(place % 2 == 1, 1.0, -1.0) * _ZIGZAG_WIDTH
  # The generator divides the last amplitude by what is left of the length.
  rest = length - wave * jnp.floor(length / wave)
  last = jnp.where(count % 2 == 1, 1.0, -1.0) * _ZIGZAG_WIDTH
  is_end = place == count + 1
  along = jnp.where(is_end, length, along)
  across = jnp.where(is_end, last / (2 * jnp.where(rest == 0, 1, rest)), across)
  is_drawn = (place <= count) | (is_end & (rest != 0))

  along, across = (jnp.concatenate([jnp.zeros(1), a]) for a in (along, across))
  cosine, sine = jnp.cos(angle), jnp.sin(angle)
  columns = cosine * along - sine * across + _ZIGZAG_MARGIN
  rows = sine * along + cosine * across + row0
  return columns, rows, is_drawn


def _zigzag(image, row0, row1):
  columns, rows, is_drawn = _zigzag_corners(image.shape[1], row0, row1)
  for i in range(len(is_drawn)):
    start, end = (columns[i], rows[i]), (columns[i + 1], rows[i + 1])
    stroke = _draw_line(image.shape, start, end)
    image = _add(image, jnp.where(is_drawn[i], stroke, 0.0))
  return image


def zigzag(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """A zigzag across the image, of random height and slope.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1], H and W at least 8.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The corrupted images, same shape and dtype.

  Raises:
    errors.InputError: on other images.

  References:
    MNIST-C generator, `zigzag`.
  """
  draws.check_size(images, 8)

  def corrupt(key, image):
    start, rise = jax.random.split(key)
    row0 = _row(start, image.shape[0])
    drawn = jax.random.randint(rise, (), -_ZIGZAG_RISE, _ZIGZAG_RISE)
    return _zigzag(image, row0, row0 + drawn.astype(jnp.float32))

  return draws.per_image(corrupt, key, images, index)


def stripe(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Inverts the left and the right quarter; nothing about it is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1].
    index: not used.

  Returns:
    The corrupted images, same shape and dtype.

  Raises:
    errors.InputError: on other images.

  References:
    MNIST-C generator, `stripe`.
  """

  def corrupt(key, image):
    del key
    column = jnp.arange(image.shape[1])[:, None]
    quarter = image.shape[1] // 4
    is_outside = (column < quarter) | (column >= image.shape[1] - quarter)
    return jnp.where(is_outside, 1 - image, image)

  return draws.per_image(corrupt, key, images, index)


def inverse(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """The negative; nothing about it is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1].
    index: not used.

  Returns:
    The corrupted images, same shape and dtype.

  Raises:
    errors.InputError: on other images.

  References:
    MNIST-C generator, `inverse`, one of its corruptions that are not in the
    published data.
  """
  return draws.per_image(lambda key, image: 1 - image, key, images, index)
