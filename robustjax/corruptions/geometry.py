"""Shear, rotation, scaling and translation: corruptions of MNIST-C.

Images are float [B, H, W, C] in [0, 1]. All but the translation keep the centre
where it is; what comes in from outside is black.
"""

import math

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws
from robustjax.images import warps


def _random_sign(key):
  return jnp.where(jax.random.bernoulli(key), 1.0, -1.0).astype(jnp.float32)


def _about_centre(image, linear):
  """Warps by [[a, b], [c, d]]: from (column, row) of the result to the image's.

  The centre stays where it is.
  """
  (a, b), (c, d) = linear
  column, row = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2
  matrix = jnp.asarray(
    [
      [a, b, column - a * column - b * row],
      [c, d, row - c * column - d * row],
    ],
    jnp.float32,
  )
  return warps.affine_warp(image, matrix, mode='constant')


def _either_way(warp, key, images, angle, largest, index):
  """Warps every image by the angle or by its opposite."""
  errors.check_number('angle', angle, high=largest)

  def corrupt(key, image):
    return warp(image, angle * _random_sign(key))

  return draws.per_image(corrupt, key, images, index)


def _shear(image, angle):
  linear = ((1.0, -jnp.sin(angle)), (0.0, jnp.cos(angle)))
  return _about_centre(image, linear)


def shear(
  key: array_types.Key,
  images: array_types.Array,
  *,
  angle: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Shears by an angle to the left or to the right.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    angle: in radians, 0 to pi / 2; its sign is drawn.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The sheared images, same shape and dtype.

  Raises:
    errors.InputError: on another angle or other images.

  References:
    MNIST-C generator, `shear`. Rows come closer together by the cosine of the
    angle too, as scikit-image's shear did when the data was made.
  """
  return _either_way(_shear, key, images, angle, math.pi / 2, index)


def _rotate(image, angle):
  cosine, sine = jnp.cos(angle), jnp.sin(angle)
  return _about_centre(image, ((cosine, -sine), (sine, cosine)))


def rotate(
  key: array_types.Key,
  images: array_types.Array,
  *,
  angle: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Rotates by an angle to the left or to the right.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    angle: in radians, 0 to pi; its sign is drawn.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The rotated images, same shape and dtype.

  Raises:
    errors.InputError: on another angle or other images.

  References:
    MNIST-C generator, `rotate`.
  """
  return _either_way(_rotate, key, images, angle, math.pi, index)


def scale(
  key: array_types.Key,
  images: array_types.Array,
  *,
  factor: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Shrinks what is shown by a factor; nothing about it is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1].
    factor: above 0; 0.7 shrinks to 70 %.
    index: not used.

  Returns:
    The scaled images, same shape and dtype.

  Raises:
    errors.InputError: on another factor or other images.

  References:
    MNIST-C generator, `scale`.
  """
  errors.check_number('factor', factor, open_low=True)

  def corrupt(key, image):
    del key
    return _about_centre(image, ((1 / factor, 0.0), (0.0, 1 / factor)))

  return draws.per_image(corrupt, key, images, index)


def _translate(image, columns, rows):
  matrix = jnp.asarray([[1.0, 0.0, columns], [0.0, 1.0, rows]], jnp.float32)
  return warps.affine_warp(image, matrix, mode='constant')


def translate(
  key: array_types.Key,
  images: array_types.Array,
  *,
  distance: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Moves the image by a distance along both axes.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    distance: in pixels, at least 0; each axis draws a sign of its own.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The moved images, same shape and dtype.

  Raises:
    errors.InputError: on a negative distance or other images.

  References:
    MNIST-C generator, `translate`.
  """
  errors.check_number('distance', distance)

  def corrupt(key, image):
    keys = jax.random.split(key)
    columns, rows = (distance * _random_sign(one) for one in keys)
    return _translate(image, columns, rows)

  return draws.per_image(corrupt, key, images, index)
