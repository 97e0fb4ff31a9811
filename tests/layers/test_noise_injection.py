import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from robustjax import errors
from robustjax import layers
from robustjax.layers import noise_injection

KEY = jax.random.key(7)


def _hidden(rng, batch=6, size=40):
  return jnp.asarray(rng.normal(2.0, 3.0, (batch, size)), jnp.float32)


def _changed(key, hidden, rate):
  """Where states are replaced, read off a strategy that changes them all."""
  noisy = layers.inject_noise(key, hidden, rate=rate, strategy='additive')
  return np.asarray(noisy != hidden)


@pytest.mark.parametrize('strategy', layers.STRATEGIES)
def test_rate_zero_is_the_identity(rng, strategy):
  hidden = _hidden(rng)
  noisy = layers.inject_noise(KEY, hidden, rate=0.0, strategy=strategy)
  np.testing.assert_array_equal(noisy, hidden)


@pytest.mark.parametrize('strategy', layers.STRATEGIES)
def test_all_strategies_change_the_same_states(rng, strategy):
  hidden = _hidden(rng)
  expected = _changed(KEY, hidden, 0.3)
  noisy = layers.inject_noise(KEY, hidden, rate=0.3, strategy=strategy)
  # The median of a window may be the state itself.
  allowed = 5 if strategy == 'median_blur' else 0
  found = np.asarray(noisy != hidden)
  assert not (found & ~expected).any()
  assert (expected & ~found).sum() <= allowed
  assert 40 < expected.sum() < 110


@pytest.mark.parametrize('rate', [0.1, 0.5, 1.0])
def test_the_share_of_changed_states_is_the_rate(rng, rate):
  hidden = _hidden(rng, batch=50, size=2000)
  share = _changed(KEY, hidden, rate).mean()
  deviation = np.sqrt(rate * (1 - rate) / hidden.size)
  assert abs(share - rate) <= 4 * deviation


def _replaced(rng, strategy, rate, batch=4000, size=11):
  """Standardised: what replaced states whose own values are known."""
  scale = jnp.linspace(0.5, 4.0, size)[None]
  hidden = jnp.asarray(rng.normal(size=(batch, size)), jnp.float32) * scale + 5
  noisy = layers.inject_noise(KEY, hidden, rate=rate, strategy=strategy)
  return np.asarray(hidden), np.asarray(noisy), np.asarray(noisy != hidden)


@pytest.mark.parametrize('rate', [0.2, 1.0])
def test_noise_injection_draws_from_the_batch_normal_of_each_state(rng, rate):
  hidden, noisy, changed = _replaced(rng, 'noise_injection', rate)
  for k in range(hidden.shape[1]):
    drawn = noisy[changed[:, k], k]
    standard = (drawn - hidden[:, k].mean()) / hidden[:, k].std()
    # 22 tests: a false alarm in 1 of 450 seeds, and the seed is fixed.
    assert scipy.stats.kstest(standard, 'norm').pvalue > 1e-4


def test_layer_injection_draws_from_the_normal_of_each_sample(rng):
  hidden = jnp.asarray(rng.normal(1.0, 2.0, (3, 9000)), jnp.float32)
  noisy = layers.inject_noise(KEY, hidden, rate=0.4, strategy='layer_injection')
  changed = np.asarray(noisy != hidden)
  for b in range(3):
    own = np.asarray(hidden[b])
    standard = (np.asarray(noisy[b])[changed[b]] - own.mean()) / own.std()
    assert scipy.stats.kstest(standard, 'norm').pvalue > 1e-4


def test_uniform_draws_between_the_extremes_of_the_tensor(rng):
  hidden, noisy, changed = _replaced(rng, 'uniform', 0.3)
  low, high = hidden.min(), hidden.max()
  unit = (noisy[changed] - low) / (high - low)
  assert scipy.stats.kstest(unit, 'uniform').pvalue > 1e-4


def test_additive_adds_noise_of_each_state_s_deviation(rng):
  hidden, noisy, changed = _replaced(rng, 'additive', 0.3)
  standard = ((noisy - hidden) / hidden.std(axis=0, keepdims=True))[changed]
  assert scipy.stats.kstest(standard, 'norm').pvalue > 1e-4


@pytest.mark.parametrize('size', [11, 12, 30])
def test_median_blur_equals_a_literal_loop(rng, size):
  hidden = np.asarray(_hidden(rng, size=size))
  expected = np.empty_like(hidden)
  for b in range(len(hidden)):
    for k in range(size):
      start = min(max(k - 5, 0), size - 11)
      expected[b, k] = np.median(hidden[b, start : start + 11])
  blurred = layers.inject_noise(
    KEY, jnp.asarray(hidden), rate=1.0, strategy='median_blur'
  )
  np.testing.assert_array_equal(blurred, expected)


