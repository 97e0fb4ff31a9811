import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from robustjax import attribution
from robustjax import errors

SHAPE = (4, 5, 3)


@pytest.fixture
def layer(rng):
  """Inputs [N, H, W, C_in] far from 0, and weights [H, W, C_in, C_out]."""
  x = rng.normal(5, rng.uniform(0.1, 2, SHAPE), size=(40, *SHAPE))
  kernel = rng.normal(size=(*SHAPE, 6))
  return jnp.asarray(x, jnp.float32), jnp.asarray(kernel, jnp.float32)


def test_variances_are_those_of_each_product(layer):
  x, kernel = layer
  found = attribution.amplification(x, kernel)
  products = np.asarray(x, np.float64)[..., None] * np.asarray(kernel)
  # Float32 variances of numbers near 5 times the weight.
  close = {'rtol': 1e-4, 'atol': 1e-6}
  np.testing.assert_allclose(found.measured, products.var(axis=0), **close)
  np.testing.assert_allclose(found.predicted, found.measured, **close)
  np.testing.assert_allclose(found.inputs, np.asarray(x).var(axis=0), **close)
  expected = products.var(axis=0).mean() / np.asarray(x).var(axis=0).mean()
  assert float(found.factor) == pytest.approx(expected, rel=1e-4)


def test_initial_weights_have_the_factor_of_their_fan_in(rng):
  shape, kernel_size = (16, 16, 8), 3
  fan_in = shape[-1] * kernel_size**2
  limit = 1 / np.sqrt(fan_in)
  kernel = jnp.asarray(rng.uniform(-limit, limit, (*shape, 8)), jnp.float32)
  x = jnp.asarray(rng.normal(size=(10, *shape)), jnp.float32)
  found = float(attribution.amplification(x, kernel).factor) * 3 * fan_in
  # 3 u^2 of a uniform u has deviation 2 / sqrt(5); four standard errors, twice
  # as large for the unequal weights.
  assert abs(found - 1) < 2 * 4 * 2 / np.sqrt(5 * kernel.size)


def test_can_be_jitted(layer):
  found = attribution.amplification(*layer)
  jitted = jax.jit(attribution.amplification)(*layer)
  for one, other in zip(found, jitted, strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize('num_levels', [3, 1000])
def test_rank_correlation_is_scipy_s_with_and_without_ties(rng, num_levels):
  one = rng.integers(0, num_levels, size=(20, 10)).astype(np.float32)
  other = one + rng.integers(0, 2 * num_levels, size=one.shape)
  found = attribution.rank_correlation(one, np.float32(other))
  expected = scipy.stats.spearmanr(one.ravel(), other.ravel()).statistic
  assert 0.1 < expected < 0.95
  assert float(found) == pytest.approx(expected, abs=1e-5)


def test_rank_correlation_at_its_ends():
  x = jnp.arange(2000.0)
  for other, expected in ((x**3, 1), (-jnp.sqrt(x), -1)):
    found = attribution.rank_correlation(x, other)
    assert float(found) == pytest.approx(expected, abs=1e-5)
  assert np.isnan(attribution.rank_correlation(x, jnp.ones_like(x)))


def test_importance_is_the_mean_size_of_attributions(layer, rng):
  _, kernel = layer
  strength = np.asarray(kernel**2).mean(axis=-1)
  signs = rng.choice([-1.0, 1.0], size=(9, *SHAPE))
  attributions = jnp.asarray(signs * strength**3, jnp.float32)
  found = attribution.importance_correlation(kernel, attributions)
  assert float(found) == pytest.approx(1, abs=1e-5)
  noisy = jnp.asarray(rng.normal(size=(7, *SHAPE)), jnp.float32)
  expected = scipy.stats.spearmanr(
    strength.ravel(), np.abs(noisy).mean(axis=0).ravel()
  ).statistic
  found = jax.jit(attribution.importance_correlation)(kernel, noisy)
  assert float(found) == pytest.approx(expected, abs=1e-5)


def test_bad_input_is_named(layer):
  x, kernel = layer
  with pytest.raises(errors.InputError, match='x: .*for a kernel'):
    attribution.amplification(x[:, 1:], kernel)
  with pytest.raises(errors.InputError, match='kernel: .*C_out'):
    attribution.amplification(x, kernel[..., 0])
  with pytest.raises(errors.InputError, match='x: .*two examples'):
    attribution.amplification(x[:1], kernel)
  with pytest.raises(
    errors.InputError, match='x: expected floats, got dtype int32'
  ):
    attribution.amplification(x.astype(jnp.int32), kernel)
  with pytest.raises(errors.InputError, match='attributions: '):
    attribution.importance_correlation(kernel, x[..., :2])
  with pytest.raises(errors.InputError, match=r'one: .*\(3,\), .*got \(2,\)'):
    attribution.rank_correlation(jnp.ones(2), jnp.ones(3))
  with pytest.raises(errors.InputError, match='kernel: .*got list'):
    attribution.amplification(x, [1.0])
  for values in ([1.0, 2.0], None, jnp.zeros(0), jnp.array([True, False])):
    with pytest.raises(errors.InputError, match='one: .*at least one number'):
      attribution.rank_correlation(values, jnp.ones(2))


@pytest.mark.parametrize('place', [0, 3])
def test_a_rank_among_nans_is_none(place):
  """A nan sorts as the largest number, and would count as important."""
  one = jnp.arange(4.0).at[place].set(jnp.nan)
  assert np.isnan(attribution.rank_correlation(one, jnp.arange(4.0)))
  assert np.isnan(attribution.rank_correlation(jnp.arange(4), one))
