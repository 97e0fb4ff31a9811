import io
import warnings

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
import scipy.ndimage
import scipy.stats
import skimage.color

from robustjax import corruptions

KEY = jax.random.key(4)
EVERY = corruptions.CIFAR10_C | corruptions.CIFAR10_C_EXTRA
# The generator's, severity by severity.
PUBLISHED = {
  'glass_blur': [
    *((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
  ],
  'motion_blur': [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
  'snow': [
    (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
    (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
    (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
    (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
  ],
  'frost': [(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
  'fog': [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
  'elastic_transform': [
    (0, 0, 0.08),
    (0.05, 0.2, 0.07),
    (0.08, 0.06, 0.06),
    (0.1, 0.04, 0.05),
    (0.1, 0.03, 0.03),
  ],
  'spatter': [
    (0.62, 0.1, 0.7, 0.7, 0.5, 0),
    (0.65, 0.1, 0.8, 0.7, 0.5, 0),
    (0.65, 0.3, 1, 0.69, 0.5, 0),
    (0.65, 0.1, 0.7, 0.69, 0.6, 1),
    (0.65, 0.1, 0.5, 0.68, 0.6, 1),
  ],
}


@pytest.mark.parametrize('name', PUBLISHED)
def test_random_ones_have_the_published_numbers(name):
  severities = EVERY[name].severities
  assert [tuple(one.values()) for one in severities] == PUBLISHED[name]


def _defocus(image, level):
  radius, soft = [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)][
    level
  ]
  rows, columns = np.mgrid[-8:9, -8:9]
  disk = (rows**2 + columns**2 <= radius**2).astype(np.float32)
  kernel = cv2.GaussianBlur(disk / disk.sum(), (3, 3), sigmaX=soft)
  return cv2.filter2D(image, -1, kernel)


def _zoom(image, level):
  factors = np.arange(1, [1.06, 1.11, 1.16, 1.21, 1.26][level], 0.01)
  total = image.copy()
  for factor in factors:
    crop = int(np.ceil(32 / factor))
    top = (32 - crop) // 2
    with warnings.catch_warnings():
      warnings.simplefilter('ignore', UserWarning)  # how SciPy rounds sizes
      zoomed = scipy.ndimage.zoom(
        image[top : top + crop, top : top + crop], (factor, factor, 1), order=1
      )
    trim = (len(zoomed) - 32) // 2
    total += zoomed[trim : trim + 32, trim : trim + 32]
  return total / (len(factors) + 1)


def _brightness(image, level):
  hsv = skimage.color.rgb2hsv(image)
  hsv[..., 2] = np.clip(hsv[..., 2] + [0.05, 0.1, 0.15, 0.2, 0.3][level], 0, 1)
  return skimage.color.hsv2rgb(hsv)


def _saturate(image, level):
  scale, shift = [(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)][level]
  hsv = skimage.color.rgb2hsv(image)
  hsv[..., 1] = np.clip(hsv[..., 1] * scale + shift, 0, 1)
  return skimage.color.hsv2rgb(hsv)


def _contrast(image, level):
  mean = image.mean(axis=(0, 1))
  return (image - mean) * [0.75, 0.5, 0.4, 0.3, 0.15][level] + mean


def _gaussian(image, level):
  sigma = [0.4, 0.6, 0.7, 0.8, 1][level]
  return scipy.ndimage.gaussian_filter(
    image, (sigma, sigma, 0), mode='nearest', truncate=4
  )


def _pixelate(image, level):
  size = int(32 * [0.95, 0.9, 0.85, 0.75, 0.65][level])
  small = PIL.Image.fromarray(np.uint8(np.rint(255 * image)))
  for side in (size, 32):
    small = small.resize((side, side), PIL.Image.Resampling.BOX)
  return np.asarray(small) / 255


def _jpeg(image, level):
  file = io.BytesIO()
  quality = [80, 65, 58, 50, 40][level]
  image = PIL.Image.fromarray(np.uint8(np.rint(255 * image)))
  image.save(file, 'JPEG', quality=quality)
  return np.asarray(PIL.Image.open(file)) / 255


# What the generator does, where nothing is random.
STEPS = {
  'defocus_blur': _defocus,
  'zoom_blur': _zoom,
  'brightness': _brightness,
  'saturate': _saturate,
  'contrast': _contrast,
  'gaussian_blur': _gaussian,
  'pixelate': _pixelate,
  'jpeg_compression': _jpeg,
}
_SLOW = ('zoom_blur',)  # 26 zooms to compile


@pytest.mark.parametrize(
  'name',
  [pytest.param(n, marks=[pytest.mark.slow] * (n in _SLOW)) for n in STEPS],
)
def test_equals_the_generator_s_steps(rng, name):
  images = rng.integers(0, 256, (2, 32, 32, 3), np.uint8) / 255
  given = jnp.asarray(images, jnp.float32)
  corrupt = jax.jit(lambda x, severity: EVERY[name](KEY, x, severity=severity))
  for level in range(5):
    expected = [np.clip(STEPS[name](one, level), 0, 1) for one in images]
    found = corrupt(given, level + 1)
    # Float32 roundings: of HSV's saturation and hue, and of up to 27 zooms.
    np.testing.assert_allclose(found, np.stack(expected), atol=5e-6)


def _values(name, severity, value=0.5):
  """What becomes of one grey value, 2 x 64 x 64 x 3 times."""
  images = jnp.full((2, 64, 64, 3), value, jnp.float32)
  found = EVERY[name](KEY, images, severity=severity)
  return np.asarray(found, np.float64).ravel()


@pytest.mark.parametrize(
  ('name', 'deviations'),
  [
    ('gaussian_noise', (0.04, 0.06, 0.08, 0.09, 0.1)),
    ('speckle_noise', (0.03, 0.05, 0.06, 0.08, 0.1)),  # of half the value
    # sqrt(value / photons)
    ('shot_noise', (0.0316228, 0.0447214, 0.0707107, 0.0816497, 0.1)),
  ],
)
def test_noise_has_the_published_deviation(name, deviations):
  for severity, deviation in enumerate(deviations, start=1):
    values = _values(name, severity)
    # Of n normal draws a deviation has a standard error of 1 / sqrt(2 n).
    bound = 4.5 / np.sqrt(2 * len(values))
    assert abs(values.std() / deviation - 1) < bound
    assert abs(values.mean() - 0.5) < 4.5 * deviation / np.sqrt(len(values))


def test_impulse_noise_has_the_published_share():
  for severity, share in enumerate((0.01, 0.02, 0.03, 0.05, 0.07), start=1):
    is_changed = _values('impulse_noise', severity) != 0.5
    error = np.sqrt(share * (1 - share) / len(is_changed))
    assert abs(is_changed.mean() - share) < 4.5 * error


@pytest.mark.slow
@pytest.mark.parametrize('shape', [(32, 32, 3), (40, 35, 1)])
@pytest.mark.parametrize('name', EVERY)
def test_any_size_is_corrupted_at_every_severity(rng, name, shape):
  images = jnp.asarray(rng.uniform(size=(3, *shape)), jnp.float32)
  corrupt = jax.jit(lambda x, severity: EVERY[name](KEY, x, severity=severity))
  for severity in range(1, 6):
    found = np.asarray(corrupt(images, severity))
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert not np.array_equal(found, images)


def test_fog_and_frost_are_those_of_small_images():
  """Their maps have 32 and 64 points a side; those of ImageNet-C 256."""
  fog, frost = (EVERY[name].function.keywords for name in ('fog', 'frost'))
  assert fog == {'least_map_size': 32}
  assert frost == {'shrink': 5}
