"""Photographs of any size, decoded and cut to squares as ImageNet's are.

All resizing is Pillow's bilinear filter, which widens with the reduction, so
that nothing aliases. Photographs are decoded whole: the reduced decoding of
JPEG (Pillow's `draft`) would give other pixels, and gains nothing at the usual
sizes, where a photograph is less than twice as large as what is cut out of it.

References:
  Szegedy et al. Going Deeper with Convolutions. CVPR 2015, section 6 (the
    random crop; how often it is tried again, and the centre in the end, are
    those of torchvision's RandomResizedCrop).
  He et al. Deep Residual Learning for Image Recognition. CVPR 2016, section 3.4
    (the crop of test images, out of 256 at 224).
"""

import io
import math

import numpy as np
from PIL import Image

from robustjax import errors

AREAS = (0.08, 1.0)  # of a random crop, as shares of the photograph's
ASPECTS = (3 / 4, 4 / 3)  # of a random crop, width by height
LARGEST_SIDE = 8192  # pixels of what is cut out
TRIES = 10  # after which the centre is taken

_BILINEAR = Image.Resampling.BILINEAR
_FORMATS = ('JPEG', 'PNG')  # what TFDS keeps images as
_SHORTER = 256 / 224  # shorter side of a test image, by that of its crop
# Of more than 8 bits per channel, which Pillow would clip to 8.
DEEP_MODES = ('I', 'F')


def decode(content: bytes, name: str) -> Image.Image:
  """Decodes a photograph to colour.

  Grey ones, palettes and CMYK become RGB, transparency is dropped. Damage that
  leaves a file whole, such as a flipped bit, is not noticed: neither JPEG nor
  its decoders can tell.

  Args:
    content: a JPEG or PNG file.
    name: what an error calls it.

  Returns:
    A Pillow image in RGB.

  Raises:
    errors.InputError: if it cannot be decoded, with its name.
  """
  expected = 'photographs that can be decoded'
  try:
    image = Image.open(io.BytesIO(content), formats=_FORMATS)
    image.load()
  # A damaged file raises one of many types, from Pillow's own readers.
  except Exception as error:
    got = f'{name}: {type(error).__name__}'
    raise errors.InputError('dataset', expected, got) from error
  if image.mode.startswith(DEEP_MODES):
    got = f'{name}, with more than 8 bits per channel'
    raise errors.InputError('dataset', expected, got)
  if image.mode == 'P':  # Pillow warns of a transparent palette otherwise.
    image = image.convert('RGBA')
  return image.convert('RGB')


def random_crop(
  generator: np.random.Generator, image: Image.Image, side: int
) -> np.ndarray:
  """A random part of a photograph, resized to a square: a training image.

  The share of the area is U(.08, 1), the logarithm of width by height uniform
  between those of 3/4 and 4/3, every place where that fits equally likely.

  Args:
    generator: draws the part.
    image: in RGB.
    side: H and W of the result.

  Returns:
    uint8 [side, side, 3].
  """
  box = crop_box(generator, *image.size)
  return np.asarray(image.crop(box).resize((side, side), _BILINEAR))


def crop_box(
  generator: np.random.Generator, width: int, height: int
) -> tuple[int, int, int, int]:
  """Draws the part of a photograph that `random_crop` takes.

  Args:
    generator: draws it.
    width: of the photograph.
    height: of the photograph.

  Returns:
    Left, top, right, bottom, whole pixels. After ten parts that do not fit, the
    largest one in the centre whose width by height is within the bounds.
  """
  for _ in range(TRIES):
    area = generator.uniform(*AREAS) * width * height
    aspect = math.exp(generator.uniform(*map(math.log, ASPECTS)))
    size = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
    if 0 < size[0] <= width and 0 < size[1] <= height:
      left = int(generator.integers(width - size[0] + 1))
      top = int(generator.integers(height - size[1] + 1))
      return left, top, left + size[0], top + size[1]
  low, high = ASPECTS
  inner = min(width, round(height * high)), min(height, round(width / low))
  return _centre_box((width, height), inner)


def centre_crop(image: Image.Image, side: int) -> np.ndarray:
  """The centre of a resized photograph: a test image.

  The shorter side becomes side * 256 / 224, the longer one keeps its ratio to
  it, rounded down, and a square is cut out of the centre.

  Args:
    image: in RGB.
    side: H and W of the result.

  Returns:
    uint8 [side, side, 3].
  """
  shorter = round(side * _SHORTER)
  size = [shorter * length // min(image.size) for length in image.size]
  resized = image.resize(size, _BILINEAR)
  return np.asarray(resized.crop(_centre_box(size, (side, side))))


def _centre_box(size, inner) -> tuple[int, int, int, int]:
  """Of width and height `inner`, in the centre of what has `size`."""
  left, top = (
    round((whole - part) / 2) for whole, part in zip(size, inner, strict=True)
  )
  return left, top, left + inner[0], top + inner[1]
