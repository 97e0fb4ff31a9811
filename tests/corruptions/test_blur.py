import functools
import warnings

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from robustjax import errors
from robustjax import random_keys
from robustjax.corruptions import blur
from robustjax.images import filters

DEFOCUS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
ZOOM = (
  np.arange(1, 1.11, 0.01),
  np.arange(1, 1.16, 0.01),
  np.arange(1, 1.21, 0.02),
  np.arange(1, 1.26, 0.02),
  np.arange(1, 1.31, 0.03),
)
ZOOM_STEPS = (0.01, 0.01, 0.02, 0.02, 0.03)
_defocus_blur = jax.jit(blur.defocus_blur)
_zoom_blur = jax.jit(blur.zoom_blur)
_motion_blur = jax.jit(functools.partial(blur.motion_blur, max_radius=10))


def test_equals_scipy(rng):
  images = rng.uniform(size=(3, 10, 11, 3)).astype(np.float32)
  found = blur.gaussian_blur(jax.random.key(0), jnp.asarray(images), amount=1.5)
  expected = scipy.ndimage.gaussian_filter(
    images.astype(np.float64), (0, 1.5, 1.5, 0), mode='nearest', truncate=4
  )
  np.testing.assert_allclose(found, expected, atol=50 * 2**-24)


def test_more_zooms_than_the_program_has_are_named():
  with pytest.raises(errors.InputError, match='count: .*at most 16, got 17'):
    blur.zoom_blur(
      jax.random.key(0), jnp.ones((1, 9, 9, 1)), step=0.01, count=17
    )


def test_stays_within_the_unit_range():
  found = blur.gaussian_blur(
    jax.random.key(0), jnp.ones((1, 9, 9, 1)), amount=2.0
  )
  assert found.max() <= 1


def test_bad_input_is_named():
  with pytest.raises(errors.InputError, match='images: '):
    blur.gaussian_blur(jax.random.key(0), jnp.ones((9, 9)), amount=2.0)
  with pytest.raises(errors.InputError, match='amount: '):
    blur.gaussian_blur(jax.random.key(0), jnp.ones((1, 9, 9, 1)), amount=-2)


def _opencv_disk(radius, alias_blur):
  """The generators' kernel."""
  reach = max(radius, 8)
  rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
  disk = (rows**2 + columns**2 <= radius**2).astype(np.float32)
  size = (3, 3) if radius <= 8 else (5, 5)
  return cv2.GaussianBlur(disk / disk.sum(), size, sigmaX=alias_blur)


@pytest.mark.parametrize(('radius', 'alias_blur'), DEFOCUS)
def test_defocus_equals_opencv(rng, radius, alias_blur):
  images = rng.uniform(size=(2, 18, 23, 3))
  kernel = _opencv_disk(radius, alias_blur)
  expected = np.stack([cv2.filter2D(image, -1, kernel) for image in images])
  found = _defocus_blur(
    jax.random.key(0),
    jnp.asarray(images, jnp.float32),
    radius=radius,
    alias_blur=alias_blur,
  )
  # As for any filter, and OpenCV rounds its kernel to float32: 5 terms twice.
  np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=50 * 2**-24)


def _zoomed(image, factor):
  """The generators' zoom of a square image."""
  size = len(image)
  crop = int(np.ceil(size / factor))
  top = (size - crop) // 2
  with warnings.catch_warnings():
    warnings.simplefilter('ignore', UserWarning)  # how SciPy rounds sizes
    zoomed = scipy.ndimage.zoom(
      image[top : top + crop, top : top + crop], (factor, factor, 1), order=1
    )
  trim = (len(zoomed) - size) // 2
  return zoomed[trim : trim + size, trim : trim + size]


@pytest.mark.parametrize('severity', range(5))
def test_zoom_equals_scipy(rng, severity):
  factors = ZOOM[severity]
  images = rng.uniform(size=(2, 28, 28, 3))
  total = images + sum(
    np.stack([_zoomed(image, factor) for image in images]) for factor in factors
  )
  found = _zoom_blur(
    jax.random.key(0),
    jnp.asarray(images, jnp.float32),
    step=ZOOM_STEPS[severity],
    count=len(factors),
  )
  # Each zoom is a few roundings, and so is each of up to 17 sums; the mean of
  # the images' total of up to 17.
  np.testing.assert_allclose(found, total / (len(factors) + 1), atol=2e-6)


