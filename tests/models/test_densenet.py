import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import models

KEY = jax.random.key(0)
TINY = {'channels': 2, 'growth': 3, 'blocks': (1, 2)}


def _images(rng, shape=(2, 6, 5, 1)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


def _drawn(rng, model, images):
  """Variables as the model has them, of other numbers, drawn without JAX."""
  return jax.tree.map(
    lambda leaf: jnp.asarray(rng.uniform(-0.5, 1, leaf.shape), leaf.dtype),
    jax.eval_shape(model.init, KEY, images),
  )


def _create(**options):
  return models.create('weight_map_densenet', **TINY, **options)


def _layer(x, params):
  """A 3x3 convolution and ReLU in NumPy."""
  padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
  output = np.einsum('bhwcij,ijcd->bhwd', views, params['layer']['kernel'])
  return np.maximum(output + params['layer']['bias'], 0)


def _literal(params, images):
  x = _layer(np.asarray(images, np.float64), params['first'])
  x = np.concatenate([x, _layer(x, params['dense_layers_0'])], axis=-1)
  views = np.lib.stride_tricks.sliding_window_view(x, (2, 2), (1, 2))
  x = views.max(axis=(4, 5))[:, ::2, ::2]
  for i in (1, 2):
    x = np.concatenate([x, _layer(x, params[f'dense_layers_{i}'])], axis=-1)
  pooled = x.mean(axis=(1, 2))
  return x, pooled @ params['dense']['kernel'] + params['dense']['bias']


def test_equals_a_literal_network(rng):
  images, model = _images(rng), _create()
  variables = _drawn(rng, model, images)
  params = jax.tree.map(np.asarray, variables['params'])
  maps, logits = _literal(params, images)
  apply = jax.jit(lambda v, x: (
    model.apply(v, x, method='feature_maps'), model.apply(v, x)
  ))  # fmt: skip
  found = apply(variables, images)
  # Five layers, each rounding a few dozen terms to 2^-24.
  np.testing.assert_allclose(found[0], maps, rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(found[1], logits, rtol=1e-5, atol=1e-5)


MNIST, CIFAR10 = (28, 28, 1), (32, 32, 3)


def test_golden_operations():
  # 2 x 9 x places x maps read x maps made, and a bias for each output.
  expected, maps = 28 * 28 * 16 * (2 * 9 * 1 + 1), 16
  for side, count in zip((28, 14, 7, 3), (2, 4, 8, 16), strict=True):
    for _ in range(count):
      expected += side * side * 8 * (2 * 9 * maps + 1)
      maps += 8
  found = models.count_flops(models.create('weight_map_densenet'), MNIST)
  assert found.total_on_maps == expected
  assert round(found.total_on_maps / 1e6, 1) == 18.8


@pytest.mark.parametrize(
  ('shape', 'layer', 'alternating', 'expected'),
  [
    (MNIST, 'conv', False, 288_090),
    (MNIST, 'smoothing', False, 1_082_698),
    (MNIST, 'unsharp', False, 1_082_698),
    (MNIST, 'smoothing', True, 631_042),
    (MNIST, 'unsharp', True, 631_042),
    (CIFAR10, 'conv', False, 288_378),
    (CIFAR10, 'smoothing', False, 1_548_810),
    (CIFAR10, 'unsharp', False, 1_548_810),
    (CIFAR10, 'smoothing', True, 828_930),
    (CIFAR10, 'unsharp', True, 828_930),
  ],
)
def test_golden_parameter_counts(shape, layer, alternating, expected):
  model = models.create(
    'weight_map_densenet', layer=layer, alternating=alternating
  )
  shapes = jax.eval_shape(model.init, KEY, jnp.zeros((1, *shape)))
  assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == expected
  assert shapes['params']['dense']['kernel'].shape == (256, 10)


@pytest.mark.parametrize('alternating', [False, True])
@pytest.mark.parametrize('layer', ['smoothing', 'unsharp'])
def test_weight_maps_stand_in_the_place_of_all_or_every_second_layer(
  rng, layer, alternating
):
  model = _create(layer=layer, alternating=alternating)
  params = jax.eval_shape(model.init, KEY, _images(rng))['params']
  names = ('first', *(f'dense_layers_{i}' for i in range(3)))
  # A weight map has a bias for each place, a convolution one for each channel.
  places = [params[name]['layer']['bias'].shape[:-1] for name in names]
  expected = [(6, 5), (6, 5), (3, 2), (3, 2)]
  if alternating:
    expected[0] = expected[2] = ()
  assert places == expected


def test_batch_normalisation_follows_every_layer_on_maps(rng):
  model = _create(batch_norm=True)
  variables = jax.eval_shape(model.init, KEY, _images(rng))
  assert len(variables['batch_stats']) == 4
  assert len(jax.tree.leaves(variables['batch_stats'])) == 8


def test_bad_input_is_named(rng):
  with pytest.raises(errors.InputError, match='layer: .*conv | smoothing'):
    models.create('weight_map_densenet', layer='dense')
  with pytest.raises(errors.InputError, match='at least 8 x 8'):
    model = models.create('weight_map_densenet')
    jax.eval_shape(model.init, KEY, jnp.zeros((1, 7, 9, 1)))
  model = _create(layer='unsharp')
  variables = _drawn(rng, model, _images(rng))
  with pytest.raises(errors.InputError, match='6 x 5 .*got 5 x 6'):
    model.apply(variables, jnp.zeros((1, 5, 6, 1)))
