import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from robustjax import errors
from robustjax.images import filters

_motion_blur = jax.jit(filters.motion_blur)


@pytest.mark.parametrize('sigma', [0.0, 0.3, 1.0, 2.5, 6.0])
@pytest.mark.parametrize('shape', [(2, 12, 9, 3), (1, 1, 7, 1)])
def test_equals_scipy(rng, sigma, shape):
  images = rng.uniform(size=shape).astype(np.float32)
  expected = scipy.ndimage.gaussian_filter(
    images.astype(np.float64), (0, sigma, sigma, 0), mode='nearest', truncate=4
  )
  found = filters.gaussian_blur(jnp.asarray(images), sigma)
  # Two sums of at most 49 positive terms below 1: 100 roundings of 2^-24.
  np.testing.assert_allclose(found, expected, atol=100 * 2**-24)


def test_sigma_zero_is_the_identity(rng):
  images = jnp.asarray(rng.uniform(size=(2, 5, 6, 1)), jnp.float32)
  np.testing.assert_array_equal(filters.gaussian_blur(images, 0.0), images)


def test_one_program_serves_every_sigma(rng):
  traces = []

  @jax.jit
  def blur(images, sigma):
    traces.append(1)
    return filters.gaussian_blur(images, sigma)

  images = jnp.asarray(rng.uniform(size=(1, 8, 8, 1)), jnp.float32)
  for sigma in (0.5, 1.0, 2.0):
    np.testing.assert_allclose(
      blur(images, sigma), filters.gaussian_blur(images, sigma), atol=1e-6
    )
  assert len(traces) == 1


def test_bad_input_is_named():
  images = jnp.zeros((1, 4, 4, 1))
  with pytest.raises(errors.InputError, match='sigma: .* got -1'):
    filters.gaussian_blur(images, -1)
  with pytest.raises(errors.InputError, match='images: '):
    filters.gaussian_blur(images[0], 1.0)


@pytest.mark.parametrize('axes', [(0,), (0, 1)])
@pytest.mark.parametrize('sigma', [0.0, 0.7, 1.5])
def test_short_blur_equals_scipy(rng, sigma, axes):
  image = rng.uniform(size=(5, 9, 3)).astype(np.float32)
  widths = [sigma if axis in axes else 0 for axis in range(3)]
  expected = scipy.ndimage.gaussian_filter(
    image.astype(np.float64), widths, mode='nearest', truncate=4
  )
  found = filters.short_gaussian_blur(
    jnp.asarray(image), sigma, max_sigma=1.5, axes=axes
  )
  # Two sums of 13 positive terms below 1.
  np.testing.assert_allclose(found, expected, atol=26 * 2**-24)


def test_filter_equals_opencv(rng):
  image = rng.uniform(size=(24, 33, 3))
  kernel = rng.uniform(size=(21, 21)) / 441
  expected = cv2.filter2D(image, -1, kernel)
  found = filters.filter_image(
    jnp.asarray(image, jnp.float32), jnp.asarray(kernel, jnp.float32)
  )
  # A Fourier transform is a sum of log2(N) stages; three of 48 x 64 points on
  # values whose root mean square, edges mirrored, is about 0.6.
  np.testing.assert_allclose(found, expected, atol=3 * 12 * 2**-24)


def _blur_along(image, radius, sigma, angle):
  """ImageMagick's steps, pixel by pixel, in float64."""
  width = 2 * radius + 1
  weights = np.exp(-0.5 * (np.arange(width) / sigma) ** 2)
  weights /= weights.sum()
  across = width * np.sin(np.deg2rad(angle))
  along = width * np.cos(np.deg2rad(angle))
  length = np.hypot(across, along)
  rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
  blurred = np.zeros(image.shape)
  for i, weight in enumerate(weights):
    row = rows + int(np.ceil(i * across / length - 0.5))
    column = columns + int(np.ceil(i * along / length - 0.5))
    row = np.clip(row, 0, image.shape[0] - 1)
    column = np.clip(column, 0, image.shape[1] - 1)
    blurred += weight * image[row, column]
  return np.round(65535 * blurred) // 257 / 255


