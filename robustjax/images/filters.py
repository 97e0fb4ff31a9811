"""Blurs of images, any float dtype, with traced widths.

A sweep over widths, or a width that changes during training, compiles once.
Gaussian blur along an axis of H pixels is a product with an [H, H] matrix,
which any width fits.
"""

from jax import lax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

_TRUNCATE = 4.0  # in standard deviations
_MOST_TERMS = 1000  # of a sum that is written out
_LARGEST_SIZE = 2**14  # pixels, whose matrix has 1 GB
_LONGEST = 4  # times the size: how far beyond an edge the kernel is summed


def _gaussian(size: int, sigma: array_types.ArrayLike) -> array_types.Array:
  """Weights [size] of the distances 0, 1, ..., not normalised."""
  sigma = jnp.asarray(sigma, jnp.float32)
  distance = jnp.arange(size, dtype=jnp.float32)
  exponent = -0.5 * jnp.square(distance / jnp.maximum(sigma, 1e-6))
  is_inside = distance <= jnp.floor(_TRUNCATE * sigma + 0.5)
  return jnp.where(is_inside, jnp.exp(exponent), 0.0)


def blur_matrix(size: int, sigma: array_types.ArrayLike) -> array_types.Array:
  """The matrix that blurs along an axis, with edge pixels repeated outward.

  Args:
    size: number of pixels H, at most 16384.
    sigma: standard deviation in pixels, at least 0; may be traced. Up to about
      `size`; beyond, the kernel is cut at 4 `size` instead of 4 `sigma`.

  Returns:
    float32 [H, H]; rows sum to 1. The identity for sigma 0.

  Raises:
    errors.InputError: on another size or sigma.
  """
  errors.check_integer('size', size, low=1, high=_LARGEST_SIZE)
  errors.check_number('sigma', sigma)
  kernel = _gaussian(_LONGEST * size, sigma)
  place = jnp.arange(size)
  matrix = kernel[jnp.abs(place[:, None] - place[None, :])]
  if size == 1:
    return jnp.ones_like(matrix)
  # The edge pixels stand for all that lies beyond them.
  tail = jnp.cumsum(kernel[::-1])[::-1]
  matrix = matrix.at[:, 0].set(tail[:size])
  matrix = matrix.at[:, -1].set(tail[:size][::-1])
  return matrix / matrix.sum(axis=1, keepdims=True)


def gaussian_blur(
  images: array_types.Array, sigma: array_types.ArrayLike
) -> array_types.Array:
  """Gaussian blur, the kernel cut at 4 sigma and edge pixels repeated.

  Args:
    images: float [B, H, W, C].
    sigma: standard deviation in pixels, at least 0; may be traced.

  Returns:
    The blurred images, same shape and dtype.

  Raises:
    errors.InputError: on a negative sigma, or anything but such images.
  """
  errors.check_floats('images', images, '[B, H, W, C]')
  images = jnp.asarray(images)
  rows = blur_matrix(images.shape[1], sigma).astype(images.dtype)
  columns = blur_matrix(images.shape[2], sigma).astype(images.dtype)
  # On accelerators the default would round products to ten bits.
  return jnp.einsum(
    'ih,bhwc,jw->bijc', rows, images, columns, precision='highest'
  )


