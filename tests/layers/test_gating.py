import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax.layers import gating

KEY = jax.random.key(3)


def _sigmoid(x):
  return 1 / (1 + np.exp(-x))


def _init(layer, hidden):
  variables = layer.init(KEY, hidden)
  return variables, jax.tree.map(np.asarray, variables['params'])


@pytest.fixture
def hidden(rng):
  return jnp.asarray(rng.normal(size=(5, 12)), jnp.float32)


@pytest.mark.parametrize('maximum', [1.0, 2.0])
@pytest.mark.parametrize('kind', layers.GATE_KINDS)
def test_equals_a_literal_loop(hidden, kind, maximum):
  layer = layers.Gate(kind, maximum)
  variables, params = _init(layer, hidden)
  z = np.asarray(hidden, np.float64)
  expected = np.empty_like(z)
  for b in range(z.shape[0]):
    for k in range(z.shape[1]):
      if kind == 'elementwise':
        logit = z[b, k] * params['weight'][k] + params['bias'][k]
      elif kind == 'dense':
        logit = z[b] @ params['weight'][:, k] + params['bias'][k]
      else:
        logit = params['bias'][k]
      expected[b, k] = z[b, k] * maximum * _sigmoid(logit)
  # A dozen roundings of values below 10.
  np.testing.assert_allclose(
    layer.apply(variables, hidden), expected, atol=12 * 10 * 2**-24
  )


@pytest.mark.parametrize('kind', layers.GATE_KINDS)
def test_the_gradient_flows_through_states_and_gates(rng, hidden, kind):
  layer = layers.Gate(kind)
  variables, params = _init(layer, hidden)
  weight = jnp.asarray(rng.normal(size=hidden.shape), jnp.float32)

  def total(variables, hidden):
    return (weight * layer.apply(variables, hidden)).sum()

  found, in_hidden = jax.grad(total, argnums=(0, 1))(variables, hidden)
  # By hand, of h' = z s(a), a = z * W + b: dh'/da = z s (1 - s).
  z, w = (np.asarray(one, np.float64) for one in (hidden, weight))
  a = {
    'dense': lambda: z @ params['weight'] + params['bias'],
    'elementwise': lambda: z * params['weight'] + params['bias'],
    'static': lambda: z * 0 + params['bias'],
  }[kind]()
  in_a = w * z * _sigmoid(a) * (1 - _sigmoid(a))
  through = {
    'dense': lambda: in_a @ params['weight'].T,
    'elementwise': lambda: in_a * params['weight'],
    'static': lambda: 0,
  }[kind]()
  # Sums of at most twelve float32 terms below 10.
  close = {'atol': 12 * 10 * 2**-24}
  np.testing.assert_allclose(in_hidden, w * _sigmoid(a) + through, **close)
  np.testing.assert_allclose(found['params']['bias'], in_a.sum(0), **close)
  expected = {'dense': z.T @ in_a, 'elementwise': (z * in_a).sum(0)}
  if kind != 'static':
    np.testing.assert_allclose(
      found['params']['weight'], expected[kind], **close
    )


def test_the_default_gate_is_dense(hidden):
  for layer in (layers.Gate(), layers.NoiseOut()):
    _, params = _init(layer, hidden)
    shapes = {leaf.shape for leaf in jax.tree.leaves(params)}
    assert shapes == {(12, 12), (12,)}


def test_noiseout_can_cut_the_gradient_of_its_noise(hidden):
  def gradient(**options):
    layer = layers.NoiseOut(rate=0.5, gate='static', **options)
    variables = layer.init(KEY, hidden)

    def total(hidden):
      return layer.apply(
        variables, hidden, train=True, rngs={'noise': KEY}
      ).sum()

    return np.asarray(jax.grad(total)(hidden))

  # Cut, a replaced state has no gradient at all.
  assert (gradient(gradient=False) == 0).any()
  assert not (gradient() == 0).any()


@pytest.mark.parametrize(
  ('kind', 'count'), [('elementwise', 24), ('dense', 156), ('static', 12)]
)
def test_parameter_counts(hidden, kind, count):
  _, params = _init(layers.Gate(kind), hidden)
  assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


