import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.training import losses

KEY = jax.random.key(0)
NOISE = {'noise': jax.random.key(1)}
IMAGES = (16, 2, 3, 1)


def _images(rng):
  return jnp.asarray(rng.uniform(size=IMAGES), jnp.float32)


def _weights(rng):
  shapes = {'first': (6, 5), 'last': (5, 3)}
  return {
    name: jnp.asarray(rng.normal(size=shape), jnp.float32)
    for name, shape in shapes.items()
  }


def _features(weights, images):
  return jnp.tanh(images.reshape(len(images), -1) @ weights['first'])


def _classify(weights, hidden):
  return hidden @ weights['last']


def _network(weights, **options):
  return models.with_noiseout(
    functools.partial(_features, weights),
    functools.partial(_classify, weights),
    **options,
  )


def test_noiseout_stands_between_the_two_functions(rng):
  weights, images = _weights(rng), _images(rng)
  network = _network(weights, rate=0.5, gate='dense')
  gate = network.init(KEY, images)
  assert set(gate) == {'params'}
  assert set(gate['params']) == {'flattened'}
  layer = layers.NoiseOut(0.5, gate='dense')
  own = {'params': gate['params']['flattened']}
  hidden = _features(weights, images)
  expected = _classify(weights, layer.apply(own, hidden))
  found = network.apply(gate, images)
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  forward = network.apply(gate, images, method='forward')
  np.testing.assert_array_equal(forward.logits, found)
  np.testing.assert_array_equal(forward.hidden, hidden)
  gates = layer.apply(own, hidden, method='forward').gates
  np.testing.assert_array_equal(forward.gates, gates)


def test_there_is_noise_while_training_only(rng):
  weights, images = _weights(rng), _images(rng)
  network = _network(weights, rate=0.5)
  gate = network.init(KEY, images)
  hidden = _features(weights, images)
  noisy = network.apply(gate, images, train=True, rngs=NOISE, method='forward')
  changed = np.asarray(noisy.hidden != hidden)
  # Four standard errors of the share of 80 states.
  assert abs(changed.mean() - 0.5) < 4 * np.sqrt(0.25 / changed.size)
  with pytest.raises(Exception, match='noise'):
    network.apply(gate, images, train=True)


def test_functions_and_gate_are_trained_together(rng):
  """Against the network written out."""
  weights, images = _weights(rng), _images(rng)
  gate = _network(weights).init(KEY, images)
  layer = layers.NoiseOut(0.0)

  def loss(weights, gate):
    network = _network(weights, rate=0.0)
    return jnp.sin(network.apply(gate, images, train=True)).sum()

  def literal(weights, gate):
    own = {'params': gate['params']['flattened']}
    hidden = layer.apply(own, _features(weights, images))
    return jnp.sin(_classify(weights, hidden)).sum()

  found, expected = (
    jax.jit(jax.grad(function, argnums=(0, 1)))(weights, gate)
    for function in (loss, literal)
  )
  close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
  jax.tree.map(close, found, expected)
  for leaf in jax.tree.leaves(found):
    assert np.abs(leaf).max() > 0


def test_the_fig_loss_reaches_the_gate(rng):
  images, labels = _images(rng), jnp.arange(IMAGES[0]) % 3
  network = _network(_weights(rng))
  gate = network.init(KEY, images)

  def term(gate):
    fig = losses.FigLoss(num_steps=2)
    found = losses.training_losses(
      network, gate, images, labels, rngs=NOISE, fig=fig
    )
    return found.fig

  value, gradient = jax.jit(jax.value_and_grad(term))(gate)
  assert 0 < value < 1
  for leaf in jax.tree.leaves(gradient):
    assert np.abs(leaf).max() > 0


def test_a_linen_module_stays_what_it_is(rng):
  images = _images(rng)
  below = nn.Sequential([lambda x: x.reshape(len(x), -1), nn.Dense(5)])
  above = nn.Dense(3)
  hidden, of_below = below.init_with_output(KEY, images)
  logits, of_above = above.init_with_output(KEY, hidden)
  network = models.with_noiseout(below.bind(of_below), above.bind(of_above))
  gate = network.init(KEY, images)
  assert set(gate['params']) == {'flattened'}
  # Gates that are all but open.
  open_gate = jax.tree.map(lambda leaf: jnp.full_like(leaf, 0), gate)
  own = open_gate['params']['flattened']['gating']
  own['bias'] = jnp.full_like(own['bias'], 30)
  found = network.apply(open_gate, images)
  np.testing.assert_allclose(found, logits, rtol=1e-5, atol=1e-6)


def test_bad_input_is_named(rng):
  one = lambda x: x
  with pytest.raises(errors.InputError, match='features: .*weights, images'):
    models.with_noiseout(_features, one)
  with pytest.raises(
    errors.InputError, match='features: .*function of 1 argument, got int'
  ):
    models.with_noiseout(3, one)
  with pytest.raises(errors.InputError, match="option of .*mean 'rate'"):
    models.with_noiseout(one, one, rates=0.2)
  with pytest.raises(errors.InputError, match=r'rate: .*\[0, 1\], got 2'):
    models.with_noiseout(one, one, rate=2)
  network = models.with_noiseout(one, one)
  with pytest.raises(
    errors.InputError, match=r'features: expected \[B, K\], got shape'
  ):
    network.init(KEY, _images(rng))
