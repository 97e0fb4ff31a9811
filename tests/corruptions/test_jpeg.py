import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
import skimage.data

from robustjax import errors
from robustjax.corruptions import jpeg

KEY = jax.random.key(4)
QUALITIES = (25, 18, 15, 10, 7)


@pytest.fixture(scope='module')
def photograph():
  """uint8 [224, 224, 3]: skin, cloth, metal, letters."""
  return skimage.data.astronaut()[:448:2, :448:2]


@pytest.fixture(scope='module')
def compress():
  """(uint8 [H, W, C], quality) -> levels; compiled once per size."""

  @jax.jit
  def compiled(images, quality):
    return jpeg.jpeg_compression(KEY, images, quality=quality)

  def call(levels, quality):
    images = jnp.asarray(levels[None] / np.float32(255), jnp.float32)
    found = compiled(images, jnp.float32(quality))[0]
    return np.rint(255 * np.asarray(found))

  return call


def _pillow(levels, quality):
  image = PIL.Image.fromarray(
    levels if levels.shape[-1] == 3 else levels[..., 0]
  )
  file = io.BytesIO()
  image.save(file, 'JPEG', quality=quality)
  return np.asarray(PIL.Image.open(file)).reshape(levels.shape)


@pytest.mark.parametrize('quality', [*QUALITIES, 1, 50, 85, 100])
def test_photographs_are_pillows_bit_for_bit(photograph, compress, quality):
  found = compress(photograph, quality)
  np.testing.assert_array_equal(found, _pillow(photograph, quality))


# Multiples of 16, of 2, of nothing; too narrow for smooth chroma.
@pytest.mark.parametrize(
  'shape',
  [(16, 32, 3), (38, 21, 3), (33, 47, 3), (5, 4, 3), (28, 28, 1), (33, 47, 1)],
)
def test_any_size_is_pillows_bit_for_bit(rng, compress, shape):
  levels = rng.integers(0, 256, shape, np.uint8)
  for quality in (7, 25, 75):
    found = compress(levels, quality)
    np.testing.assert_array_equal(found, _pillow(levels, quality))


def test_constant_images_stay(compress):
  for level in (0, 128, 255):
    levels = np.full((24, 24, 1), level, np.uint8)
    np.testing.assert_array_equal(compress(levels, 50), levels)


def test_pixels_do_not_depend_on_the_batch(rng):
  images = jnp.asarray(rng.uniform(size=(3, 20, 24, 3)), jnp.float32)
  compress = jax.jit(functools.partial(jpeg.jpeg_compression, quality=10))
  together = compress(KEY, images)
  alone = compress(KEY, images[1:2])
  np.testing.assert_array_equal(alone, together[1:2])


def test_bad_input_is_named():
  images = jnp.zeros((1, 8, 8, 3))
  with pytest.raises(errors.InputError, match=r'quality: .*\[1, 100\]'):
    jpeg.jpeg_compression(KEY, images, quality=0)
  with pytest.raises(errors.InputError, match='images: '):
    jpeg.jpeg_compression(KEY, images[0], quality=10)