def test_a_batch_of_one_is_left_as_it_is(rng):
  hidden = _hidden(rng, batch=1)
  noisy = layers.inject_noise(KEY, hidden, rate=1.0)
  np.testing.assert_array_equal(noisy, hidden)


def _weighted_gradient(hidden, weight, **options):
  """Of the weighted sum of the disturbed states, in the states."""

  def total(hidden):
    return (weight * layers.inject_noise(KEY, hidden, **options)).sum()

  return np.asarray(jax.grad(total)(hidden))


def _through_moments(weight, noise, hidden, axis, *, mean=True):
  """d/dh of sum(weight * (mean + deviation q)) by hand, of q that is given.

  d mean / dh = 1 / n and d deviation / dh = (h - mean) / (n deviation).
  """
  n = hidden.shape[axis]
  centred = hidden - hidden.mean(axis=axis, keepdims=True)
  deviation = hidden.std(axis=axis, keepdims=True)
  quantile = noise / deviation
  slope = (weight * quantile).sum(axis=axis, keepdims=True)
  found = slope * centred / (n * deviation)
  if mean:
    found = found + weight.sum(axis=axis, keepdims=True) / n
  return found


def _through_noise(strategy, hidden, noisy, weight):
  """Gradient of the weighted sum of what replaced states, by hand, [B, K]."""
  axis = {'layer_injection': 1}.get(strategy, 0)
  if strategy in ('noise_injection', 'layer_injection'):
    noise = noisy - hidden.mean(axis=axis, keepdims=True)
    return _through_moments(weight, noise, hidden, axis)
  if strategy == 'additive':
    noise = noisy - hidden
    return weight + _through_moments(weight, noise, hidden, 0, mean=False)
  found = np.zeros_like(hidden)
  if strategy == 'uniform':
    low, high = hidden.min(), hidden.max()
    unit = (noisy - low) / (high - low)
    found[hidden == low] = (weight * (1 - unit)).sum()
    found[hidden == high] = (weight * unit).sum()
    return found
  for b, k in np.ndindex(hidden.shape):  # median_blur
    start = min(max(k - 5, 0), hidden.shape[1] - 11)
    place = start + np.argsort(hidden[b, start : start + 11])[5]
    found[b, place] += weight[b, k]
  return found


@pytest.mark.parametrize('strategy', layers.STRATEGIES)
def test_gradient_flows_through_the_statistics_of_the_noise(rng, strategy):
  hidden = _hidden(rng)
  options = {'rate': 0.5, 'strategy': strategy}
  weight = jnp.asarray(rng.normal(size=hidden.shape), jnp.float32)
  noisy = np.asarray(layers.inject_noise(KEY, hidden, **options), np.float64)
  changed = _changed(KEY, hidden, 0.5)
  on_changed = np.where(changed, np.asarray(weight, np.float64), 0)
  expected = np.where(changed, 0, weight) + _through_noise(
    strategy, np.asarray(hidden, np.float64), noisy, on_changed
  )
  found = _weighted_gradient(hidden, weight, **options)
  # Sums of at most 240 float32 terms below 10.
  np.testing.assert_allclose(found, expected, atol=240 * 10 * 2**-24)
  assert np.abs(found - np.where(changed, 0, weight)).max() > 0.1


@pytest.mark.parametrize('strategy', layers.STRATEGIES)
def test_the_gradient_of_statistics_can_be_cut(rng, strategy):
  hidden = _hidden(rng)
  changed = _changed(KEY, hidden, 0.5)
  found = _weighted_gradient(
    hidden, 1.0, rate=0.5, strategy=strategy, gradient=False
  )
  through_noise = 1.0 if strategy == 'additive' else 0.0
  expected = np.where(changed, through_noise, 1.0)
  np.testing.assert_array_equal(found, expected)
  kept = layers.inject_noise(KEY, hidden, rate=0.5, strategy=strategy)
  np.testing.assert_array_equal(
    kept,
    layers.inject_noise(
      KEY, hidden, rate=0.5, strategy=strategy, gradient=False
    ),
  )


@pytest.mark.parametrize('strategy', layers.STRATEGIES)
def test_states_that_do_not_vary_have_a_finite_gradient(strategy):
  """Units that are dead for a whole batch, as after a ReLU; all equal too."""
  dead = jnp.ones((6, 12)).at[:, :6].set(0.0)
  for hidden in (dead, jnp.zeros((6, 12))):
    found = _weighted_gradient(hidden, 1.0, rate=0.5, strategy=strategy)
    assert np.isfinite(found).all()
    if strategy == 'noise_injection':
      # Of a deviation of zero none: what is left is that of the mean.
      changed = _changed(KEY, jnp.arange(72.0).reshape(6, 12), 0.5)
      mean = changed.mean(axis=0, keepdims=True)
      np.testing.assert_allclose(found, (1 - changed) + mean, rtol=1e-6)


