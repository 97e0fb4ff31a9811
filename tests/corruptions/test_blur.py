import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from robustjax import errors
from robustjax.corruptions import blur


def test_equals_scipy(rng):
  images = rng.uniform(size=(3, 10, 11, 3)).astype(np.float32)
  found = blur.gaussian_blur(jax.random.key(0), jnp.asarray(images), amount=1.5)
  expected = scipy.ndimage.gaussian_filter(
    images.astype(np.float64), (0, 1.5, 1.5, 0), mode='nearest', truncate=4
  )
  np.testing.assert_allclose(found, expected, atol=50 * 2**-24)


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
