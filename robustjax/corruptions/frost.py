"""Frost on images float [B, H, W, C] in [0, 1].

The generators mix in crops of photographs, which robustjax does not ship. Who
has them passes them; else the frost is a procedural texture of our own.
"""

from collections.abc import Sequence
import math
import os
import pathlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws
from robustjax.corruptions import fractal

PROCEDURAL_FROST = 'procedural texture of robustjax, not the photographs'
_LUMINANCE = (0.299, 0.587, 0.114)  # Rec. 601
_MOST_SHRINK = 99
_PHOTOGRAPHS = 5  # of the generators' six, the first
_SUFFIXES = ('.png', '.jpg', '.jpeg')
# Our texture: ice on a dimmer, faintly blue ground.
_DECAY = 1.6
_MEAN, _DEVIATION = 0.5, 0.2
_TINT = (0.94, 1.0, 1.06)


class FrostTextures(NamedTuple):
  """Photographs of frost.

  Attributes:
    pixels: float32 [N, h, w, 3] in [0, 1], each photograph in the upper left
      corner, zeros beyond.
    sizes: int32 [N, 2], height and width of each.
  """

  pixels: array_types.Array
  sizes: array_types.Array


def frost_source(textures: FrostTextures | None) -> str:
  """What frost is made from, for a report."""
  if textures is None:
    return PROCEDURAL_FROST
  return f'{len(textures.sizes)} photographs'


def _read(path: pathlib.Path) -> np.ndarray:
  """A PNG or JPEG as float32 [h, w, 3] in [0, 1]."""
  import PIL.Image  # Not needed to import robustjax.

  try:
    with PIL.Image.open(path, formats=('PNG', 'JPEG')) as image:
      if image.mode.startswith('I'):  # 16 bits, which `convert` would cut.
        grey = np.asarray(image, np.float32) / np.float32(2**16 - 1)
        return np.repeat(grey[..., None], 3, axis=-1)
      pixels = np.asarray(image.convert('RGB'))
  except (OSError, SyntaxError, PIL.Image.DecompressionBombError) as error:
    expected = 'a readable PNG or JPEG image'
    raise errors.InputError(str(path), expected, str(error)) from error
  return pixels / np.float32(255)


def _stack(photographs: Sequence[np.ndarray]) -> FrostTextures:
  sizes = np.array([one.shape[:2] for one in photographs], np.int32)
  largest = sizes.max(axis=0)
  pixels = np.zeros((len(sizes), *largest, 3), np.float32)
  for space, one in zip(pixels, photographs, strict=True):
    space[: one.shape[0], : one.shape[1]] = one
  return FrostTextures(pixels, sizes)


def load_frost_textures(folder: str | os.PathLike) -> FrostTextures:
  """Reads the generators' photographs of frost.

  Args:
    folder: with `frost1.png` to `frost5.jpg`, or other images. Of its PNG and
      JPEG images the first five by name are read: the generators name six and
      draw among five.

  Returns:
    The photographs in full size.

  Raises:
    errors.InputError: if there is no such folder, no image in it, or one that
      cannot be read.
  """
  folder = errors.as_path('frost_folder', folder)
  expected = 'a folder with PNG or JPEG images of frost'
  if not folder.is_dir():
    raise errors.InputError('frost_folder', expected, f'{str(folder)!r}')
  paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES)
  if not paths:
    raise errors.InputError('frost_folder', expected, f'none in {folder}')
  return _stack([_read(path) for path in paths[:_PHOTOGRAPHS]])


def _check_textures(
  textures: FrostTextures, shape: Sequence[int], shrink: int
) -> None:
  """Whether a crop fits into every texture, where the sizes are known."""
  if not isinstance(textures, FrostTextures):
    expected, got = 'FrostTextures, or None', type(textures).__name__
    raise errors.InputError('textures', expected, got)
  pixels, sizes = textures
  errors.check_floats('textures', pixels, '[N, h, w, 3]')
  expected = 'float photographs [N, h, w, 3] with integer sizes [N, 2]'
  is_shaped = pixels.shape[-1] == 3 and len(pixels)
  if not is_shaped or getattr(sizes, 'shape', None) != (len(pixels), 2):
    got = f'shapes {pixels.shape} and {getattr(sizes, "shape", sizes)}'
    raise errors.InputError('textures', expected, got)
  if not jnp.issubdtype(sizes.dtype, jnp.integer):
    raise errors.InputError('textures', expected, f'sizes of {sizes.dtype}')
  if isinstance(sizes, jax.core.Tracer):
    least = pixels.shape[1:3]
  else:
    least = np.minimum(np.asarray(sizes).min(axis=0), pixels.shape[1:3])
  least = [_shrunk(one, shrink) for one in least]
  if least[0] <= shape[0] or least[1] <= shape[1]:
    expected = f'photographs larger than the images, {shape[0]} x {shape[1]}'
    got = f'{least[0]} x {least[1]}'
    got += f', a {shrink}th of their size' if shrink > 1 else ''
    raise errors.InputError('textures', expected, got)


