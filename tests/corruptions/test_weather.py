import functools

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.color

from robustjax import errors
from robustjax.corruptions import fractal
from robustjax.corruptions import weather

KEY = jax.random.key(2)
# To 8 bits, and some float32 roundings of values up to 4.
GREY_LEVEL = 0.5 + 255 * 2**-19


@pytest.fixture
def reference():
  """The generator's port in TensorFlow Datasets."""
  return pytest.importorskip(
    'tensorflow_datasets.image_classification.corruptions'
  )


@pytest.fixture
def photograph(rng):
  """uint8 [32, 40, 3] with black, white and grey pixels."""
  image = rng.integers(0, 256, (32, 40, 3), np.uint8)
  image[0, :3] = [[0, 0, 0], [255, 255, 255], [77, 77, 77]]
  return image


def _as_batch(image):
  return jnp.asarray(image[None] / np.float32(255), jnp.float32)


def _off(found, expected):
  """Largest difference in grey levels."""
  return np.abs(255 * np.asarray(found, np.float64) - expected).max()


@pytest.mark.parametrize('severity', [1, 5])
def test_brightness_equals_the_reference(photograph, reference, severity):
  expected = reference.brightness(photograph, severity)
  found = weather.brightness(KEY, _as_batch(photograph), amount=0.1 * severity)
  assert _off(found[0], expected) < GREY_LEVEL


def test_brightness_keeps_hue_and_saturation(photograph):
  found = weather.brightness(KEY, _as_batch(photograph), amount=0.3)
  before = skimage.color.rgb2hsv(photograph / 255)
  after = skimage.color.rgb2hsv(np.asarray(found[0], np.float64))
  np.testing.assert_allclose(after[..., :2], before[..., :2], atol=1e-4)
  expected = np.minimum(before[..., 2] + 0.3, 1)
  np.testing.assert_allclose(after[..., 2], expected, atol=2**-22)


def test_brightness_makes_the_published_digits(mnist_c):
  clean, published = mnist_c('brightness')
  exact = np.minimum(np.rint(255 * np.float64(clean)) + 127.5, 255)
  # Every value ends in one half, and was rounded to the even neighbour.
  np.testing.assert_array_equal(np.rint(exact), published)
  found = weather.brightness(KEY, jnp.asarray(clean), amount=0.5)
  assert _off(found, exact) < 255 * 2**-23


def _draw_levels(rng, size):
  """What the generator draws, in its order, as numbers in (-1, 1)."""
  sides = [2**level for level in range(size.bit_length() - 1)]
  return [[rng.uniform(-1, 1, (n, n)) for _ in range(3)] for n in sides]


@pytest.mark.parametrize(
  ('severity', 'thickness', 'decay'), [(3, 2.5, 1.7), (5, 3.0, 1.4)]
)
def test_fog_equals_the_reference(
  photograph, reference, rng, monkeypatch, severity, thickness, decay
):
  drawn = _draw_levels(rng, 512)
  stream = iter([one for level in drawn for one in level])
  monkeypatch.setattr(
    np.random, 'uniform', lambda low, high, shape: high * next(stream)
  )
  expected = reference.fog(photograph, severity)
  levels = [
    tuple(jnp.asarray(one, jnp.float32) for one in level) for level in drawn
  ]
  heights = jax.jit(fractal._heights, static_argnums=2)
  haze = heights(levels, decay, photograph.shape[:2])
  found = weather._fog(_as_batch(photograph), haze[None], thickness)
  assert _off(found[0], expected) < GREY_LEVEL


def test_fog_leaves_black_images_black():
  images = jnp.zeros((2, 8, 9, 1))
  options = {'thickness': 3.0, 'wibble_decay': 2.0, 'least_map_size': 16}
  found = jax.jit(functools.partial(weather.fog, KEY, **options))(images)
  np.testing.assert_array_equal(found, images)


def test_fog_of_an_image_does_not_depend_on_the_others():
  images = jnp.stack([jnp.full((8, 8, 1), 0.2), jnp.ones((8, 8, 1))])
  fog = functools.partial(
    weather.fog,
    jax.random.key(0),
    thickness=1.5,
    wibble_decay=2.0,
    least_map_size=8,
  )
  alone = fog(images[:1], index=jnp.array([0]))
  np.testing.assert_array_equal(fog(images)[:1], alone)


def test_a_small_map_of_fog_is_shown_whole():
  options = {'thickness': 1.0, 'wibble_decay': 2.0, 'least_map_size': 12}
  images = jnp.ones((2, 16, 16, 1))
  found = jax.jit(functools.partial(weather.fog, KEY, **options))(images)
  # From 1/2 where there is none to 1 where it is thickest.
  np.testing.assert_allclose(found.min(axis=(1, 2, 3)), 0.5, atol=1e-6)
  np.testing.assert_allclose(found.max(axis=(1, 2, 3)), 1.0, atol=1e-6)


