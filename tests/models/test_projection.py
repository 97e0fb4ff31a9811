import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.models import projection


def test_projects_by_a_matrix_of_the_papers_deviation(rng):
  hidden = jnp.asarray(rng.normal(size=(5, 400)), jnp.float32)
  layer = projection.FixedProjection(300)
  variables = layer.init(jax.random.key(0), hidden)
  kernel = np.asarray(variables['params']['kernel'])
  expected = np.asarray(hidden, np.float64) @ kernel
  np.testing.assert_allclose(
    layer.apply(variables, hidden), expected, atol=1e-5
  )
  # The deviation of n normal values has a standard error of 1 / sqrt(2 n).
  tolerance = 4 / np.sqrt(2 * kernel.size)
  np.testing.assert_allclose(kernel.std() * 20, 1, atol=tolerance)


def test_no_gradient_reaches_the_matrix_but_one_passes(rng):
  hidden = jnp.asarray(rng.normal(size=(2, 6)), jnp.float32)
  layer = projection.FixedProjection(4)
  variables = layer.init(jax.random.key(0), hidden)

  def total(variables, hidden):
    return layer.apply(variables, hidden).sum()

  of_matrix, of_hidden = jax.grad(total, argnums=(0, 1))(variables, hidden)
  matrix = variables['params']['kernel']
  np.testing.assert_array_equal(of_matrix['params']['kernel'], 0 * matrix)
  np.testing.assert_allclose(of_hidden[0], matrix.sum(axis=1), rtol=1e-5)


def test_gates_and_classifier_have_its_size():
  model = models.create(
    'mnist_cnn', hidden_size=12, flattened=layers.NoiseOut(rate=0.3)
  )
  shapes = jax.eval_shape(
    model.init, jax.random.key(0), jnp.zeros((1, 8, 8, 1))
  )['params']
  assert shapes['projection']['kernel'].shape == (256, 12)
  assert shapes['flattened']['gating']['bias'].shape == (12,)
  assert set(models.FIXED_PARAMETERS) <= set(shapes)


def test_a_size_that_is_none_is_named():
  with pytest.raises(errors.InputError, match='hidden_size: expected an int'):
    models.create('mnist_cnn', hidden_size=-1)


@pytest.mark.parametrize(
  'hidden',
  [
    None,
    [[1.0, 2.0]],
    np.ones((2, 4), np.int32),
    np.ones((2, 4), bool),
    np.ones(4, np.float32),
    np.ones((2, 3, 4), np.float32),
    np.ones((2, 5), np.float32),
  ],
)
def test_what_are_no_states_is_named(hidden):
  layer = projection.FixedProjection(3)
  variables = layer.init(jax.random.key(0), jnp.ones((2, 4)))
  with pytest.raises(errors.InputError, match='hidden: '):
    layer.apply(variables, hidden)


@pytest.mark.parametrize('features', [0, 2.5, None, 10**20])
def test_what_is_no_size_is_named(features):
  with pytest.raises(errors.InputError, match='features: '):
    projection.FixedProjection(features)
