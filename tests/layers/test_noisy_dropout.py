import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from robustjax import errors
from robustjax import layers

KEY = jax.random.key(3)
SHAPE = (4, 3, 5, 2)


def _hidden(rng, shape=SHAPE):
  return jnp.asarray(rng.normal(2.0, 3.0, shape), jnp.float32)


def _apply(hidden, rate, stddev, **options):
  return np.asarray(
    layers.noisy_dropout(KEY, hidden, rate=rate, stddev=stddev, **options)
  )


def _kept(hidden, rate):
  """Where states stay: no draw is exactly zero, but what is dropped is."""
  return _apply(jnp.ones_like(hidden), rate, 0.0) == 1


@pytest.mark.parametrize('where', layers.PLACES)
@pytest.mark.parametrize('rescale', [False, True])
def test_equals_a_literal_loop_given_mask_and_noise(rng, where, rescale):
  hidden, rate, stddev = _hidden(rng), 0.4, 0.7
  kept = _kept(hidden, rate)
  noise = _apply(jnp.zeros_like(hidden), rate, stddev, where=where)
  expected = np.empty(SHAPE)
  for place in np.ndindex(SHAPE):
    d = 1 if kept[place] else 0
    x = float(hidden[place]) / ((1 - rate) if rescale else 1)
    # With 'dropped', what came of a state of zero is epsilon (1 - d).
    expected[place] = x * d + noise[place]
  found = _apply(hidden, rate, stddev, where=where, rescale=rescale)
  # Three roundings of values below 20.
  np.testing.assert_allclose(found, expected, atol=3 * 20 * 2**-24)
  assert 20 < kept.sum() < 100
  if where == 'dropped':
    np.testing.assert_array_equal(noise[kept], 0)
  assert (noise[~kept] != 0).all()


@pytest.mark.parametrize('rate', [0.2, 0.5, 0.9, 0.0, 1.0])
def test_without_noise_and_rescaled_it_is_flax_dropout(rng, rate):
  hidden = _hidden(rng)
  dropout = nn.Dropout(rate, deterministic=False)
  expected = dropout.apply({}, hidden, rng=KEY)
  for where in layers.PLACES:
    found = _apply(hidden, rate, 0.0, where=where, rescale=True)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('where', layers.PLACES)
@pytest.mark.parametrize('rate', [0.2, 0.7])
def test_mask_and_noise_have_their_law_and_are_independent(where, rate):
  zeros = jnp.zeros((200, 1000))
  kept = _kept(zeros, rate)
  error = np.sqrt(rate * (1 - rate) / kept.size)
  assert abs(kept.mean() - (1 - rate)) < 4 * error
  noise = _apply(zeros, rate, 0.3, where=where)
  groups = [noise[~kept]] + [noise[kept]] * (where == 'all')
  for drawn in groups:
    # Six tests: a false alarm in 1 of 1700 seeds, and the seed is fixed.
    assert scipy.stats.kstest(drawn / 0.3, 'norm').pvalue > 1e-4
    assert abs(drawn.mean()) < 4 * 0.3 / np.sqrt(drawn.size)
    # The standard error of a normal sample's deviation.
    assert abs(drawn.std() - 0.3) < 4 * 0.3 / np.sqrt(2 * drawn.size)


@pytest.mark.parametrize('rescale', [False, True])
def test_rate_zero_keeps_all_and_rate_one_nothing(rng, rescale):
  hidden = _hidden(rng)
  found = _apply(hidden, 0.0, 0.5, rescale=rescale)
  np.testing.assert_array_equal(found, hidden)
  np.testing.assert_array_equal(_apply(hidden, 1.0, 0.0, rescale=rescale), 0)

  def total(hidden):
    return layers.noisy_dropout(
      KEY, hidden, rate=1.0, stddev=0.5, rescale=rescale
    ).sum()

  np.testing.assert_array_equal(jax.grad(total)(hidden), 0)
  noise = _apply(hidden, 1.0, 0.5, rescale=rescale)
  np.testing.assert_array_equal(noise, _apply(hidden * 0, 1.0, 0.5))
  assert (noise != 0).all()


@pytest.mark.parametrize('rate', [0.0, 2.0**-24, 1.0 - 2.0**-24, 1.0])
def test_noise_is_finite_at_every_rate(rate):
  hidden = jnp.zeros((20, 10_000))
  for where in layers.PLACES:
    assert np.isfinite(_apply(hidden, rate, 1.0, where=where)).all()


def test_traced_strengths_give_the_same_as_numbers_in_one_program(rng):
  hidden, traces = _hidden(rng), []

  @jax.jit
  def traced(rate, stddev):
    traces.append(1)
    return layers.noisy_dropout(
      KEY, hidden, rate=rate, stddev=stddev, rescale=True
    )

  for rate, stddev in [(0.0, 0.0), (0.3, 0.5), (1.0, 0.0)]:
    expected = _apply(hidden, rate, stddev, rescale=True)
    np.testing.assert_allclose(traced(rate, stddev), expected, rtol=1e-5)
  assert len(traces) == 1