@pytest.mark.slow
def test_fog_on_digits_is_distributed_as_published(mnist_c):
  """Mean, deviation, and differences of neighbours of the background.

  Over images the three have means that must agree within 4 standard errors.
  """
  clean, published = mnist_c('fog', 500)
  found = jax.jit(
    lambda x: weather.fog(KEY, x, thickness=3.0, wibble_decay=1.4)
  )(jnp.asarray(clean))
  figures = [
    _background_figures(np.asarray(one, np.float64), clean)
    for one in (found, published / 255)
  ]
  for ours, theirs in zip(*figures, strict=True):
    error = np.sqrt((ours.var() + theirs.var()) / len(ours))
    assert abs(ours.mean() - theirs.mean()) < 4 * error


def _background_figures(images, clean):
  corner = images[:, :3, :, 0]
  assert (clean[:, :3] == 0).mean() > 0.98
  return (
    corner.mean(axis=(1, 2)),
    corner.std(axis=(1, 2)),
    np.square(np.diff(corner, axis=2)).mean(axis=(1, 2)),
    np.square(corner[..., 8:] - corner[..., :-8]).mean(axis=(1, 2)),
  )


def _blur_along(image, radius, sigma, angle):
  """ImageMagick's motion blur of grey levels, pixel by pixel, in float64."""
  steps = np.arange(2 * radius + 1)
  weights = np.exp(-0.5 * (steps / sigma) ** 2)
  turn = np.deg2rad(angle)
  rows = np.ceil(steps * np.sin(turn) - 0.5).astype(int)
  columns = np.ceil(steps * np.cos(turn) - 0.5).astype(int)
  height, width = image.shape
  places = np.mgrid[:height, :width]
  blurred = np.zeros(image.shape)
  for row, column, weight in zip(rows, columns, weights, strict=True):
    row = np.clip(places[0] + row, 0, height - 1)
    column = np.clip(places[1] + column, 0, width - 1)
    blurred += weight / weights.sum() * image[row, column]
  return np.round(257 * blurred) // 257


SNOW = {
  1: (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
  4: (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
}


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('severity', SNOW)
def test_snow_equals_the_steps_in_numpy(
  photograph, reference, rng, severity, channels
):
  image = photograph[:, :36, :channels]
  mean, deviation, zoom, threshold, radius, sigma, share = SNOW[severity]
  noise = rng.normal(mean, deviation, image.shape[:2]).astype(np.float32)
  layer = reference.clipped_zoom(noise[..., None], zoom)[..., 0]
  layer[layer < threshold] = 0
  layer = np.uint8(np.clip(layer, 0, 1) * 255)
  assert (layer > 0).mean() > 0.01
  flying = _blur_along(layer, radius, sigma, -70.0) / 255
  exact = image / 255
  grey = exact
  if channels == 3:
    grey = cv2.cvtColor(np.float32(exact), cv2.COLOR_RGB2GRAY)[..., None]
  white = np.maximum(exact, grey * 1.5 + 0.5)
  snowy = share * exact + (1 - share) * white
  snowy += (flying + np.rot90(flying, 2))[..., None]
  expected = 255 * np.clip(snowy, 0, 1)

  @jax.jit
  def fall(image, noise):
    motion = {'radius': radius, 'sigma': sigma, 'max_radius': 12}
    flakes = weather._flakes(noise, zoom, threshold)
    return weather._snow(image, flakes, -70.0, share, **motion)

  found = fall(_as_batch(image)[0], noise)
  off = np.abs(255 * np.clip(np.asarray(found, np.float64), 0, 1) - expected)
  # Where float32 falls on the other side of a grey level, which both the noise
  # and its blur are cut to, a pixel is off by one of two copies' levels.
  assert np.mean(off > 1e-3) < 5e-3
  assert off.max() < 2.01


def test_snow_is_random_and_stays_in_range(photograph):
  images = jnp.repeat(_as_batch(photograph), 3, axis=0)
  names = (
    *('mean', 'deviation', 'zoom', 'threshold'),
    *('radius', 'sigma', 'image_weight'),
  )
  options = dict(zip(names, SNOW[4], strict=True))
  corrupt = jax.jit(lambda x, i: weather.snow(KEY, x, index=i, **options))
  found = corrupt(images, jnp.arange(3))
  assert found.min() >= 0
  assert found.max() == 1
  assert not np.array_equal(found[0], found[1])
  np.testing.assert_array_equal(corrupt(images[2:], jnp.array([2])), found[2:])
  for name, value in (('radius', 13), ('zoom', 0.5), ('image_weight', 1.5)):
    with pytest.raises(errors.InputError, match=f'{name}: '):
      weather.snow(KEY, images, **{**options, name: value})


def test_bad_input_is_named():
  images = jnp.zeros((1, 8, 8, 1))
  with pytest.raises(errors.InputError, match='amount: '):
    weather.brightness(KEY, images, amount=-0.1)
  with pytest.raises(errors.InputError, match='thickness: '):
    weather.fog(KEY, images, thickness=0, wibble_decay=2.0)