def test_equal_medians_share_the_gradient():
  """As a whole it is what one median has: the sum of the weights."""
  hidden = jnp.zeros((2, 11)).at[:, :3].set(1.0)
  found = _weighted_gradient(hidden, 1.0, rate=1.0, strategy='median_blur')
  np.testing.assert_allclose(found[:, 3:], 11 / 8, rtol=1e-6)
  np.testing.assert_array_equal(found[:, :3], 0)


@pytest.mark.parametrize('rate', [2.0**-24, 1e-3, 0.2, 1.0 - 2.0**-24, 1.0])
def test_noise_is_finite_at_every_rate(rate):
  hidden = jnp.asarray(np.random.default_rng(1).normal(size=(8, 50_000)))
  hidden = hidden.astype(jnp.float32)
  assert np.isfinite(layers.inject_noise(KEY, hidden, rate=rate)).all()


def test_a_traced_rate_gives_the_same_as_a_number_in_one_program(rng):
  hidden, traces = _hidden(rng), []

  @jax.jit
  def traced(rate):
    traces.append(1)
    return layers.inject_noise(KEY, hidden, rate=rate)

  np.testing.assert_array_equal(traced(0.0), hidden)
  np.testing.assert_allclose(
    traced(0.3), layers.inject_noise(KEY, hidden, rate=0.3), rtol=1e-5
  )
  assert len(traces) == 1


def test_axes_after_the_first_are_one(rng):
  hidden = _hidden(rng, size=24)
  maps = hidden.reshape(6, 2, 3, 4)
  np.testing.assert_array_equal(
    layers.inject_noise(KEY, maps, rate=0.5).reshape(6, 24),
    layers.inject_noise(KEY, hidden, rate=0.5),
  )


def test_every_precision_has_the_same_mask(rng):
  hidden = _hidden(rng)
  low = hidden.astype(jnp.bfloat16)
  noisy = layers.inject_noise(KEY, low, rate=0.3, strategy='uniform')
  assert noisy.dtype == jnp.bfloat16
  expected = _changed(KEY, low.astype(jnp.float32), 0.3)
  assert not np.asarray(noisy != low)[~expected].any()


def test_bad_input_is_named(rng):
  hidden = _hidden(rng)
  with pytest.raises(errors.InputError, match=r'rate: .*\[0, 1\], got 1.5'):
    layers.inject_noise(KEY, hidden, rate=1.5)
  with pytest.raises(errors.InputError, match='strategy: .*additive'):
    layers.inject_noise(KEY, hidden, rate=0.5, strategy='gauss')
  with pytest.raises(errors.InputError, match='hidden: '):
    layers.inject_noise(KEY, hidden[0], rate=0.5)
  with pytest.raises(errors.InputError, match='at least 11 states'):
    layers.inject_noise(KEY, hidden[:, :10], rate=0.5, strategy='median_blur')
  with pytest.raises(errors.InputError, match='rate: '):
    layers.NoiseInjection(-1)
  with pytest.raises(errors.InputError, match='strategy: '):
    layers.NoiseInjection(0.5, 'gauss')
  with pytest.raises(errors.InputError, match='gradient: expected True'):
    layers.NoiseInjection(0.5, gradient='no')
  with pytest.raises(errors.InputError, match='rate: .*got 2.0'):
    layers.inject_noise(KEY, hidden, rate=jnp.array(2.0))
  with pytest.raises(errors.InputError, match='hidden: .*floats, got.*int32'):
    layers.inject_noise(KEY, hidden.astype(jnp.int32), rate=0.5)
  with pytest.raises(errors.InputError, match='B at least 1'):
    layers.inject_noise(KEY, hidden[:0], rate=0.5)
  for key in (0, np.random.default_rng(0), jax.random.split(KEY)):
    with pytest.raises(errors.InputError, match='key: expected one random key'):
      layers.inject_noise(key, hidden, rate=0.5)


def test_layer_is_the_function_while_training_and_the_identity_at_test(rng):
  hidden = _hidden(rng)
  layer = layers.NoiseInjection(0.3)
  rngs = {'noise': KEY}
  noisy = layer.apply({}, hidden, train=True, rngs=rngs)
  assert 0 < np.mean(np.asarray(noisy != hidden)) < 1
  np.testing.assert_array_equal(layer.apply({}, hidden), hidden)


def test_layer_with_rate_zero_needs_no_key(rng):
  hidden = _hidden(rng)
  noisy = layers.NoiseInjection(0).apply({}, hidden, train=True)
  np.testing.assert_array_equal(noisy, hidden)


def test_the_sorting_network_sorts_zeros_and_ones():
  """By the 0-1 principle, a network that sorts these sorts everything."""
  size = noise_injection.MEDIAN_WINDOW
  every = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
  ordered = noise_injection._sort_network(list(jnp.asarray(every.T)))
  np.testing.assert_array_equal(np.stack(ordered), np.sort(every.T, axis=0))
