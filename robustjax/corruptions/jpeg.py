"""JPEG compression and decompression, as Pillow with libjpeg-turbo does it.

Baseline JPEG loses information in three places: colours are averaged over 2x2
pixels, the cosine transform of each 8x8 block is rounded to multiples of a
table, and every step works on integers. All three are done here in libjpeg's
own integer arithmetic, so results are Pillow's, bit for bit, on any device and
in any batch. What follows the rounding (Huffman coding) loses nothing and is
left out.
"""

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws

_SIZE = 8  # pixels on the side of a block

# sqrt(8) times the orthonormal cosine transform, in units of 2^-13. libjpeg
# multiplies by sums of rounded constants, hence values that differ by one.
_COSINES = np.array(
  [
    [8192, 8192, 8192, 8192, 8192, 8192, 8192, 8192],
    [11363, 9633, 6437, 2260, -2260, -6437, -9633, -11363],
    [10703, 4433, -4433, -10703, -10703, -4433, 4433, 10703],
    [9633, -2259, -11362, -6436, 6436, 11362, 2259, -9633],
    [8192, -8192, -8192, 8192, 8192, -8192, -8192, 8192],
    [6437, -11362, 2261, 9633, -9633, -2261, 11362, -6437],
    [4433, -10704, 10704, -4433, -4433, 10704, -10704, 4433],
    [2260, -6436, 9633, -11363, 11363, -9633, 6436, -2260],
  ],
  np.int32,
)
_COSINE_BITS = 13
_PASS_BITS = 2  # kept below the binary point between two passes

# Tables K.1 and K.2 of the standard: steps at quality 50.
_LUMA_STEPS = np.array(
  [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
  ],
  np.int32,
)
_CHROMA_STEPS = np.array(
  [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
  ],
  np.int32,
)


def _shift_and_round(value, bits):
  return (value + (1 << (bits - 1))) >> bits


def _fixed(value):
  """A constant in units of 2^-16."""
  return round(value * 2**16)