def test_the_gradient_passes_kept_states_and_the_deviation(rng):
  hidden, rate = _hidden(rng), 0.5
  kept = np.asarray(_kept(hidden, rate))

  def total(hidden, relative):
    return layers.noisy_dropout(
      KEY, hidden, rate=rate, stddev=0.3, rescale=True, relative=relative
    ).sum()

  found = jax.grad(total)(hidden, relative=False)
  np.testing.assert_allclose(found, kept / (1 - rate), rtol=1e-6)
  # By hand: noise is q times the deviation, which has the slope
  # (h - mean) / (n deviation).
  h = np.asarray(hidden, np.float64)
  noisy = layers.noisy_dropout(
    KEY, hidden, rate=rate, stddev=0.3, relative=True
  )
  noise = np.where(kept, 0, np.asarray(noisy, np.float64)).sum()
  expected = kept / (1 - rate) + noise * (h - h.mean()) / (h.size * h.var())
  found = jax.grad(total)(hidden, relative=True)
  # A sum of 120 float32 terms below 10.
  np.testing.assert_allclose(found, expected, atol=120 * 10 * 2**-24)
  assert np.abs(expected - kept / (1 - rate)).max() > 1e-3


def test_relative_counts_in_the_deviation_of_the_states(rng):
  hidden = _hidden(rng)
  absolute = _apply(hidden, 0.5, 0.3 * float(np.std(np.asarray(hidden))))
  found = _apply(hidden, 0.5, 0.3, relative=True)
  # The deviation is a sum of 120 terms, taken in another order.
  np.testing.assert_allclose(found, absolute, rtol=1e-5)


def test_correlated_noise_has_the_deviation_and_the_correlation_asked_for():
  shape, sigma, stddev = (2000, 9, 9, 4), 1.2, 0.5
  noise = _apply(jnp.zeros(shape), 1.0, stddev, correlation=sigma)
  count = shape[0] * shape[3]
  # At every place, edges included: 81 sample deviations of 8000 draws.
  deviations = noise.std(axis=(0, 3))
  assert np.abs(deviations / stddev - 1).max() < 4 / np.sqrt(2 * count)
  # White noise blurred by a Gaussian is correlated as exp(-d^2 / 4 sigma^2), on
  # an unbounded lattice. The centre is 4 pixels from the edge, 3.3 sigma.
  for step in (1, 2, 3):
    for there in (noise[:, 4 - step, 4], noise[:, 4, 4 + step]):
      found = (noise[:, 4, 4] * there).mean() / stddev**2
      expected = np.exp(-(step**2) / (4 * sigma**2))
      assert abs(found - expected) < 4 * np.sqrt(2 / count)
  # Neither images nor channels know of each other.
  for there in (noise[1:], np.roll(noise, 1, axis=3)[1:]):
    found = (noise[:-1, 4, 4] * there[:, 4, 4]).mean() / stddev**2
    assert abs(found) < 4 / np.sqrt(count - 4)


def test_correlation_leaves_the_mask_and_the_kept_states(rng):
  hidden = _hidden(rng)
  kept = _kept(hidden, 0.4)
  found = _apply(hidden, 0.4, 0.3, correlation=2.0)
  np.testing.assert_array_equal(found[kept], np.asarray(hidden)[kept])
  assert (found != np.asarray(hidden))[~kept].all()
  narrow = _apply(hidden, 0.4, 0.3, correlation=1e-3)
  np.testing.assert_allclose(narrow, _apply(hidden, 0.4, 0.3), rtol=1e-6)


def test_every_precision_has_the_same_mask(rng):
  low = _hidden(rng).astype(jnp.bfloat16)
  found = layers.noisy_dropout(KEY, low, rate=0.3, stddev=0.5)
  assert found.dtype == jnp.bfloat16
  expected = _kept(low.astype(jnp.float32), 0.3)
  np.testing.assert_array_equal(np.asarray(found == low), expected)


def test_bad_input_is_named(rng):
  hidden = _hidden(rng)
  with pytest.raises(errors.InputError, match=r'rate: .*\[0, 1\], got 1.5'):
    _apply(hidden, 1.5, 0.1)
  with pytest.raises(errors.InputError, match='stddev: .*got -1'):
    _apply(hidden, 0.5, -1)
  with pytest.raises(errors.InputError, match='where: .*dropped'):
    _apply(hidden, 0.5, 0.1, where='drop')
  with pytest.raises(errors.InputError, match='correlation: .*got -2'):
    _apply(hidden, 0.5, 0.1, correlation=-2)
  with pytest.raises(errors.InputError, match=r'hidden: .*\(4, 30\)'):
    _apply(hidden.reshape(4, 30), 0.5, 0.1, correlation=1.0)
  with pytest.raises(errors.InputError, match='rate: '):
    layers.NoisyDropout(-1, 0.1)
  with pytest.raises(errors.InputError, match='where: '):
    layers.NoisyDropout(0.5, 0.1, where='some')


def test_layer_passes_its_options_while_training_only(rng):
  hidden = _hidden(rng)
  options = {'where': 'all', 'rescale': True, 'relative': True}
  layer = layers.NoisyDropout(0.3, 0.5, correlation=1.0, **options)
  np.testing.assert_array_equal(layer.apply({}, hidden), hidden)
  found = layer.apply({}, hidden, train=True, rngs={'noise': KEY})
  key = nn.apply(lambda layer: layer.make_rng('noise'), layer)(
    {}, rngs={'noise': KEY}
  )
  expected = layers.noisy_dropout(
    key, hidden, rate=0.3, stddev=0.5, correlation=1.0, **options
  )
  np.testing.assert_array_equal(found, expected)


def test_layer_switched_off_needs_no_key(rng):
  hidden = _hidden(rng)
  found = layers.NoisyDropout(0, 0.0).apply({}, hidden, train=True)
  np.testing.assert_array_equal(found, hidden)
