import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import augmenting
from robustjax.training import losses
from robustjax.training import steps
from robustjax.training import strengths


def _augmented(**options):
  return {'augmentation': augmenting.Augmentation(**options)}


_BLURRED = _augmented(is_blurred=True)


def _batch(rng):
  images = jnp.asarray(rng.uniform(size=(8, 8, 8, 1)), jnp.float32)
  return pipeline.Batch(images, jnp.arange(8, dtype=jnp.int32) % 4)


def _recipe(rate=0.0, **options):
  model = models.create(
    'mnist_cnn', num_classes=4, flattened=layers.NoiseOut(rate=rate)
  )
  return steps.Recipe(model, optax.sgd(0.1), **options)


def _first_state(recipe, seed=0):
  return steps.init_state(
    random_keys.root_key(seed),
    (8, 8, 1),
    recipe=recipe,
  )


def test_a_step_follows_the_gradient_of_the_loss(rng):
  root = random_keys.root_key(0)
  recipe, batch = _recipe(), _batch(rng)
  state = _first_state(recipe)
  step = jax.jit(functools.partial(steps.train_step, recipe=recipe))
  after, metrics = step(state, batch, root, strengths.Strengths())
  key = random_keys.stream_key(root, 0, 'dropout')

  def loss(params):
    logits = recipe.model.apply(
      {'params': params}, batch.images, train=True, rngs={'dropout': key}
    )
    likelihood = jax.nn.log_softmax(logits)
    return -jnp.mean(likelihood[jnp.arange(8), batch.labels])

  value, gradient = jax.jit(jax.value_and_grad(loss))(state.params)
  np.testing.assert_allclose(metrics.loss, value, rtol=1e-6)
  expected = jax.tree.map(lambda p, g: p - 0.1 * g, state.params, gradient)
  chex.assert_trees_all_close(after.params, expected, rtol=0, atol=1e-6)
  assert int(after.step) == 1
  assert 0 <= float(metrics.accuracy) <= 1


def test_a_step_hands_on_the_statistics_of_its_batch(rng, normalized):
  recipe = steps.Recipe(normalized(num_classes=4), optax.sgd(0.1))
  state, batch = _first_state(recipe), _batch(rng)
  after, _ = steps.train_step(
    state, batch, random_keys.root_key(0), strengths.Strengths(), recipe=recipe
  )
  found = after.statistics['batch_stats']['norm']
  pixels = np.asarray(batch.images, np.float64).reshape(8, -1)
  # From 0 and 1, half way to the batch's own.
  np.testing.assert_allclose(found['mean'], pixels.mean(axis=0) / 2, rtol=1e-5)
  expected = (1 + pixels.var(axis=0)) / 2
  np.testing.assert_allclose(found['var'], expected, rtol=1e-5)


def test_noise_and_dropout_have_keys_of_their_own(rng, normalized, monkeypatch):
  recipe = steps.Recipe(normalized(num_classes=4), optax.sgd(0.1))
  root = random_keys.root_key(0)
  state, seen = _first_state(recipe)._replace(step=jnp.int32(3)), {}
  original = losses.training_losses

  def watched(*arguments, rngs, **options):
    seen.update(rngs)
    return original(*arguments, rngs=rngs, **options)

  monkeypatch.setattr(losses, 'training_losses', watched)
  steps.train_step(
    state, _batch(rng), root, strengths.Strengths(), recipe=recipe
  )
  for stream in ('noise', 'dropout'):
    chex.assert_trees_all_equal(
      jax.random.key_data(seen[stream]),
      jax.random.key_data(random_keys.stream_key(root, 3, stream)),
    )
  assert not np.array_equal(
    *(jax.random.key_data(seen[stream]) for stream in ('noise', 'dropout'))
  )


def test_draws_differ_by_step_and_by_seed_only(rng):
  recipe, batch = _recipe(rate=0.5), _batch(rng)
  state = _first_state(recipe)
  step_fn = jax.jit(functools.partial(steps.train_step, recipe=recipe))
  strong = strengths.Strengths(noise_rate=0.5)

  def loss(step, seed):
    at_step = state._replace(step=jnp.int32(step))
    key = random_keys.root_key(seed)
    return float(step_fn(at_step, batch, key, strong)[1].loss)

  assert loss(0, 0) == loss(0, 0)
  assert len({loss(0, 0), loss(1, 0), loss(0, 1)}) == 3


def test_seeds_have_initial_parameters_of_their_own():
  kernels = [
    _first_state(_recipe(), seed).params['conv1']['kernel'] for seed in (0, 1)
  ]
  assert not np.array_equal(*kernels)


@pytest.mark.parametrize(
  ('options', 'strength'),
  [
    (_augmented(crop_padding=2), {}),
    (_BLURRED, {'blur_sigma': 1.0}),
    (
      {'augmentation': augmenting.Augmentation(is_noisy=True)},
      {'input_stddev': 0.2},
    ),
    ({'layer_noise': losses.LayerNoise()}, {'variance_ratio': 0.5}),
    ({'loss': 'sigmoid'}, {}),
  ],
)
def test_what_is_switched_on_changes_the_loss(rng, options, strength):
  batch, root = _batch(rng), random_keys.root_key(0)
  found = []
  for recipe, strong in (
    (_recipe(), strengths.Strengths()),
    (_recipe(**options), strengths.Strengths(**strength)),
  ):
    step = jax.jit(functools.partial(steps.train_step, recipe=recipe))
    state = _first_state(recipe)
    found.append(float(step(state, batch, root, strong)[1].loss))
  assert found[0] != found[1]


def test_blur_of_width_zero_is_no_blur(rng):
  batch, root = _batch(rng), random_keys.root_key(0)
  found = []
  for recipe in (_recipe(), _recipe(**_BLURRED)):
    step = jax.jit(functools.partial(steps.train_step, recipe=recipe))
    state = _first_state(recipe)
    found.append(step(state, batch, root, strengths.Strengths())[1].loss)
  # Images are the same bit for bit; programs around them may round otherwise.
  np.testing.assert_allclose(*found, rtol=1e-6)
