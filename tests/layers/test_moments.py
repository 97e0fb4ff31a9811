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


def test_what_was_chosen_among_equals_shares_its_derivative():
  values = [jnp.array([1.0, 2.0]), jnp.array([1.0, 3.0]), jnp.array([0.0, 2.0])]
  tangents = [jnp.array([6.0, 6.0]), jnp.array([2.0, 2.0]), jnp.full(2, 10.0)]
  chosen = jnp.array([1.0, 2.0])
  found = moments.share_of_equals(values, chosen, tangents)
  np.testing.assert_array_equal(found, [4.0, 8.0])
  # As where the chosen one was rounded otherwise: none is equal.
  found = moments.share_of_equals(values, chosen + 0.5, tangents)
  np.testing.assert_array_equal(found, [0.0, 0.0])


def test_extremes_share_their_gradient_among_equals():
  states = jnp.array([[0.0, 3.0], [0.0, 3.0], [1.0, 3.0]])
  for function, expected in (
    (moments.smallest, [[0.5, 0], [0.5, 0], [0, 0]]),
    (moments.largest, [[0, 1 / 3], [0, 1 / 3], [0, 1 / 3]]),
  ):
    value, gradient = jax.value_and_grad(function)(states)
    assert value == (0 if function is moments.smallest else 3)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)
