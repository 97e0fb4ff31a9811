import threading

import numpy as np
from PIL import Image
import pytest

from robustjax import errors
from robustjax.data import lazy_images


def test_parts_are_read_as_of_an_array(rng):
  array = rng.integers(0, 256, (7, 2, 3, 1)).astype(np.uint8)
  asked = []

  def read(places):
    asked.extend(places)
    return [array[i] for i in places]

  lazy = lazy_images.LazyImages(read, array.shape)
  assert (len(lazy), lazy.shape, lazy.dtype) == (7, array.shape, np.uint8)
  for part in (slice(2, 5), slice(5, 99), slice(None, None, 3), slice(9, 9)):
    np.testing.assert_array_equal(lazy[part], array[part])
  for place in (0, -1, np.int64(3)):
    np.testing.assert_array_equal(lazy[place], array[place])
  for places in (np.array([5, 0, 0, -2]), [1], array[:, 0, 0, 0] > 99):
    np.testing.assert_array_equal(lazy[places], array[places])
  assert asked[:3] == [2, 3, 4]
  for place in (7, -8, [7]):
    with pytest.raises(IndexError):
      lazy[place]


def _save(path, height, width, rng, **options):
  pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
  Image.fromarray(pixels).save(path, **options)
  return pixels


def test_the_centre_of_a_file_is_read(tmp_path, rng):
  pixels = _save(tmp_path / 'a.png', 9, 12, rng)
  same = _save(tmp_path / 'b.png', 8, 8, rng)
  found = lazy_images.from_files([tmp_path / 'a.png', tmp_path / 'b.png'], 8)
  assert found.shape == (2, 8, 8, 3)
  np.testing.assert_array_equal(found[:2], [pixels[:8, 2:10], same])


def test_grey_files_become_colour(tmp_path):
  Image.new('L', (8, 8), 99).save(tmp_path / 'grey.png')
  np.testing.assert_array_equal(
    lazy_images.decode(tmp_path / 'grey.png', 8), np.full((8, 8, 3), 99)
  )


def test_small_and_damaged_files_are_named(tmp_path, rng):
  path = tmp_path / 'small.JPEG'
  _save(path, 8, 5, rng, format='JPEG')
  with pytest.raises(errors.InputError, match='at least 8 x 8: .*small.JPEG'):
    lazy_images.decode(path, 8)
  lazy_images.check_jpegs([path])
  whole = path.read_bytes()
  for content in (b'', whole[:300], whole[:-2], b'GIF89a' + whole[6:]):
    path.write_bytes(content)
    with pytest.raises(errors.InputError, match='whole JPEG .*small.JPEG'):
      lazy_images.check_jpegs([path])
  path.write_bytes(whole[:300])
  with pytest.raises(errors.InputError, match='intact image: .*small.JPEG'):
    lazy_images.from_files([path], 5)[:1]
  with pytest.raises(errors.InputError, match='none.JPEG'):
    lazy_images.check_jpegs([tmp_path / 'none.JPEG'])


def test_images_are_read_at_once_and_keep_their_order():
  together = threading.Barrier(min(2, lazy_images.NUM_THREADS), timeout=60)

  def read(place):
    if place == 5:
      raise errors.InputError('images', 'others', 'the sixth')
    if place < 2:
      together.wait()
    return np.full((2, 2, 1), place, np.uint8)

  lazy = lazy_images.one_by_one(read, (6, 2, 2, 1))
  assert lazy[:5][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
  with pytest.raises(errors.InputError, match='the sixth'):
    lazy[3:]


def test_more_than_eight_bits_are_refused(tmp_path):
  """Pillow would cut them: all but the darkest would be white."""
  path = tmp_path / 'deep.png'
  Image.fromarray(np.full((6, 6), 300, np.uint16)).save(path)
  with pytest.raises(errors.InputError, match='more than 8 bits'):
    lazy_images.decode(path, 5)