def test_motion_is_along_an_angle_of_its_own(rng):
  images = jnp.asarray(rng.uniform(size=(3, 12, 14, 1)), jnp.float32)
  index = jnp.asarray([5, 2, 9])
  blur_along = jax.jit(functools.partial(filters.motion_blur, max_radius=10))
  found = _motion_blur(
    jax.random.key(0), images, radius=10, sigma=3, index=index
  )
  for i in range(3):
    key = random_keys.example_keys(jax.random.key(0), index[i : i + 1])[0]
    angle = jax.random.uniform(key, minval=-45.0, maxval=45.0)
    expected = blur_along(images[i], angle, radius=10, sigma=3)
    np.testing.assert_allclose(found[i], expected, atol=1e-6)


def test_motion_equals_published_mnist_c(mnist_c):
  clean, published = mnist_c('motion_blur', 20)
  angles = jnp.linspace(-45.0, 45.0, 1801)

  @jax.jit
  def at_every_angle(image):
    return jax.vmap(
      lambda angle: filters.motion_blur(
        image, angle, radius=10, sigma=3, max_radius=10
      )
    )(angles)

  for image, expected in zip(clean, published, strict=True):
    found = np.round(255 * np.asarray(at_every_angle(jnp.asarray(image))))
    difference = np.abs(found - expected[None]).max((1, 2, 3))
    # The version of ImageMagick that made them differs in the last level of
    # about a pixel per image.
    assert difference.min() <= 1


def test_motion_covers_the_angles():
  # A white pixel spreads to the left, up or down by its angle.
  images = jnp.zeros((400, 41, 24, 1)).at[:, 20, 22].set(1.0)
  found = _motion_blur(jax.random.key(0), images, radius=10, sigma=100)
  rows = np.arange(41.0) - 20
  columns = 22 - np.arange(24.0)
  weight = np.asarray(found[..., 0])
  assert weight[:, :, 23:].sum() == 0
  slope = np.einsum('bhw,h->b', weight, rows) / np.einsum(
    'bhw,w->b', weight, columns
  )
  angles = np.rad2deg(np.arctan(slope))
  # Uniform on (-45, 45): its mean within 4 standard errors, its ends within
  # what 400 draws leave out (a part of 1/40, with odds of 4e-5) and half a
  # pixel on 20 steps.
  assert abs(angles.mean()) < 4 * 90 / np.sqrt(12 * 400)
  assert angles.min() < -41
  assert angles.max() > 41
  assert np.abs(angles).max() < 46.5


@pytest.mark.parametrize(
  ('function', 'parameters', 'bad'),
  [
    (blur.defocus_blur, {'radius': 3, 'alias_blur': 0.1}, {'radius': 11}),
    (blur.defocus_blur, {'radius': 3, 'alias_blur': 0.1}, {'alias_blur': 0}),
    (blur.motion_blur, {'radius': 3, 'sigma': 1}, {'radius': 21}),
    (blur.motion_blur, {'radius': 3, 'sigma': 1}, {'sigma': 0}),
    (blur.zoom_blur, {'step': 0.1, 'count': 3}, {'count': 17}),
    (blur.zoom_blur, {'step': 0.1, 'count': 3}, {'step': -0.1}),
  ],
)
def test_bad_parameters_are_named(function, parameters, bad):
  with pytest.raises(errors.InputError, match=f'{next(iter(bad))}: '):
    function(jax.random.key(0), jnp.ones((1, 9, 9, 1)), **parameters | bad)
  with pytest.raises(errors.InputError, match='images: '):
    function(jax.random.key(0), jnp.ones((9, 9)), **parameters)


@pytest.mark.parametrize('radius', [8.5, np.float32(9.5), jnp.float32(8.1)])
def test_a_large_disk_has_a_whole_radius(radius):
  """Its grid is as wide as the disk: the area would be another."""
  with pytest.raises(errors.InputError, match='radius: .*whole number above 8'):
    blur.defocus_blur(
      jax.random.key(0), jnp.ones((1, 9, 9, 1)), radius=radius, alias_blur=0.5
    )


@pytest.mark.parametrize('count', [2.5, np.float32(2), jnp.array([2])])
def test_a_number_of_zooms_is_whole(count):
  with pytest.raises(errors.InputError, match='count: '):
    blur.zoom_blur(
      jax.random.key(0), jnp.ones((1, 9, 9, 1)), step=0.01, count=count
    )
