import jax
import jax.numpy as jnp
import numpy as np
import optax

from robustjax.training import optimizer


def test_learning_rate_decays_after_each_epoch():
  schedule = optimizer.decayed_per_epoch(2.0, 0.7, 3)
  found = [float(schedule(jnp.int32(step))) for step in range(8)]
  expected = [2.0] * 3 + [1.4] * 3 + [0.98] * 2
  np.testing.assert_allclose(found, expected, rtol=1e-6)


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

  transform = optimizer.adadelta(
    1.0, decay=0.7, steps_per_epoch=2, rho=rho, epsilon=epsilon
  )
  params = jnp.zeros(4)
  state = transform.init(params)
  for gradient in gradients:
    updates, state = transform.update(
      jnp.asarray(gradient, jnp.float32), state, params
    )
    params = optax.apply_updates(params, updates)
  np.testing.assert_allclose(params, x, rtol=1e-5)


def test_what_is_left_alone_stays_and_has_no_state():
  params = {'a': {'w': jnp.ones(3)}, 'fixed': {'w': jnp.ones(5)}}
  inner = optimizer.adadelta(
    1.0, decay=0.7, steps_per_epoch=9, rho=0.9, epsilon=1e-6
  )
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