def _scaled_steps(steps, quality):
  """A quantisation table [8, 8] at a quality in 1..100."""
  quality = jnp.round(jnp.asarray(quality)).astype(jnp.int32)
  percent = jnp.where(quality < 50, 5000 // quality, 200 - 2 * quality)
  return jnp.clip((jnp.asarray(steps) * percent + 50) // 100, 1, 255)


def _rgb_to_ycc(levels):
  red, green, blue = (levels[..., c] for c in range(3))
  half = 1 << 15
  # libjpeg keeps the three shares of luma at a sum of 2^16, and rounds chroma
  # a hair below one half down, so that it stays below 256.
  luma = 19595 * red + 38470 * green + 7471 * blue + half
  centre = (128 << 16) + half - 1
  chroma_blue = -11059 * red - 21709 * green + 32768 * blue + centre
  chroma_red = 32768 * red - 27439 * green - 5329 * blue + centre
  return luma >> 16, chroma_blue >> 16, chroma_red >> 16


def _ycc_to_rgb(luma, chroma_blue, chroma_red):
  blue, red = chroma_blue - 128, chroma_red - 128
  more_red = _shift_and_round(_fixed(1.402) * red, 16)
  more_green = _shift_and_round(
    -_fixed(0.34414) * blue - _fixed(0.71414) * red, 16
  )
  more_blue = _shift_and_round(_fixed(1.772) * blue, 16)
  planes = luma + more_red, luma + more_green, luma + more_blue
  return jnp.clip(jnp.stack(planes, axis=-1), 0, 255)


def _pad_to_multiple(plane, rows, columns):
  """Repeats the last row and column up to multiples of `rows`, `columns`."""
  missing = ((0, -plane.shape[0] % rows), (0, -plane.shape[1] % columns))
  return jnp.pad(plane, missing, mode='edge')


def _halve(plane):
  """Means of 2x2 pixels; halves go down and up in turn along a row."""
  plane = _pad_to_multiple(plane, 2, 2 * _SIZE)
  height, width = plane.shape
  quads = plane.reshape(height // 2, 2, width // 2, 2)
  bias = 1 + jnp.arange(width // 2) % 2
  return (quads.sum(axis=(1, 3), dtype=jnp.int32) + bias[None, :]) >> 2


def _between(plane, axis):
  """Three parts of each value and one of its neighbour before, and after."""
  size = plane.shape[axis]
  margins = [(0, 0), (0, 0)]
  margins[axis] = (1, 1)
  padded = jnp.pad(plane, margins, mode='edge')
  before = jax.lax.slice_in_dim(padded, 0, size, axis=axis)
  after = jax.lax.slice_in_dim(padded, 2, size + 2, axis=axis)
  return 3 * plane + before, 3 * plane + after


def _interleave(first, second, axis):
  stacked = jnp.stack([first, second], axis=axis + 1)
  shape = list(first.shape)
  shape[axis] *= 2
  return stacked.reshape(shape)


def _double(plane):
  """Twice the size by a triangle filter; libjpeg's "fancy upsampling"."""
  if plane.shape[1] <= 2:  # there libjpeg repeats pixels
    return jnp.repeat(jnp.repeat(plane, 2, axis=0), 2, axis=1)
  rows = _interleave(*_between(plane, 0), axis=0)
  left, right = _between(rows, 1)
  return _interleave((left + 8) >> 4, (right + 7) >> 4, axis=1)


def _transform(matrix, blocks, bits):
  """Multiplies the last axis of blocks by a matrix, then drops `bits` bits."""
  product = jnp.einsum('hrwc,kc->hrwk', blocks, jnp.asarray(matrix))
  return _shift_and_round(product, bits)


def _turn(blocks):
  """Exchanges rows and columns within each block."""
  return blocks.transpose(0, 3, 2, 1)


def _quantise(coefficients, steps):
  """Rounds eightfold coefficients to multiples of steps; halves go outward."""
  steps = steps[None, :, None, :]
  eightfold = (_SIZE * steps).astype(jnp.float32)
  # The quotient of an integer and a half by an integer is never an integer: no
  # rounding of the division can change its floor.
  magnitude = jnp.abs(coefficients).astype(jnp.float32) + eightfold / 2 + 0.5
  count = jnp.floor(magnitude / eightfold).astype(jnp.int32)
  return jnp.sign(coefficients) * count * steps


def _compress_plane(plane, steps):
  """A plane [H, W] of 0..255, through the transform and back."""
  padded = _pad_to_multiple(plane, _SIZE, _SIZE)
  height, width = padded.shape
  blocks = padded.reshape(height // _SIZE, _SIZE, width // _SIZE, _SIZE) - 128
  up, down = _COSINE_BITS - _PASS_BITS, _COSINE_BITS + _PASS_BITS
  blocks = _turn(_transform(_COSINES, blocks, up))
  blocks = _transform(_COSINES, blocks, down)
  blocks = _quantise(blocks, steps.T)  # turned, as the blocks are
  blocks = _turn(_transform(_COSINES.T, blocks, up))
  blocks = _transform(_COSINES.T, blocks, down + 3)  # 3: eightfold before
  values = jnp.clip(blocks + 128, 0, 255).reshape(height, width)
  return values[: plane.shape[0], : plane.shape[1]]


def _compress_chroma(plane, steps):
  """As `_compress_plane`, at half the size."""
  height, width = plane.shape
  small = _compress_plane(_halve(plane), steps)
  small = small[: (height + 1) // 2, : (width + 1) // 2]
  return _double(small)[:height, :width]


def _compress(levels, quality):
  """Levels int32 [H, W, C] in 0..255, compressed and decompressed."""
  luma_steps = _scaled_steps(_LUMA_STEPS, quality)
  if levels.shape[-1] == 1:
    return _compress_plane(levels[..., 0], luma_steps)[..., None]
  chroma_steps = _scaled_steps(_CHROMA_STEPS, quality)
  luma, *chroma = _rgb_to_ycc(levels)
  # Both at once: XLA recomputes less than when it meets them one by one.
  chroma = jax.vmap(_compress_chroma, (0, None))(
    jnp.stack(chroma), chroma_steps
  )
  return _ycc_to_rgb(_compress_plane(luma, luma_steps), *chroma)


def jpeg_compression(
  key: array_types.Key,
  images: array_types.Array,
  *,
  quality: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Compresses by JPEG and decompresses; nothing about it is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1], C 1 or 3. They are rounded to 256
      levels first, so gradients are zero.
    quality: libjpeg's, in [1, 100], rounded to an integer; may be traced.
    index: not used.

  Returns:
    The images after compression, multiples of 1/255, same shape and dtype.

  Raises:
    errors.InputError: on another quality or other images.

  References:
    ImageNet-C and the generator of MNIST-C: Pillow's JPEG at its defaults,
    chroma at half the size for colour images, luma alone for grey ones.
  """
  errors.check_number('quality', quality, low=1.0, high=100.0)

  def compress_one(_, image):
    levels = jnp.round(image * 255).astype(jnp.int32)
    return _compress(levels, quality).astype(image.dtype) / 255

  return draws.per_image(compress_one, key, images, index)
