import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import steps


def _batch(rng):
  images = jnp.asarray(rng.uniform(size=(8, 8, 8, 1)), jnp.float32)
  return pipeline.Batch(images, jnp.arange(8, dtype=jnp.int32) % 4)


def _parts(rate=0.0):
  model = models.create(
    'mnist_cnn', num_classes=4, flattened=layers.NoiseOut(rate=rate)
  )
  return {'model': model, 'optimizer': optax.sgd(0.1)}


def test_a_step_follows_the_gradient_of_the_loss(rng):
  root = random_keys.root_key(0)
  parts, batch = _parts(), _batch(rng)
  state = steps.init_state(root, (8, 8, 1), **parts)
  step = jax.jit(functools.partial(steps.train_step, **parts))
  after, metrics = step(state, batch, root)
  key = random_keys.stream_key(root, 0, 'dropout')

  def loss(params):
    logits = parts['model'].apply(
      {'params': params}, batch.images, train=True, rngs={'dropout': key}
    )
    likelihood = jax.nn.log_softmax(logits)
    return -jnp.mean(likelihood[jnp.arange(8), batch.labels])

  value, gradient = jax.jit(jax.value_and_grad(loss))(state.params)
  np.testing.assert_allclose(metrics.loss, value, rtol=1e-6)
  expected = jax.tree.map(lambda p, g: p - 0.1 * g, state.params, gradient)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
    after.params,
    expected,
  )
  assert int(after.step) == 1
  assert 0 <= float(metrics.accuracy) <= 1


def test_draws_differ_by_step_and_by_seed_only(rng):
  parts, batch = _parts(rate=0.5), _batch(rng)
  root = random_keys.root_key(0)
  state = steps.init_state(root, (8, 8, 1), **parts)

  step_fn = jax.jit(functools.partial(steps.train_step, **parts))

  def loss(step, seed):
    at_step = state._replace(step=jnp.int32(step))
    key = random_keys.root_key(seed)
    return float(step_fn(at_step, batch, key)[1].loss)

  assert loss(0, 0) == loss(0, 0)
  assert len({loss(0, 0), loss(1, 0), loss(0, 1)}) == 3


def test_seeds_have_initial_parameters_of_their_own():
  kernels = [
      steps.init_state(random_keys.root_key(seed), (8, 8, 1), **_parts())
      .params['conv1']['kernel']
      for seed in (0, 1)
  ]  # fmt: skip
  assert not np.array_equal(*kernels)