@pytest.mark.parametrize(
  ('radius', 'sigma'), [(10, 3), (15, 8), (20, 15), (0, 1)]
)
@pytest.mark.parametrize('shape', [(20, 27, 3), (9, 30)])
def test_motion_blur_equals_imagemagick(rng, radius, sigma, shape):
  image = rng.integers(0, 256, shape) / 255
  for angle in (-133.7, -61.3, -44.1, 12.3, 41.9):
    found = _motion_blur(
      jnp.asarray(image, jnp.float32), angle, radius=radius, sigma=sigma
    )
    difference = np.abs(found - _blur_along(image, radius, sigma, angle))
    # A sum of at most 41 positive terms below 1 is off by up to 41 roundings,
    # 6e-4 levels, and that part of the values falls on the other side of one.
    assert difference.max() < 1.001 / 255
    assert np.mean(difference > 1e-6) < 3e-3


def test_motion_blur_keeps_flat_images_and_their_gradient():
  levels = jnp.arange(256, dtype=jnp.float32) / 255
  images = jnp.tile(levels[None, None, :], (5, 6, 1))
  found = _motion_blur(images, 20.0, radius=20, sigma=8.0)
  np.testing.assert_allclose(found, images, atol=1e-6)
  gradient = jax.grad(
    lambda image: _motion_blur(image, 20.0, radius=20, sigma=8.0).sum()
  )(images)
  np.testing.assert_allclose(gradient.sum((0, 1)), 30.0, rtol=1e-5)


def test_bad_motion_is_named():
  image = jnp.zeros((4, 4))
  for name, value in (('radius', 21), ('radius', -1), ('sigma', 0)):
    parameters = {'radius': 3, 'sigma': 1} | {name: value}
    with pytest.raises(errors.InputError, match=f'{name}: '):
      filters.motion_blur(image, 0.0, **parameters)
  with pytest.raises(errors.InputError, match='image: '):
    filters.motion_blur(image[0], 0.0, radius=3, sigma=1)
  with pytest.raises(errors.InputError, match='sigma: '):
    filters.short_gaussian_blur(image, 2.0, max_sigma=1.5)


@pytest.mark.parametrize(
  'images',
  [
    None,
    'images',
    [[1.0]],
    np.zeros((2, 3, 3, 1), np.uint8),
    np.zeros((2, 3, 3, 1), bool),
    np.zeros((2, 3), np.float32),
    np.zeros((2, 0, 3, 1), np.float32),
  ],
)
def test_what_are_no_float_images_is_named(images):
  with pytest.raises(errors.InputError, match='images: '):
    filters.gaussian_blur(images, 1.0)
  image = images[0] if isinstance(images, np.ndarray) else images
  for blur in (
    lambda image: filters.short_gaussian_blur(image, 1.0, max_sigma=2.0),
    lambda image: filters.motion_blur(image, 0.0, radius=1, sigma=1.0),
    lambda image: filters.filter_image(image, jnp.ones((3, 3))),
  ):
    with pytest.raises(errors.InputError, match='image: '):
      blur(image)


@pytest.mark.parametrize('kernel', [np.ones((2, 2)), np.ones((3, 5)), [1.0]])
def test_what_is_no_kernel_is_named(kernel):
  with pytest.raises(errors.InputError, match='kernel: '):
    filters.filter_image(jnp.ones((9, 9, 1)), kernel)


@pytest.mark.parametrize('sigma', [-1, np.nan, 1e30, '1', jnp.ones(2), True])
def test_what_is_no_width_is_named(sigma):
  with pytest.raises(errors.InputError, match='sigma: '):
    filters.gaussian_blur(jnp.ones((1, 3, 3, 1)), sigma)