def filter_image(
  image: array_types.Array, kernel: array_types.Array
) -> array_types.Array:
  """Correlates an image with a kernel, mirrored at the edge pixels.

  By Fourier transform, so the time taken hardly depends on the kernel's size.

  Args:
    image: float32 or float64 [H, W, C].
    kernel: [2 R + 1, 2 R + 1], R below H and W.

  Returns:
    The filtered image, same shape and dtype: `cv2.filter2D` with its default
    border.

  Raises:
    errors.InputError: on anything but such an image and kernel.
  """
  errors.check_floats('image', image, '[H, W, C]')
  image = jnp.asarray(image)
  errors.check_floats('kernel', kernel, '[2 R + 1, 2 R + 1]')
  if kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
    expected = '[2 R + 1, 2 R + 1]'
    raise errors.InputError('kernel', expected, f'shape {kernel.shape}')
  height, width = image.shape[:2]
  reach = len(kernel) // 2
  margin = ((reach, reach), (reach, reach), (0, 0))
  padded = jnp.moveaxis(jnp.pad(image, margin, mode='reflect'), 2, 0)
  # Multiples of 16 transform fast. What wraps around is cut off below.
  size = [-(-n // 16) * 16 for n in padded.shape[1:]]
  kernel = jnp.flip(kernel.astype(image.dtype))
  spectrum = jnp.fft.rfft2(padded, size) * jnp.fft.rfft2(kernel, size)[None]
  filtered = jnp.fft.irfft2(spectrum, size)[
    :, 2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width
  ]
  return jnp.moveaxis(filtered, 0, 2)


def short_gaussian_blur(
  image: array_types.Array,
  sigma: array_types.ArrayLike,
  *,
  max_sigma: float,
  axes: tuple[int, ...] = (0, 1),
) -> array_types.Array:
  """`gaussian_blur` of one image, by as many shifts as the kernel is long.

  Faster than a matrix for narrow blurs, and the same to the last bit in any
  batch.

  Args:
    image: float [H, W, ...].
    sigma: standard deviation in pixels, at least 0; may be traced.
    max_sigma: largest sigma, static; the time taken is proportional to it.
    axes: the axes to blur along.

  Returns:
    The blurred image, same shape and dtype.

  Raises:
    errors.InputError: on another sigma or image.
  """
  errors.check_floats('image', image, '[H, W, ...]')
  image = jnp.asarray(image)
  errors.check_number('max_sigma', max_sigma, high=_MOST_TERMS)
  errors.check_number('sigma', sigma, high=max_sigma)
  reach = int(_TRUNCATE * max_sigma + 0.5)
  half = _gaussian(reach + 1, sigma)
  half = (half / (2 * half.sum() - half[0])).astype(image.dtype)
  for axis in axes:
    image = _blur_symmetric(image, half, axis)
  return image


def _blur_symmetric(image, half, axis):
  """Correlates along an axis with a kernel of which `half` is one half."""
  reach, size = len(half) - 1, image.shape[axis]
  margin = [(0, 0)] * image.ndim
  margin[axis] = (reach, reach)
  # Held back from fusion, or XLA pads anew for every term of the sum.
  padded = lax.optimization_barrier(jnp.pad(image, margin, mode='edge'))

  def shifted(step):
    start = reach + step
    return lax.slice_in_dim(padded, start, start + size, axis=axis)

  blurred = half[0] * image
  for step in range(1, reach + 1):
    blurred += half[step] * (shifted(-step) + shifted(step))
  return blurred


def motion_blur(
  image: array_types.Array,
  angle: array_types.ArrayLike,
  *,
  radius: array_types.ArrayLike,
  sigma: array_types.ArrayLike,
  max_radius: int = 20,
) -> array_types.Array:
  """Blur along a line that starts at the pixel, edge pixels repeated outward.

  Args:
    image: float [H, W, ...] in [0, 1].
    angle: direction from which a pixel gathers, in degrees clockwise from the
      right; may be traced.
    radius: half the number of steps; may be traced.
    sigma: standard deviation of their weights in pixels, above 0; may be
      traced.
    max_radius: largest radius, static; the time taken is proportional to it.

  Returns:
    The blurred image, same shape and dtype.

  Raises:
    errors.InputError: on another angle, radius or sigma, or another image.

  References:
    ImageMagick 6, -motion-blur: half a Gaussian over 2 radius + 1 unit steps
    along the line, each rounded to a pixel. As there the result is cut, not
    rounded, to 255 grey levels; gradients pass as if it were not.
  """
  errors.check_floats('image', image, '[H, W, ...]')
  image = jnp.asarray(image)
  errors.check_number('angle', angle, low=-360.0, high=360.0)
  errors.check_integer('max_radius', max_radius, low=1, high=_MOST_TERMS)
  errors.check_number('radius', radius, high=max_radius)
  errors.check_number('sigma', sigma, open_low=True)
  most = 2 * max_radius
  weights = _half_gaussian(most + 1, radius, sigma).astype(image.dtype)
  rows, columns = _steps_along(most + 1, angle)
  margin = ((most, most), (most, most), *[(0, 0)] * (image.ndim - 2))
  padded = jnp.pad(image, margin, mode='edge')
  rest = (0,) * (image.ndim - 2)

  def add_step(i, blurred):
    start = (most + rows[i], most + columns[i], *rest)
    return blurred + weights[i] * lax.dynamic_slice(padded, start, image.shape)

  # A loop, not a sum: what follows would compute the sum again for every use.
  blurred = lax.fori_loop(0, most + 1, add_step, jnp.zeros_like(image))
  return _cut_to_levels(blurred)


def _cut_to_levels(image):
  """The grey level at or below each value; as the identity to gradients.

  ImageMagick computes in levels of 1 / 65535, and rounds to those first.
  """
  levels = jnp.floor(255 * image + 0.5 / 257) / 255
  return image + lax.stop_gradient(levels - image)


def _half_gaussian(size, radius, sigma):
  """Weights [size] of the steps 0, 1, ..., up to 2 radius; they sum to 1."""
  step = jnp.arange(size, dtype=jnp.float32)
  weights = jnp.exp(-0.5 * jnp.square(step / jnp.asarray(sigma, jnp.float32)))
  last = 2 * jnp.ceil(jnp.asarray(radius, jnp.float32))
  weights = jnp.where(step <= last, weights, 0.0)
  return weights / weights.sum()


def _steps_along(size, angle):
  """Rows and columns, int32 [size] each, of unit steps in a direction."""
  step = jnp.arange(size, dtype=jnp.float32)
  angle = jnp.deg2rad(jnp.asarray(angle, jnp.float32))
  rows = jnp.ceil(step * jnp.sin(angle) - 0.5)
  columns = jnp.ceil(step * jnp.cos(angle) - 0.5)
  return rows.astype(jnp.int32), columns.astype(jnp.int32)
