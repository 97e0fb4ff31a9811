import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from robustjax import errors
from robustjax.training import optimizer


def test_learning_rate_decays_after_each_epoch():
  timing = optimizer.Timing(steps_per_epoch=3, first_steps=5, num_steps=9)
  schedule = optimizer.learning_rates('per_epoch', 2.0, 0.7, timing)
  found = [float(schedule(jnp.int32(step))) for step in range(8)]
  expected = [2.0] * 3 + [1.4] * 3 + [0.98] * 2
  np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_learning_rate_drops_once_between_the_phases():
  timing = optimizer.Timing(steps_per_epoch=3, first_steps=5, num_steps=9)
  schedule = optimizer.learning_rates('two_phase', 2.0, 0.1, timing)
  found = [float(schedule(jnp.int32(step))) for step in range(8)]
  np.testing.assert_allclose(found, [2.0] * 5 + [0.2] * 3, rtol=1e-6)
  constant = optimizer.learning_rates('constant', 2.0, 0.1, timing)
  assert {float(constant(jnp.int32(step))) for step in range(8)} == {2.0}


def test_learning_rate_decays_after_several_epochs_or_thirds():
  timing = optimizer.Timing(steps_per_epoch=2, first_steps=5, num_steps=12)
  steps = jnp.arange(12)
  found = optimizer.learning_rates(
    'per_epoch', 1.0, 0.5, timing, decay_epochs=3
  )(steps)
  np.testing.assert_allclose(found, [1.0] * 6 + [0.5] * 6, rtol=1e-6)
  found = optimizer.learning_rates('thirds', 1.0, 0.5, timing)(steps)
  np.testing.assert_allclose(
    found, [1.0] * 4 + [0.5] * 4 + [0.25] * 4, rtol=1e-6
  )


def test_learning_rate_falls_as_half_a_wave():
  timing = optimizer.Timing(steps_per_epoch=2, first_steps=5, num_steps=12)
  found = optimizer.learning_rates('cosine', 3.0, 0.5, timing)(jnp.arange(13))
  expected = 1.5 * (1 + np.cos(np.pi * np.arange(13) / 12))
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_unknown_name_is_named():
  timing = optimizer.Timing(1, 1, 1)
  with pytest.raises(errors.InputError, match='schedule: expected one of con'):
    optimizer.learning_rates('step', 1.0, 0.1, timing)
  with pytest.raises(errors.InputError, match='optimizer: expected one of ada'):
    optimizer.make(
      'rmsprop',
      schedule='constant',
      learning_rate=1.0,
      decay=1,
      decay_epochs=1,
      timing=timing,
    )


def _update(transform, gradients):
  """What a series of gradients makes of a vector of zeros."""
  params = jnp.zeros(gradients.shape[1])
  state = transform.init(params)
  for gradient in gradients:
    updates, state = transform.update(
      jnp.asarray(gradient, jnp.float32), state, params
    )
    params = optax.apply_updates(params, updates)
  return params


def _make(name, **options):
  return optimizer.make(
    name,
    schedule='two_phase',
    learning_rate=0.5,
    decay=0.1,
    decay_epochs=1,
    timing=optimizer.Timing(2, 3, 6),
    **options,
  )


def test_equals_gradient_descent_with_momentum_as_published(rng):
  """Sutskever et al. (2013) as PyTorch has it: the rate outside the sum."""
  gradients = rng.normal(size=(6, 4))
  x = velocity = np.zeros(4)
  for t, gradient in enumerate(gradients):
    velocity = 0.9 * velocity + gradient
    x = x - (0.5 if t < 3 else 0.05) * velocity
  found = _update(_sgd(), gradients)
  np.testing.assert_allclose(found, x, rtol=1e-5)


def _sgd(**options):
  return _make(
    'sgd', **{'momentum': 0.9, 'nesterov': False, 'weight_decay': 0} | options
  )


def test_weight_decay_and_nesterov_are_those_of_pytorch(rng):
  """torch.optim.SGD: g + wd x; v = m v + g; x - rate (g + m v)."""
  gradients = rng.normal(size=(6, 4))
  x = velocity = np.zeros(4)
  for t, gradient in enumerate(gradients):
    decayed = gradient + 0.1 * x
    velocity = 0.9 * velocity + decayed
    x = x - (0.5 if t < 3 else 0.05) * (decayed + 0.9 * velocity)
  found = _update(_sgd(nesterov=True, weight_decay=0.1), gradients)
  np.testing.assert_allclose(found, x, rtol=1e-5)


@pytest.mark.standard_promotion('optax raises a float to an int power')
def test_equals_adam_as_published(rng):
  """Kingma and Ba (2015), algorithm 1."""
  gradients = rng.normal(size=(6, 4))
  x = mean = square = np.zeros(4)
  for t, gradient in enumerate(gradients, start=1):
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient**2
    step = (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
    x = x - (0.5 if t <= 3 else 0.05) * step
  options = {'beta1': 0.9, 'beta2': 0.999, 'epsilon': 1e-8}
  found = _update(_make('adam', **options), gradients)
  np.testing.assert_allclose(found, x, rtol=1e-4)


def _adadelta(steps_per_epoch, **options):
  return optimizer.make(
    'adadelta',
    schedule='per_epoch',
    learning_rate=1.0,
    decay=0.7,
    decay_epochs=1,
    timing=optimizer.Timing(steps_per_epoch, 0, 99),
    **options,
  )


def test_equals_adadelta_as_published(rng):
  """Zeiler (2012), algorithm 1, with the learning rate PyTorch adds."""
  gradients = rng.normal(size=(6, 4))
  rho, epsilon = 0.9, 1e-6
  x = mean_square = mean_square_step = np.zeros(4)
  for t, gradient in enumerate(gradients):
    mean_square = rho * mean_square + (1 - rho) * gradient**2
    step = -np.sqrt(mean_square_step + epsilon) * gradient
    step /= np.sqrt(mean_square + epsilon)
    mean_square_step = rho * mean_square_step + (1 - rho) * step**2
    x = x + 0.7 ** (t // 2) * step

  transform = _adadelta(steps_per_epoch=2, rho=rho, epsilon=epsilon)
  found = _update(transform, gradients)
  np.testing.assert_allclose(found, x, rtol=1e-5)


def test_what_is_left_alone_stays_and_has_no_state():
  params = {'a': {'w': jnp.ones(3)}, 'fixed': {'w': jnp.ones(5)}}
  inner = _adadelta(steps_per_epoch=9, rho=0.9, epsilon=1e-6)
  found = optimizer.leave_alone(inner, ('fixed',))
  state = found.init(params)
  sizes = {leaf.size for leaf in jax.tree.leaves(state)}
  assert 5 not in sizes
  assert 3 in sizes
  gradient = jax.tree.map(jnp.ones_like, params)
  updates, _ = found.update(gradient, state, params)
  expected, _ = inner.update(
    {'a': gradient['a']}, inner.init({'a': params['a']}), {'a': params['a']}
  )
  np.testing.assert_array_equal(updates['a']['w'], expected['a']['w'])
  np.testing.assert_array_equal(updates['fixed']['w'], np.zeros(5))
