import io

import numpy as np
from PIL import Image
import pytest

from robustjax import errors
from robustjax.data import photographs


def _file(image, kind='PNG', **options):
  file = io.BytesIO()
  image.save(file, kind, **options)
  return file.getvalue()


def _noise(rng, width, height):
  pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
  return Image.fromarray(pixels)


def _resize(pixels, side):
  """Bilinear to side x side, a triangle as wide as the reduction, one by one.

  Rounds between rows and columns, as Pillow does.
  """
  for _ in range(2):
    pixels = pixels.swapaxes(0, 1)
    size = len(pixels)
    scale = max(size / side, 1.0)
    rows = []
    for i in range(side):
      centre = (i + 0.5) * size / side - 0.5
      weights = [max(0, 1 - abs(j - centre) / scale) for j in range(size)]
      row = sum(w * pixels[j].astype(float) for j, w in enumerate(weights))
      rows.append(np.floor(row / sum(weights) + 0.5).clip(0, 255))
    pixels = np.stack(rows)
  return pixels


@pytest.mark.parametrize(
  ('image', 'colour'),
  [
    (Image.new('RGB', (3, 2), (9, 99, 199)), (9, 99, 199)),
    (Image.new('L', (3, 2), 99), (99, 99, 99)),
    (Image.new('1', (3, 2), 1), (255, 255, 255)),
    (Image.new('LA', (3, 2), (99, 0)), (99, 99, 99)),
    (Image.new('RGBA', (3, 2), (9, 99, 199, 0)), (9, 99, 199)),
    (Image.new('RGB', (3, 2), (9, 99, 199)).convert('P'), None),
  ],
  ids=lambda value: getattr(value, 'mode', ''),
)
def test_every_kind_of_image_becomes_colour(image, colour):
  found = photographs.decode(_file(image), 'a.png')
  assert found.mode == 'RGB'
  if colour is None:
    colour = image.convert('RGB').getpixel((0, 0))
  np.testing.assert_array_equal(found, np.full((2, 3, 3), colour))


def test_a_transparent_palette_warns_of_nothing():
  image = Image.new('P', (2, 1))
  image.putpalette([9, 99, 199, 3, 33, 133])
  image.putpixel((1, 0), 1)
  found = photographs.decode(_file(image, transparency=b'\0\1'), 'a.png')
  np.testing.assert_array_equal(found, [[(9, 99, 199), (3, 33, 133)]])


def test_a_jpeg_in_cmyk_becomes_colour():
  image = Image.new('CMYK', (16, 16), (255, 0, 0, 0))  # cyan
  found = photographs.decode(_file(image, 'JPEG'), 'a.jpg')
  # A constant survives JPEG, but for the rounding of its coefficients.
  np.testing.assert_allclose(
    np.asarray(found, float), np.full((16, 16, 3), (0, 255, 255)), atol=2
  )


def test_what_cannot_be_decoded_is_named(rng):
  whole = _file(_noise(rng, 40, 30), 'JPEG')
  gif = _file(_noise(rng, 4, 3), 'GIF')
  for content in (b'', b'abc', whole[:50], whole[:-20], gif):
    with pytest.raises(errors.InputError, match='decoded, got n0_1.JPEG') as e:
      photographs.decode(content, 'n0_1.JPEG')
    assert '\n' not in str(e.value)


def test_more_than_eight_bits_are_refused_not_clipped():
  deep = Image.fromarray(np.full((2, 3), 30_000, np.uint16))
  with pytest.raises(errors.InputError, match='a.png, with more than 8 bits'):
    photographs.decode(_file(deep), 'a.png')


@pytest.mark.parametrize('size', [(37, 50), (12, 9), (9, 9)])
def test_a_random_crop_is_its_box_resized(rng, size):
  image = _noise(rng, *size)
  for seed in range(3):
    left, top, right, bottom = photographs.crop_box(
      np.random.default_rng(seed), *size
    )
    part = np.asarray(image)[top:bottom, left:right]
    found = photographs.random_crop(np.random.default_rng(seed), image, 8)
    assert (found.shape, found.dtype) == ((8, 8, 3), np.uint8)
    # Pillow's weights have 22 binary digits: a tie may round otherwise.
    assert np.abs(found - _resize(part, 8)).max() <= 1


def test_boxes_lie_within_the_law_s_bounds():
  generator = np.random.default_rng(0)
  width, height = 500, 375
  for _ in range(300):
    left, top, right, bottom = photographs.crop_box(generator, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    across, down = right - left, bottom - top
    # Sides are rounded to whole pixels: by at most half a one each.
    half = (across + down) / 2
    assert across * down >= 0.08 * width * height - half
    assert (across - 0.5) / (down + 0.5) <= 4 / 3
    assert (across + 0.5) / (down - 0.5) >= 3 / 4


def test_boxes_follow_the_law():
  generator = np.random.default_rng(0)
  # So wide and high that no box of at most a tenth of it is ever refused; of
  # all boxes, those are counted whose law is then known in closed form.
  side, tries = 10_000, 4000
  boxes = np.array(
    [photographs.crop_box(generator, side, side) for _ in range(tries)], float
  )
  size = boxes[:, 2:] - boxes[:, :2]
  areas = size.prod(axis=1) / side**2
  # A square of aspect a holds the box if its area is at most min(a, 1 / a), so
  # every area up to 3/4 is as likely as any other, and all aspects with it.
  small = areas < 0.75
  # None is between .08 and .09 once in e^43 times: (1 - .01 / .92)^4000.
  assert areas.min() < 0.09
  for values, low, high in (
    (areas[small], 0.08, 0.75),
    (np.log(size[small, 0] / size[small, 1]), -np.log(4 / 3), np.log(4 / 3)),
    (boxes[small, 0] / (side - size[small, 0]), 0, 1),
    (boxes[small, 1] / (side - size[small, 1]), 0, 1),
  ):
    places = np.sort((values - low) / (high - low))
    uniform = (np.arange(len(places)) + 0.5) / len(places)
    # Kolmogorov's distance exceeds 2.4 / sqrt(n) once in 50,000 times; whole
    # pixels move a place by less than 1e-3.
    assert np.abs(places - uniform).max() < 2.4 / len(places) ** 0.5 + 1e-3


def test_where_nothing_fits_the_largest_centre_is_taken():
  # Of a line of pixels only a single one fits, which no try has an area for.
  generator = np.random.default_rng(0)
  for _ in range(5):
    assert photographs.crop_box(generator, 1000, 3) == (498, 0, 502, 3)
    assert photographs.crop_box(generator, 3, 1000) == (0, 498, 3, 502)


@pytest.mark.parametrize(
  ('size', 'side', 'resized'),
  [
    ((300, 400), 224, (256, 341)),
    ((500, 375), 224, (341, 256)),
    ((20, 31), 28, (32, 49)),
    ((10, 10), 32, (37, 37)),
  ],
)
def test_the_test_crop_is_the_centre(rng, size, side, resized):
  image = _noise(rng, *size)
  whole = np.asarray(image.resize(resized, Image.Resampling.BILINEAR))
  # torchvision's CenterCrop rounds halves to even, as Python does.
  top, left = (round((length - side) / 2) for length in whole.shape[:2])
  expected = whole[top : top + side, left : left + side]
  np.testing.assert_array_equal(photographs.centre_crop(image, side), expected)
