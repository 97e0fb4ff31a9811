"""The outline in place of the image: a corruption of MNIST-C."""

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax.corruptions import draws

_RADIUS = 4  # of the smoothing kernel: 4 standard deviations of 1 pixel
_LOW, _HIGH = 0.1, 0.2  # of the gradient's magnitude
_LUMINANCE = (0.2125, 0.7154, 0.0721)  # Rec. 709


def _taps() -> list[float]:
  distance = np.arange(-_RADIUS, _RADIUS + 1)
  kernel = np.exp(-0.5 * np.square(distance))
  return list(kernel / kernel.sum())


def _along(grey, axis: int, weights):
  """Sum of shifted copies of [H, W] along an axis, zeros beyond the edges.

  Shifts, not a matmul: thresholds follow, and a pixel must not flip with the
  size of the batch.
  """
  reach = len(weights) // 2
  padding = [(0, 0), (0, 0)]
  padding[axis] = (reach, reach)
  padded = jnp.pad(grey, padding)
  size = grey.shape[axis]
  return sum(
    weight * jax.lax.slice_in_dim(padded, i, i + size, axis=axis)
    for i, weight in enumerate(weights)
    if weight
  )


def _smooth(grey):
  """Gaussian of deviation 1; what lies outside the image has no weight."""
  ones = jnp.ones_like(grey)
  found, weight = (
    _along(_along(one, 0, _taps()), 1, _taps()) for one in (grey, ones)
  )
  return found / (weight + jnp.finfo(grey.dtype).eps)


def _sobel(grey):
  """Gradients along rows and columns, edge pixels counted twice."""
  padded = jnp.pad(grey, 1, mode='symmetric')
  gradients = (
    _along(_along(padded, axis, (-1, 0, 1)), 1 - axis, (1, 2, 1))
    for axis in (0, 1)
  )
  return tuple(one[1:-1, 1:-1] for one in gradients)


def _is_ridge(magnitude, down, right):
  """Where the magnitude is no less than beside it, across the edge.

  The two values compared to lie on the gradient, interpolated between the
  neighbours it passes.
  """
  height, width = magnitude.shape
  padded = jnp.pad(magnitude, 1)

  def beside(row, column):
    return padded[1 + row : 1 + row + height, 1 + column : 1 + column + width]

  is_steep = jnp.abs(down) > jnp.abs(right)
  is_falling = ((down >= 0) & (right >= 0)) | ((down <= 0) & (right <= 0))
  less = jnp.minimum(jnp.abs(down), jnp.abs(right))
  more = jnp.maximum(jnp.abs(down), jnp.abs(right))
  share = less / jnp.where(more == 0, 1, more)

  def is_below(sign):
    straight = jnp.where(
      is_steep,
      beside(sign, 0),
      jnp.where(is_falling, beside(0, sign), beside(0, -sign)),
    )
    diagonal = jnp.where(is_falling, beside(sign, sign), beside(sign, -sign))
    return diagonal * share + straight * (1 - share) <= magnitude

  return is_below(1) & is_below(-1)


def _connect(strong, weak):
  """The weak pixels that touch, by way of others, a strong one."""

  def spread(state):
    edges, _ = state
    near = jax.lax.reduce_window(
      edges, False, jax.lax.bitwise_or, (3, 3), (1, 1), 'SAME'
    )
    grown = near & weak
    return grown, jnp.any(grown != edges)

  edges, _ = jax.lax.while_loop(
    lambda state: state[1], spread, (strong, jnp.any(strong))
  )
  return edges


def _edges(grey):
  """Where the edges are, bool [H, W]."""
  down, right = _sobel(_smooth(grey))
  magnitude = jnp.sqrt(down**2 + right**2)
  rows, columns = jnp.ogrid[: grey.shape[0], : grey.shape[1]]
  is_inside = (rows > 0) & (rows < grey.shape[0] - 1)
  is_inside &= (columns > 0) & (columns < grey.shape[1] - 1)
  ridge = is_inside & _is_ridge(magnitude, down, right)
  weak = ridge & (magnitude >= _LOW)
  return _connect(weak & (magnitude >= _HIGH), weak)


def canny_edges(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Canny's edges, white on black; nothing about them is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1]; edges of three channels are those of
      their luminance.
    index: not used.

  Returns:
    The edges, 0 or 1, same shape and dtype. Their gradient is zero.

  Raises:
    errors.InputError: on other images.

  References:
    MNIST-C generator, `canny_edges`: smoothing of deviation 1, thresholds 0.1
    and 0.2 on the magnitude of Sobel's gradient.
  """

  def corrupt(key, image):
    del key
    weights = jnp.asarray(_LUMINANCE if image.shape[-1] == 3 else (1.0,))
    grey = jnp.sum(image * weights.astype(image.dtype)[None, None], axis=-1)
    found = _edges(jax.lax.stop_gradient(grey))
    return jnp.broadcast_to(found[..., None], image.shape).astype(image.dtype)

  return draws.per_image(corrupt, key, images, index)
