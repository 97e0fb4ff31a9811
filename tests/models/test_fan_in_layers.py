import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.models import fan_in_layers


@pytest.mark.parametrize(
  ('layer', 'shape', 'fan_in'),
  [
    (fan_in_layers.FanInDense(300), (2, 50), 50),
    (fan_in_layers.FanInConv(200, (3, 5)), (1, 6, 6, 4), 60),
  ],
)
def test_weights_and_bias_are_uniform_within_one_over_root_fan_in(
  layer, shape, fan_in
):
  params = layer.init(jax.random.key(0), jnp.zeros(shape))['params']
  limit = 1 / np.sqrt(fan_in)
  assert set(params) == {'kernel', 'bias'}
  for leaf in params.values():
    values = np.asarray(leaf).ravel()
    assert np.abs(values).max() <= limit
    # Four standard errors of the mean square of n draws from U(-s, s).
    error = 4 * np.sqrt(4 / 45 / values.size)
    assert abs(np.mean((values / limit) ** 2) - 1 / 3) < error


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_dtype_is_that_of_the_computation_and_parameters_are_float32(dtype):
  layer = fan_in_layers.FanInDense(3, dtype=dtype)
  x = jnp.ones((2, 4), dtype)
  variables = layer.init(jax.random.key(0), x)
  assert layer.apply(variables, x).dtype == dtype
  leaves = jax.tree.leaves(variables)
  assert {leaf.dtype for leaf in leaves} == {np.dtype('float32')}


@pytest.mark.parametrize(
  ('layer', 'shape', 'bad'),
  [
    (fan_in_layers.FanInDense(3), (2, 4), np.ones((2, 4), np.int32)),
    (fan_in_layers.FanInDense(3), (2, 4), np.ones((2, 5), np.float32)),
    (fan_in_layers.FanInDense(3), (2, 4), [[1.0]]),
    (fan_in_layers.FanInConv(3, (1, 1)), (2, 4, 4, 1), np.ones((4, 4, 1))),
    (fan_in_layers.FanInConv(3, (1, 1)), (2, 4, 4, 1), np.ones((2, 4, 4, 2))),
    (
      fan_in_layers.FanInConv(3, (1, 1)),
      (2, 4, 4, 1),
      np.ones((2, 4, 4, 1), int),
    ),
  ],
)
def test_what_a_layer_was_not_made_for_is_named(layer, shape, bad):
  variables = layer.init(jax.random.key(0), jnp.ones(shape))
  with pytest.raises(errors.InputError, match='x: '):
    layer.apply(variables, bad)
