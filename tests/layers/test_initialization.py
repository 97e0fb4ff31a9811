import jax
import numpy as np

from robustjax.layers import initialization


def test_draws_are_uniform_within_one_over_root_fan_in():
  init = initialization.fan_in_uniform(25)
  found = np.asarray(init(jax.random.key(0), (100, 100)))
  assert found.dtype == np.float32
  assert np.abs(found).max() <= 0.2
  # The variance of U(-s, s) is s^2 / 3, that of its square 4 s^4 / 45.
  error = 4 * np.sqrt(4 * 0.2**4 / 45 / found.size)
  np.testing.assert_allclose((found**2).mean(), 0.2**2 / 3, atol=error)
