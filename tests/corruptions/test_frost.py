import cv2
import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from robustjax import errors
from robustjax.corruptions import frost

KEY = jax.random.key(7)
WEIGHTS = {'image_weight': 0.7, 'frost_weight': 0.7}


@pytest.fixture
def photographs(rng):
  """Six of different sizes, uint8."""
  sizes = [(40, 50), (45, 40), (60, 41), (50, 50), (41, 70), (30, 30)]
  return [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


@pytest.fixture
def folder(photographs, tmp_path):
  for i, pixels in enumerate(photographs):
    PIL.Image.fromarray(pixels).save(tmp_path / f'frost{i + 1}.png')
  (tmp_path / 'notes.txt').write_text('not an image')
  return tmp_path


def test_reads_the_first_five_in_full_size(folder, photographs):
  textures = frost.load_frost_textures(folder)
  assert textures.pixels.shape == (5, 60, 70, 3)
  for pixels, size, expected in zip(*textures, photographs, strict=False):
    np.testing.assert_array_equal(size, expected.shape[:2])
    crop = pixels[: size[0], : size[1]]
    np.testing.assert_array_equal(np.rint(255 * crop), expected)
  assert frost.frost_source(textures) == '5 photographs'
  assert frost.frost_source(None) == frost.PROCEDURAL_FROST


@pytest.mark.parametrize('channels', [1, 3])
def test_mixes_in_a_crop_as_the_generator(folder, photographs, rng, channels):
  textures = frost.load_frost_textures(folder)
  image = rng.integers(0, 256, (32, 38, channels), np.uint8)
  place, row, column = 1, 12, 1
  crop = photographs[place][row : row + 32, column : column + 38]
  if channels == 1:
    crop = np.asarray(PIL.Image.fromarray(crop).convert('L'))[..., None]
  expected = np.clip(0.7 * image + 0.75 * crop, 0, 255)
  found = frost._crop(textures, place, row, column, image.shape, 1)
  found = frost._frost(jnp.asarray(image / np.float32(255)), found, 0.7, 0.75)
  # Grey photographs are read as whole grey levels, ours as luminance; Pillow's
  # weights have 16 bits.
  limit = 255 * 2**-20 if channels == 3 else 0.75 * (0.5 + 255 * 2**-15)
  assert np.abs(255 * np.asarray(found, np.float64) - expected).max() < limit


def test_crops_cover_every_photograph_but_its_last_row_and_column(folder):
  textures = frost.load_frost_textures(folder)
  keys = jax.random.split(KEY, 4000)
  draw = lambda key: frost._draw_crop(key, textures, (32, 38, 3), 1)
  drawn = jax.vmap(draw)(keys)
  place, row, column = (np.asarray(one) for one in drawn)
  # 800 of each, 4 standard errors of sqrt(4000 / 5 * 4 / 5).
  assert np.abs(np.bincount(place) - 800).max() < 4 * 25.3
  for i, (height, width) in enumerate(textures.sizes):
    np.testing.assert_array_equal(
      np.unique(row[place == i]), np.arange(height - 32)
    )
    np.testing.assert_array_equal(
      np.unique(column[place == i]), np.arange(width - 38)
    )


def test_photographs_shrink_to_a_fifth_as_in_opencv(photographs):
  # Sizes that leave all rests.
  cut = [photographs[2][place:, : 40 - place] for place in range(5)]
  textures = frost._stack([one / np.float32(255) for one in cut])
  for place, photograph in enumerate(cut):
    small = cv2.resize(photograph, (0, 0), fx=0.2, fy=0.2)
    height, width = (frost._shrunk(n, 5) for n in photograph.shape[:2])
    assert small.shape[:2] == (height, width)
    shape = height - 2, width - 1, 3
    found = frost._crop(textures, place, 2, 1, shape, 5)
    np.testing.assert_array_equal(np.rint(255 * found), small[2:, 1:])


def test_shrunk_crops_cover_the_photographs(folder):
  textures = frost.load_frost_textures(folder)
  keys = jax.random.split(KEY, 400)
  draw = lambda key: frost._draw_crop(key, textures, (6, 7, 3), 5)
  place, row, column = (np.asarray(one) for one in jax.vmap(draw)(keys))
  # 40 x 50 pixels shrink to 8 x 10.
  np.testing.assert_array_equal(np.unique(row[place == 0]), [0, 1])
  np.testing.assert_array_equal(np.unique(column[place == 0]), [0, 1, 2])


@pytest.mark.slow
def test_a_shrunk_texture_of_our_own_is_as_much_finer():
  keys = jax.random.split(KEY, 16)
  make = jax.jit(frost._procedural, static_argnums=(1, 2))
  small, large = (np.asarray(make(keys, (32, 32, 1), s)) for s in (5, 1))
  # Of maps with 64 and 256 points: neighbours are as far apart as every fourth.
  steps = [np.diff(one, axis=2) for one in (small, large[:, ::4, ::4])]
  roughness = [np.abs(one).mean(axis=(1, 2, 3)) for one in steps]
  error = np.sqrt(sum(one.var() for one in roughness) / len(keys))
  assert abs(roughness[0].mean() - roughness[1].mean()) < 4 * error
  assert roughness[0].mean() > 1.5 * np.abs(np.diff(large, axis=2)).mean()


@pytest.mark.slow
def test_procedural_frost_has_the_stated_contrast():
  images = jnp.zeros((8, 40, 44, 3))
  only_frost = {'image_weight': 0.0, 'frost_weight': 1.0}
  corrupt = jax.jit(lambda x, i: frost.frost(KEY, x, index=i, **only_frost))
  found = corrupt(images, jnp.arange(8))
  # Both differ from image to image, by about 0.1.
  assert abs(found.mean() - 0.5) < 0.1
  assert abs(found.std() - 0.2) < 0.05
  assert not np.array_equal(found[0], found[1])
  backwards = corrupt(images, jnp.arange(8)[::-1])
  np.testing.assert_array_equal(backwards, found[::-1])


def test_bad_input_is_named(folder, tmp_path_factory):
  textures = frost.load_frost_textures(folder)
  for image in (jnp.zeros((1, 40, 8, 1)), jnp.zeros((1, 8, 40, 3))):
    with pytest.raises(errors.InputError, match='textures: .* larger .*40'):
      frost.frost(KEY, image, textures=textures, **WEIGHTS)
  small = jnp.zeros((1, 8, 8, 1))  # A fifth of 40 rows are not more.
  with pytest.raises(errors.InputError, match='textures: .*8 x 8, a 5th'):
    frost.frost(KEY, small, textures=textures, shrink=5, **WEIGHTS)
  with pytest.raises(errors.InputError, match='shrink: '):
    frost.frost(KEY, small, shrink=0, **WEIGHTS)
  with pytest.raises(errors.InputError, match='image_weight: '):
    frost.frost(KEY, jnp.zeros((1, 8, 8, 1)), image_weight=-1, frost_weight=1)
  with pytest.raises(errors.InputError, match=r'textures: .*\(2, 9, 9\)'):
    frost.frost(
      KEY,
      jnp.zeros((1, 8, 8, 1)),
      textures=frost.FrostTextures(jnp.zeros((2, 9, 9)), jnp.zeros((2, 2))),
      **WEIGHTS,
    )
  empty = tmp_path_factory.mktemp('empty')
  for path in (empty, empty / 'missing'):
    with pytest.raises(errors.InputError, match='frost_folder: .*images of'):
      frost.load_frost_textures(path)
  (folder / 'frost2.png').write_bytes(b'\x89PNG damaged')
  with pytest.raises(
    errors.InputError, match='frost2.png: expected a readable'
  ):
    frost.load_frost_textures(folder)


@pytest.mark.parametrize('shrink', [2, 1.0, 101])
def test_photographs_shrink_by_odd_factors(shrink):
  with pytest.raises(errors.InputError, match='shrink: '):
    frost.frost(KEY, jnp.zeros((1, 8, 8, 1)), shrink=shrink, **WEIGHTS)


def test_what_are_no_textures_is_named():
  pixels, sizes = jnp.ones((1, 20, 20, 3)), jnp.full((1, 2), 20)
  for textures in (
    pixels,
    (pixels, sizes),
    frost.FrostTextures(pixels, None),
    frost.FrostTextures(pixels, sizes.astype(jnp.float32)),
    frost.FrostTextures(pixels[:0], sizes[:0]),
    frost.FrostTextures([pixels], sizes),
  ):
    with pytest.raises(errors.InputError, match='textures: '):
      frost.frost(KEY, jnp.zeros((1, 8, 8, 1)), textures=textures, **WEIGHTS)
  # Sizes beyond the pixels there are would shift every crop to the edge.
  beyond = frost.FrostTextures(pixels[:, :6], sizes)
  with pytest.raises(errors.InputError, match='textures: .* larger .* 6 x 20'):
    frost.frost(KEY, jnp.zeros((1, 8, 8, 1)), textures=beyond, **WEIGHTS)


def test_a_grey_photograph_of_16_bits_keeps_its_levels(tmp_path, rng):
  levels = rng.integers(0, 2**16, size=(9, 7), dtype=np.uint16)
  PIL.Image.fromarray(levels).save(tmp_path / 'frost1.png')
  textures = frost.load_frost_textures(tmp_path)
  for channel in range(3):
    np.testing.assert_allclose(
      textures.pixels[0, ..., channel], levels / 65535, atol=2**-24
    )


def test_a_folder_may_be_below_the_home_folder(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  (tmp_path / 'frost').mkdir()
  PIL.Image.new('RGB', (4, 4)).save(tmp_path / 'frost' / '1.png')
  assert len(frost.load_frost_textures('~/frost').sizes) == 1
  for folder in ('~nobody-of-this-name/frost', None, ''):
    with pytest.raises(errors.InputError, match='frost_folder: '):
      frost.load_frost_textures(folder)
