import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax.models import fan_in_layers
from robustjax.models import spatial_layer

KEY = jax.random.key(0)


@pytest.mark.parametrize('kind', spatial_layer.LAYER_KINDS)
def test_is_the_layer_of_its_kind(rng, kind):
  x = jnp.asarray(rng.normal(size=(2, 5, 6, 3)), jnp.float32)
  layer = spatial_layer.SpatialLayer(kind, 4, strides=2)
  variables = jax.jit(layer.init)(KEY, x)
  if kind == 'conv':
    inner = fan_in_layers.FanInConv(
      4, (3, 3), padding=((1, 1), (1, 1)), strides=(2, 2)
    )
  else:
    inner = layers.WeightMap(4, kind, strides=2, padding=1)
  params = {'params': variables['params']['layer']}
  found = layer.apply(variables, x)
  assert found.shape == (2, 3, 3, 4)
  np.testing.assert_array_equal(found, inner.apply(params, x))


@pytest.mark.parametrize('kind', spatial_layer.LAYER_KINDS)
def test_batch_normalisation_takes_the_batch_in_training_only(rng, kind):
  x = jnp.asarray(rng.normal(size=(4, 5, 5, 2)), jnp.float32)
  layer = spatial_layer.SpatialLayer(kind, 3, batch_norm=True)
  variables = jax.jit(layer.init)(KEY, x)
  plain = spatial_layer.SpatialLayer(kind, 3)
  params = {'params': {'layer': variables['params']['layer']}}
  before = np.asarray(plain.apply(params, x))
  found, changed = layer.apply(
    variables, x, train=True, mutable=['batch_stats']
  )
  mean, variance = before.mean(axis=(0, 1, 2)), before.var(axis=(0, 1, 2))
  expected = (before - mean) / np.sqrt(variance + 1e-5)
  np.testing.assert_allclose(found, expected, atol=1e-4)
  stats = changed['batch_stats']['normalization']
  np.testing.assert_allclose(stats['mean'], 0.1 * mean, atol=1e-5)
  # As initialised, mean 0 and variance 1, at test.
  at_test = layer.apply(variables, x)
  np.testing.assert_allclose(at_test, before / np.sqrt(1 + 1e-5), atol=1e-5)


def test_normalize_reaches_the_weight_map(rng):
  x = jnp.asarray(rng.normal(size=(1, 4, 4, 1)), jnp.float32)
  layer = spatial_layer.SpatialLayer('smoothing', 1)
  variables = jax.jit(layer.init)(KEY, x)
  bias = variables['params']['layer']['bias'][None]
  mean = spatial_layer.SpatialLayer('smoothing', 1, normalize=True)
  np.testing.assert_allclose(
    (mean.apply(variables, x) - bias) * 9,
    layer.apply(variables, x) - bias,
    atol=1e-5,
  )


def test_an_unknown_kind_is_named():
  with pytest.raises(errors.InputError, match="did you mean 'unsharp'"):
    spatial_layer.SpatialLayer('unsharpen', 3)
