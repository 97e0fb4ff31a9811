import chex
import jax
import jax.numpy as jnp
import numpy as np

from robustjax.layers import moments


def test_it_is_the_population_deviation(rng):
  states = rng.normal(3.0, 2.0, (7, 5)).astype(np.float32)
  found = moments.standard_deviation(jnp.asarray(states), 0)
  chex.assert_shape(found, (1, 5))
  exact = states.astype(np.float64).std(axis=0, keepdims=True)
  # Sums of seven squares, a root: some ten roundings.
  np.testing.assert_allclose(found, exact, rtol=10 * 2**-24)


def test_where_nothing_varies_deviation_and_gradient_are_zero():
  def total(states):
    return moments.standard_deviation(states, (0, 1)).sum()

  for value in (0.0, 3.0):
    total_value, gradient = jax.value_and_grad(total)(jnp.full((4, 3), value))
    assert total_value == 0
    np.testing.assert_array_equal(gradient, np.zeros((4, 3)))
