import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from robustjax import errors
from robustjax.images import filters


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