def _shrunk(length, shrink):
  """Pixels that are left of a length."""
  return (length + shrink // 2) // shrink


def _draw_crop(key, textures, shape, shrink):
  """Which photograph, and the row and column where its crop begins."""
  uniform = draws.uniform(key, (3,))

  def below(number, count):
    drawn = jnp.floor(number * count.astype(jnp.float32)).astype(jnp.int32)
    return jnp.minimum(drawn, count - 1)

  count = jnp.int32(len(textures.sizes))
  place = below(uniform[0], count)
  size = _shrunk(jnp.asarray(textures.sizes)[place], shrink)
  rest = size - jnp.asarray(shape[:2])
  return place, below(uniform[1], rest[0]), below(uniform[2], rest[1])


def _crop(textures, place, row, column, shape, shrink):
  """A crop [H, W, C] of a shrunk photograph; for one channel its luminance.

  Of a photograph that shrinks to a fifth, bilinear interpolation leaves every
  fifth pixel, from the third on: OpenCV's `resize` smooths nothing.
  """
  start = (place, *(shrink * one + shrink // 2 for one in (row, column)), 0)
  size = (shrink * (length - 1) + 1 for length in shape[:2])
  pixels = jnp.asarray(textures.pixels)
  crop = jax.lax.dynamic_slice(pixels, start, (1, *size, 3))[0]
  crop = crop[::shrink, ::shrink]
  if shape[-1] == 3:
    return crop
  weights = jnp.asarray(_LUMINANCE, crop.dtype)[None, None]
  return jnp.sum(crop * weights, axis=-1, keepdims=True)


def _procedural(keys, shape, shrink):
  """Textures [B, H, W, C]: the crests of one fractal over another.

  Their values have mean and deviation of about 0.5 and 0.2. Every second point
  of a fractal is one of half as many points a side, so it shrinks by the power
  of two that is nearest.
  """
  both = jax.vmap(jax.random.split)(keys).reshape(-1)
  size = fractal.map_size(shape[:2], 256 >> round(math.log2(shrink)))
  maps = fractal.plasma(both, shape[:2], wibble_decay=_DECAY, size=size)
  ice, ground = maps[::2], maps[1::2]
  crests = jnp.square(1 - jnp.abs(2 * jnp.mod(4 * ice, 1.0) - 1))
  # Crests have mean 1/3 and deviation 0.3, the ground 0.5 and 0.2.
  relief = _MEAN + _DEVIATION / 0.36 * (crests + ground - 5 / 6)
  tint = _TINT if shape[-1] == 3 else (1.0,)
  textures = relief[..., None] * jnp.asarray(tint, jnp.float32).reshape(
    1, 1, 1, -1
  )
  return jnp.clip(textures, 0.0, 1.0)


def _frost(images, textures, image_weight, frost_weight):
  dtype = images.dtype
  weights = (jnp.asarray(one, dtype) for one in (image_weight, frost_weight))
  image_weight, frost_weight = weights
  mixed = image_weight * images + frost_weight * textures.astype(dtype)
  return jnp.clip(mixed, 0.0, 1.0)


def frost(
  key: array_types.Key,
  images: array_types.Array,
  *,
  image_weight: array_types.ArrayLike,
  frost_weight: array_types.ArrayLike,
  textures: FrostTextures | None = None,
  shrink: int = 1,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Mixes in frost.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    image_weight: of the image, at least 0; may be traced.
    frost_weight: of the frost, at least 0; may be traced. The sum is clipped.
    textures: photographs larger than the images, from `load_frost_textures`.
      Without them the frost is a texture of our own, with roughly the mean and
      contrast frost has, whose accuracies cannot be compared with published
      ones; `frost_source` says which it is.
    shrink: how many times smaller the photographs are shown; odd, static. A
      texture of our own shrinks by the nearest power of two.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The frosted images, same shape and dtype, in [0, 1].

  Raises:
    errors.InputError: on other parameters or images, or textures too small.

  References:
    MNIST-C and ImageNet-C generators, `frost`: random crops in full size, as
    grey for one channel; the last possible crop never comes, as there. That of
    CIFAR-10-C shrinks them to a fifth.
  """
  errors.check_integer('shrink', shrink, low=1, high=_MOST_SHRINK)
  if shrink % 2 == 0:
    raise errors.InputError('shrink', 'an odd integer', str(shrink))
  errors.check_number('image_weight', image_weight)
  errors.check_number('frost_weight', frost_weight)
  keys = draws.image_keys(key, images, index)
  images = jnp.asarray(images)
  shape = images.shape[1:]
  if textures is None:
    chosen = _procedural(keys, shape, shrink)
  else:
    _check_textures(textures, shape, shrink)

    def crop(key):
      place = _draw_crop(key, textures, shape, shrink)
      return _crop(textures, *place, shape, shrink)

    chosen = jax.vmap(crop)(keys)
  dtype = array_types.at_least_float32(images.dtype)
  mixed = _frost(images.astype(dtype), chosen, image_weight, frost_weight)
  return mixed.astype(images.dtype)
