"""Changes of contrast, colour and resolution of images [B, H, W, C].

Images are float in [0, 1] with 1 or 3 channels; results too, in the same shape
and dtype. Nothing here is random: `key` and `index` are taken because every
corruption takes them. Parameters may be traced, so that a sweep over severities
compiles once. Pixels do not depend on the batch.
"""

import math

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws

_SMALLEST_RATIO = 0.25
_LUMINANCE = (0.2125, 0.7154, 0.0721)  # ITU-R 709, as scikit-image has it


def contrast(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Draws every channel towards its mean over the image.

  Args:
    key: not used.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    amount: share of the contrast that stays, at least 0.
    index: not used.

  Returns:
    (images - mean) * amount + mean, clipped; same shape and dtype.

  Raises:
    errors.InputError: on a negative amount or other images.

  References:
    ImageNet-C; the generator of MNIST-C.
  """
  errors.check_number('amount', amount)

  def corrupt(_, image):
    mean = image.mean(axis=(0, 1), keepdims=True)
    return (image - mean) * jnp.asarray(amount, image.dtype) + mean

  return draws.per_image(corrupt, key, images, index)


def _luminance(red, green, blue):
  return sum(
    share * value
    for share, value in zip(_LUMINANCE, (red, green, blue), strict=True)
  )


def _saturate_pixels(image, scale, shift):
  """HSV saturation becomes saturation * scale + shift; [H, W, 3] to the same.

  No hue is computed: a channel is V (1 - S w), and w, its place between the
  largest channel (0) and the smallest (1), is what the hue says.
  """
  largest = image.max(axis=-1, keepdims=True)
  spread = largest - image.min(axis=-1, keepdims=True)
  is_grey = spread == 0
  # Grey has hue 0: red is its largest channel, should it become saturated.
  red = jnp.asarray([0, 1, 1], image.dtype)
  place = (largest - image) / jnp.where(is_grey, 1, spread)
  place = jnp.where(is_grey, red, place)
  saturation = spread / jnp.where(is_grey, 1, largest)
  saturation = jnp.clip(saturation * scale + shift, 0, 1)
  return largest * (1 - saturation * place)


def saturate(
  key: array_types.Key,
  images: array_types.Array,
  *,
  scale: array_types.ArrayLike,
  shift: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Changes the saturation of colours, in HSV.

  As in the original, grey pixels have hue 0, so that a positive `shift` tints
  them red. Grey images are treated as grey colour images, and the result's
  luminance is returned.

  Args:
    key: not used.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    scale: factor of the saturation, at least 0.
    shift: added to it, in [0, 1]; the sum is clipped to [0, 1].
    index: not used.

  Returns:
    The images with other saturation, same shape and dtype.

  Raises:
    errors.InputError: on another number or other images.

  References:
    ImageNet-C. For MNIST-C see `saturate_grey`.
  """
  errors.check_number('scale', scale)
  errors.check_number('shift', shift, high=1.0)

  def corrupt(_, image):
    factors = jnp.asarray(scale, image.dtype), jnp.asarray(shift, image.dtype)
    if image.shape[-1] == 3:
      return _saturate_pixels(image, *factors)
    colour = _saturate_pixels(jnp.repeat(image, 3, axis=-1), *factors)
    return _luminance(*(colour[..., c : c + 1] for c in range(3)))

  return draws.per_image(corrupt, key, images, index)


def _share_of_hue(hue, saturation):
  """Luminance of the HSV colour (hue, saturation, 1)."""
  turns = jnp.asarray([5.0, 3.0, 1.0], hue.dtype) + 6 * hue
  turns = turns % 6
  place = jnp.clip(jnp.minimum(turns, 4 - turns), 0, 1)
  return _luminance(*(1 - saturation * place))


def saturate_grey(
  key: array_types.Key,
  images: array_types.Array,
  *,
  scale: array_types.ArrayLike,
  shift: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Scales and shifts hue, saturation and value, all three, of grey pixels.

  This is what the generator of MNIST-C calls `saturate`. Hue and saturation of
  grey are 0 and become `shift`; the luminance of the resulting colour is
  returned.

  Args:
    key: not used.
    images: float [B, H, W, C] in [0, 1]; of colour images, each channel is
      treated as a grey image.
    scale: factor, at least 0.
    shift: added, in [0, 1]; each sum is clipped to [0, 1].
    index: not used.

  Returns:
    The images, same shape and dtype.

  Raises:
    errors.InputError: on another number or other images.

  References:
    The generator of MNIST-C, beyond the fifteen published sets.
  """
  errors.check_number('scale', scale)
  errors.check_number('shift', shift, high=1.0)

  def corrupt(_, image):
    offset = jnp.asarray(shift, image.dtype)
    value = jnp.clip(image * jnp.asarray(scale, image.dtype) + offset, 0, 1)
    hue = jnp.clip(offset, 0, 1)
    return value * _share_of_hue(hue, hue)

  return draws.per_image(corrupt, key, images, index)


def _box_means(levels, ratio, axis):
  """Shrinks an axis to a share of its size and back, by Pillow's box filter."""
  size = levels.shape[axis]
  small = jnp.floor(size * ratio).astype(jnp.int32)
  small = jnp.clip(small, 1, size)

  def start(box):
    return (2 * box * size + small) // (2 * small)

  place = jnp.arange(size)
  # The box that a pixel of the result shows, and the one that it belongs to.
  box = (2 * place + 1) * small // (2 * size)
  means = _means_ahead(levels, start(box + 1) - place, axis)
  return jnp.take(means, start(box), axis=axis, mode='clip')


def _means_ahead(levels, count, axis):
  """Means of `count` [size] pixels from each pixel on, along an axis.

  The pixels are summed as integers and multiplied by the rounded inverse of
  their number, in units of 2^-22, as Pillow does it.
  """
  size = levels.shape[axis]
  longest = _longest_box(size)
  shape, margins = [1, 1, 1], [(0, 0)] * 3
  shape[axis], margins[axis] = size, (0, longest - 1)
  count = count.reshape(shape)
  padded = jnp.pad(levels, margins)
  total = 0
  for step in range(longest):
    ahead = jax.lax.slice_in_dim(padded, step, step + size, axis=axis)
    total = total + jnp.where(step < count, ahead, 0)
  inverse = ((1 << 23) + count) // (2 * count)
  return (total * inverse + (1 << 21)) >> 22


def _longest_box(size):
  """Pixels in a box at the smallest ratio."""
  return math.ceil(size / max(1, int(size * _SMALLEST_RATIO)))


def pixelate(
  key: array_types.Key,
  images: array_types.Array,
  *,
  ratio: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Lowers the resolution: boxes of pixels become their mean.

  Args:
    key: not used.
    images: float [B, H, W, C] in [0, 1], C 1 or 3. They are rounded to 256
      levels first, so gradients are zero.
    ratio: size of the small image as a share, in [0.25, 1]. The small image has
      floor(ratio H) rows and floor(ratio W) columns, at least one.
    index: not used.

  Returns:
    The pixelated images, multiples of 1/255, same shape and dtype.

  Raises:
    errors.InputError: on another ratio or other images.

  References:
    ImageNet-C and the generator of MNIST-C: Pillow's resize with BOX, rounding
    to 256 levels after each axis, the columns first. At the published sizes, 28
    and 224, results are Pillow's bit for bit. At sizes where a pixel's centre
    falls on the edge between two boxes, Pillow's rounding decides which box it
    joins, here it is always the earlier; and Pillow takes the rows of tall
    images first. (The port in TensorFlow Datasets names no filter: its result
    depends on Pillow's default.)
  """
  errors.check_number('ratio', ratio, low=_SMALLEST_RATIO, high=1.0)

  def corrupt(_, image):
    levels = jnp.round(image * 255).astype(jnp.int32)
    share = jnp.asarray(ratio, jnp.float32)
    levels = _box_means(_box_means(levels, share, axis=1), share, axis=0)
    return levels.astype(image.dtype) / 255

  return draws.per_image(corrupt, key, images, index)


def quantize(
  key: array_types.Key,
  images: array_types.Array,
  *,
  bits: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Rounds to the nearest of 2^bits equally spaced levels.

  Args:
    key: not used.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    bits: number of bits, in [1, 8].
    index: not used.

  Returns:
    The rounded images, same shape and dtype; gradients are zero.

  Raises:
    errors.InputError: on another number of bits or other images.

  References:
    The generator of MNIST-C, beyond the fifteen published sets.
  """
  errors.check_number('bits', bits, low=1.0, high=8.0)

  def corrupt(_, image):
    # Rounded, since powers are not exact on every device.
    steps = jnp.round(jnp.exp2(jnp.asarray(bits, jnp.float32))) - 1
    steps = steps.astype(image.dtype)
    return jnp.round(image * steps) / steps

  return draws.per_image(corrupt, key, images, index)