@pytest.mark.parametrize('kind', layers.GATE_KINDS)
def test_parameters_start_uniform_within_one_over_root_fan_in(kind):
  hidden = jnp.zeros((2, 400))
  _, params = _init(layers.Gate(kind), hidden)
  limit = 1 / np.sqrt(400)
  for leaf in jax.tree.leaves(params):
    assert np.abs(leaf).max() <= limit
    # The largest of n uniform draws is below (1 - 20/n) with chance e^-20.
    assert np.abs(leaf).max() > limit * (1 - 20 / leaf.size)


def test_gates_act_alike_in_training_and_at_test(hidden):
  layer = layers.Gate()
  variables, _ = _init(layer, hidden)
  np.testing.assert_array_equal(
    layer.apply(variables, hidden, train=True),
    layer.apply(variables, hidden),
  )


def test_a_static_gate_ignores_its_input(hidden):
  layer = layers.Gate('static')
  variables, _ = _init(layer, hidden)
  found = layer.apply(variables, hidden, method='gates')
  np.testing.assert_array_equal(found, jnp.broadcast_to(found[:1], found.shape))


def test_noiseout_is_injection_then_gate(hidden):
  layer = layers.NoiseOut(rate=0.5, gate='dense')
  variables, _ = _init(layer, hidden)
  found = layer.apply(
    variables, hidden, train=True, rngs={'noise': KEY}, method='forward'
  )
  assert 0 < np.mean(np.asarray(found.hidden != hidden)) < 1
  gate = {'params': variables['params']['gating']}
  expected = layers.Gate('dense').apply(gate, found.hidden, method='forward')
  np.testing.assert_array_equal(found.gates, expected.gates)
  np.testing.assert_array_equal(found.output, expected.output)


def test_noiseout_gates_but_does_not_disturb_at_test(hidden):
  layer = layers.NoiseOut(rate=0.5)
  variables, _ = _init(layer, hidden)
  found = layer.apply(variables, hidden, method='forward')
  np.testing.assert_array_equal(found.hidden, hidden)
  np.testing.assert_array_equal(found.output, hidden * found.gates)


def test_noiseout_takes_a_gate_or_its_kind(hidden):
  by_kind, _ = _init(layers.NoiseOut(gate='static'), hidden)
  by_gate, _ = _init(layers.NoiseOut(gate=layers.Gate('static')), hidden)
  np.testing.assert_array_equal(
    by_kind['params']['gating']['bias'], by_gate['params']['gating']['bias']
  )


def test_any_layer_can_be_applied(hidden):
  nothing = gating.apply_layer(None, hidden, train=True)
  assert nothing == gating.Gated(hidden, None, hidden)
  layer = layers.NoiseInjection(0.5).bind({}, rngs={'noise': KEY})
  noisy = gating.apply_layer(layer, hidden, train=True)
  assert noisy.gates is None
  assert noisy.hidden is noisy.output


def test_bad_input_is_named(hidden):
  with pytest.raises(errors.InputError, match='gate: .*elementwise'):
    layers.Gate('elementwise_')
  with pytest.raises(errors.InputError, match='gate: .*got 3'):
    layers.NoiseOut(gate=3)
  with pytest.raises(errors.InputError, match='maximum: '):
    layers.Gate(maximum=0)
  with pytest.raises(errors.InputError, match='rate: '):
    layers.NoiseOut(rate=2)
  with pytest.raises(errors.InputError, match='strategy: '):
    layers.NoiseOut(strategy='none')
  with pytest.raises(errors.InputError, match='hidden: '):
    layers.Gate().init(KEY, hidden[0])
  with pytest.raises(errors.InputError, match='hidden: .*floats'):
    layers.Gate().init(KEY, hidden.astype(jnp.int32))
  with pytest.raises(errors.InputError, match='B at least 1'):
    layers.Gate().init(KEY, hidden[:0])
  with pytest.raises(errors.InputError, match='gradient: '):
    layers.NoiseOut(gradient=1)
