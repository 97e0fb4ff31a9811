import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from robustjax import augmentation
from robustjax import errors


def _images(rng, shape=(2, 20, 16, 3)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


@pytest.mark.parametrize('sigma', [0.7, 2.0, 9.0])
def test_resolution_is_that_of_a_gaussian_blur(rng, sigma):
  images = _images(rng)
  found = augmentation.blur_resolution(images, sigma=sigma)
  expected = scipy.ndimage.gaussian_filter(
    np.asarray(images, np.float64), (0, sigma, sigma, 0), mode='nearest'
  )
  # Sums of at most 20 products of order 1 in float32, twice.
  np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize('is_traced', [False, True])
def test_sigma_zero_leaves_every_bit(rng, dtype, is_traced):
  images = _images(rng).astype(dtype).at[0, 0, 0, 0].set(-0.0)

  def blur(sigma):
    return augmentation.blur_resolution(images, sigma=sigma)

  found = (jax.jit(blur) if is_traced else blur)(0.0)
  assert found.dtype == dtype
  # -0 and 0 are equal, but not the same bits.
  assert np.asarray(found).tobytes() == np.asarray(images).tobytes()


def test_a_changing_resolution_is_one_program(rng):
  images, traces = _images(rng), []

  @jax.jit
  def blur(sigma):
    traces.append(1)
    return augmentation.blur_resolution(images, sigma=sigma)

  for sigma in (0.0, 3.0, 9.0):
    expected = augmentation.blur_resolution(images, sigma=sigma)
    np.testing.assert_allclose(blur(sigma), expected, atol=1e-6)
  assert len(traces) == 1


def test_bad_input_is_named(rng):
  images = _images(rng)
  with pytest.raises(errors.InputError, match='sigma: .*got -1'):
    augmentation.blur_resolution(images, sigma=-1)
  with pytest.raises(errors.InputError, match='images: expected .B, H, W, C'):
    augmentation.blur_resolution(images[0], sigma=1.0)


@pytest.mark.parametrize('dtype', [np.uint8, np.int32, bool])
def test_images_that_are_no_floats_are_refused(dtype):
  """The blur of whole numbers would be cut to whole numbers: 0 of 127."""
  images = np.full((1, 4, 4, 1), 127).astype(dtype)
  with pytest.raises(errors.InputError, match='images: expected floats'):
    augmentation.blur_resolution(images, sigma=1.0)


def test_numpy_images_of_float64_are_blurred_alike(rng):
  images = rng.uniform(size=(2, 6, 5, 1))
  found = augmentation.blur_resolution(images, sigma=1.0)
  expected = augmentation.blur_resolution(
    jnp.asarray(images, jnp.float32), sigma=1.0
  )
  np.testing.assert_array_equal(found, expected)
