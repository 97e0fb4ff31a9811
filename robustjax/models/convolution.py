"""Convolution as XLA is fast at on CPU, and max-pool with a fast gradient.

Both compute what `jax.lax.conv_general_dilated` and `flax.linen.max_pool`
compute. Images are [B, H, W, C], any float dtype.

Why: the CPU code XLA of JAX 0.10 generates for a convolution without padding
takes two to three times as long as for the same convolution with padding on one
side, forward and backward, because only the latter gets a tuned kernel. One row
of zeros, whose outputs are cropped away, is therefore the cheaper program. From
JAX 0.11 on both forms take the same time. Maps smaller than the kernel get no
tuned kernel in either version, and take 10 to 25 times as long as a matrix
product of their patches. A kernel of one pixel is a matrix product as it is, up
to four times as fast as the convolution. Other platforms get XLA's own.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.layers import moments

_GROUPED = ('feature', 'batch')
_IMAGE_LAYOUT = ('NHWC', 'HWIO', 'NHWC')
# As a user writes it, and as nn.Conv does.
_IMAGE_LAYOUTS = (
  _IMAGE_LAYOUT,
  jax.lax.conv_dimension_numbers((1,) * 4, (1,) * 4, _IMAGE_LAYOUT),
)


def _is_unpadded(padding: str | Sequence[tuple[int, int]]) -> bool:
  if isinstance(padding, str):
    return padding == 'VALID'
  return all(tuple(pair) == (0, 0) for pair in padding)


def _is_smaller(lhs, rhs) -> bool:
  """Whether images [B, H, W, C] are smaller than a kernel."""
  return lhs.shape[1] < rhs.shape[0] or lhs.shape[2] < rhs.shape[1]


def _is_plain(options) -> bool:
  """Whether there are neither dilations nor groups."""
  dilations = (options.get(f'{side}_dilation') for side in ('lhs', 'rhs'))
  groups = (options.get(f'{axis}_group_count', 1) for axis in _GROUPED)
  return set(groups) == {1} and all(set(d or (1,)) == {1} for d in dilations)


def _products(options):
  """How products and sums are rounded."""
  named = ('precision', 'preferred_element_type')
  return {name: options.get(name) for name in named}


def _multiply_pixels(lhs, rhs, strides, options):
  """The convolution with a kernel of one pixel, unpadded."""
  pixels = lhs[:, :: strides[0], :: strides[1]]
  return jnp.matmul(pixels, rhs[0, 0], **_products(options))


def _multiply_patches(lhs, rhs, padding, options):
  """The convolution, stride 1, as one matrix product."""
  rows, columns, channels, features = rhs.shape
  if isinstance(padding, str):
    size = lhs.shape[1:3]
    padding = jax.lax.padtype_to_pads(size, (rows, columns), (1, 1), padding)
  padded = jnp.pad(lhs, ((0, 0), *padding, (0, 0)))
  height, width = padded.shape[1] - rows + 1, padded.shape[2] - columns + 1
  strips = [padded[:, :, j : j + width] for j in range(columns)]
  strips = jnp.concatenate(strips, axis=-1)
  patches = [strips[:, i : i + height] for i in range(rows)]
  patches = jnp.concatenate(patches, axis=-1)
  kernel = rhs.reshape(rows * columns * channels, features)
  return jnp.matmul(patches, kernel, **_products(options))


def convolve(
  lhs: array_types.Array,
  rhs: array_types.Array,
  window_strides: Sequence[int],
  padding: str | Sequence[tuple[int, int]],
  **options,
) -> array_types.Array:
  """A drop-in for `jax.lax.conv_general_dilated` that is fast on CPU too.

  Give it to a Flax layer as `nn.Conv(..., conv_general_dilated=convolve)`: its
  parameters, names and initialisation stay the same.

  Args:
    lhs: images, [B, H, W, C_in] for the fast path; any layout is right.
    rhs: kernel [k_h, k_w, C_in, C_out], or in the layout of the images.
    window_strides: strides, one per spatial axis.
    padding: 'SAME', 'VALID', or (low, high) per spatial axis.
    **options: the other arguments of `jax.lax.conv_general_dilated`.

  Returns:
    The convolution [B, H', W', C_out], equal to XLA's own up to rounding.
  """

  def plain(lhs, rhs):
    return jax.lax.conv_general_dilated(
      lhs, rhs, window_strides, padding, **options
    )

  def padded_then_cropped(lhs, rhs):
    no_padding = (0, 0)
    padded = jax.lax.conv_general_dilated(
      lhs, rhs, window_strides, [(0, 1), no_padding], **options
    )
    return padded[:, :-1]

  def multiplied(lhs, rhs):
    return _multiply_patches(lhs, rhs, padding, options)

  def multiplied_by_pixel(lhs, rhs):
    return _multiply_pixels(lhs, rhs, window_strides, options)

  has_layout = options.get('dimension_numbers') in _IMAGE_LAYOUTS
  has_stride_one = has_layout and tuple(window_strides) == (1, 1)
  is_pixel = has_layout and rhs.shape[:2] == (1, 1) and _is_plain(options)
  if is_pixel and _is_unpadded(padding):
    fast = multiplied_by_pixel
  elif has_stride_one and _is_unpadded(padding):
    fast = padded_then_cropped
  elif has_stride_one and _is_smaller(lhs, rhs) and _is_plain(options):
    fast = multiplied
  else:
    return plain(lhs, rhs)
  return jax.lax.platform_dependent(lhs, rhs, cpu=fast, default=plain)


def max_pool(images: array_types.Array, window: int = 2) -> array_types.Array:
  """The largest value of each window x window square, without overlap.

  A reshape and a maximum: on CPU its gradient takes a tenth of the time of
  `flax.linen.max_pool`'s. Where several values of a window are the largest,
  they share the gradient equally, instead of the first taking it all.

  Args:
    images: [B, H, W, C].
    window: side of the square and stride; at least 1.

  Returns:
    [B, H // window, W // window, C]; rows and columns left over are dropped.

  Raises:
    errors.InputError: on what are no float images, a window that is none, or
      images smaller than it.
  """
  errors.check_floats('images', images, '[B, H, W, C]')
  errors.check_integer('window', window, low=1)
  batch, height, width, channels = images.shape
  rows, columns = height // window, width // window
  if rows == 0 or columns == 0:
    expected = f'height and width of at least {window}'
    raise errors.InputError('images', expected, f'shape {images.shape}')
  cropped = images[:, : rows * window, : columns * window]
  squares = cropped.reshape(batch, rows, window, columns, window, channels)
  return _largest(squares)


@jax.custom_jvp
def _largest(squares):
  """The largest of each window, [B, H, w, W, w, C] to [B, H, W, C]."""
  return squares.max(axis=(2, 4))


@_largest.defjvp
def _largest_jvp(primals, tangents):
  """As JAX has it, but for windows in which nothing equals the largest.

  XLA may compute what is pooled twice and round it in two ways, so that none of
  a window is equal to its largest any more. JAX divides by how many are, and
  all gradients below would be NaN; here such a window has none.
  """
  (squares,), (tangent,) = primals, tangents
  found = _largest(squares)
  chosen = found[:, :, None, :, None]
  return found, moments.share_along(squares, chosen, tangent, axis=(2, 4))
