import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.models import resnet

KEY = jax.random.key(0)
TINY = {'channels': (2, 3), 'blocks': (1, 2)}


def _images(rng, shape=(2, 6, 5, 1)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


def _drawn(rng, model, images):
  """Variables as the model has them, of other numbers, drawn without JAX."""
  return jax.tree.map(
    lambda leaf: jnp.asarray(rng.uniform(-0.5, 1, leaf.shape), leaf.dtype),
    jax.eval_shape(model.init, KEY, images),
  )


def _create(**options):
  return models.create('weight_map_resnet', **TINY, **options)


def _convolve(x, params, strides):
  """A convolution in NumPy, zeros around it for all but 1 x 1."""
  kernel = params['kernel']
  size = len(kernel)
  margin = ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0))
  views = np.lib.stride_tricks.sliding_window_view(
    np.pad(x, margin), (size, size), (1, 2)
  )
  output = np.einsum('bhwcij,ijcd->bhwd', views, kernel)
  return output[:, ::strides, ::strides] + params['bias']


def _literal(params, images):
  x = np.asarray(images, np.float64)
  for block, strides in (
    ('stages_0_0', 1),
    ('stages_1_0', 2),
    ('stages_1_1', 1),
  ):
    one = params[block]
    inner = np.maximum(_convolve(x, one['first']['layer'], strides), 0)
    inner = _convolve(inner, one['second']['layer'], 1)
    if 'projection' in one:
      x = _convolve(x, one['projection']['layer'], strides)
    x = np.maximum(x + inner, 0)
  pooled = x.mean(axis=(1, 2))
  return pooled, pooled @ params['dense']['kernel'] + params['dense']['bias']


def test_equals_a_literal_network(rng):
  images, model = _images(rng), _create()
  variables = _drawn(rng, model, images)
  params = jax.tree.map(np.asarray, variables['params'])
  assert 'projection' not in params['stages_1_1']
  hidden, logits = _literal(params, images)
  forward = jax.jit(lambda v, x: model.apply(v, x, method='forward'))
  found = forward(variables, images)
  # Seven layers, each rounding a few dozen terms to 2^-24.
  np.testing.assert_allclose(found.hidden, hidden, rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(found.logits, logits, rtol=1e-5, atol=1e-5)


def test_golden_parameter_count():
  model = models.create('weight_map_resnet')
  shapes = jax.eval_shape(model.init, KEY, jnp.zeros((1, 28, 28, 1)))
  assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 407_234


@pytest.mark.parametrize('alternating', [False, True])
@pytest.mark.parametrize('layer', ['smoothing', 'unsharp'])
def test_weight_maps_stand_in_the_place_of_all_or_of_second_layers(
  rng, layer, alternating
):
  model = _create(layer=layer, alternating=alternating)
  params = jax.eval_shape(model.init, KEY, _images(rng))['params']

  def shapes(name):
    blocks = ('stages_0_0', 'stages_1_0', 'stages_1_1')
    return [params[block][name]['layer']['kernel'].shape for block in blocks]

  assert shapes('second') == [(6, 5, 2, 2), (3, 3, 3, 3), (3, 3, 3, 3)]
  if alternating:
    assert shapes('first') == [(3, 3, 1, 2), (3, 3, 2, 3), (3, 3, 3, 3)]
  else:
    assert shapes('first') == [(6, 5, 1, 2), (6, 5, 2, 3), (3, 3, 3, 3)]
  assert params['stages_1_0']['first']['layer']['bias'].ndim == (
    1 if alternating else 3
  )
  projections = [
    params[block]['projection']['layer']['kernel'].shape
    for block in ('stages_0_0', 'stages_1_0')
  ]
  assert projections == [(1, 1, 1, 2), (1, 1, 2, 3)]


def test_a_block_of_weight_maps_is_the_sum_of_its_layers(rng):
  x = jnp.asarray(rng.normal(size=(2, 4, 4, 3)), jnp.float32)
  block = resnet.ResidualBlock(3, ('unsharp', 'smoothing'), normalize=True)
  variables = _drawn(rng, block, x)
  params = variables['params']
  assert set(params) == {'first', 'second'}

  def apply(name, variant, x):
    return layers.weight_map(
      x,
      **params[name]['layer'],
      variant=variant,
      kernel_size=3,
      padding=1,
      normalize=True,
    )

  inner = np.maximum(apply('first', 'unsharp', x), 0)
  expected = np.maximum(x + apply('second', 'smoothing', inner), 0)
  found = jax.jit(block.apply)(variables, x)
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_batch_normalisation_follows_every_layer_on_maps(rng):
  model = _create(layer='smoothing', batch_norm=True)
  variables = jax.eval_shape(model.init, KEY, _images(rng))
  names = [
    path[-2].key
    for path, _ in jax.tree_util.tree_leaves_with_path(variables['params'])
  ]
  # Six layers on maps and two projections, each with scale and bias.
  assert names.count('normalization') == names.count('layer') == 2 * 8
  means = [
    leaf
    for path, leaf in jax.tree_util.tree_leaves_with_path(
      variables['batch_stats']
    )
    if path[-1].key == 'mean'
  ]
  assert len(means) == 8


def test_bad_input_is_named(rng):
  with pytest.raises(errors.InputError, match='layer: .*conv | smoothing'):
    models.create('weight_map_resnet', layer='convolution')
  with pytest.raises(errors.InputError, match='blocks: expected 4 numbers'):
    models.create('weight_map_resnet', blocks=(1, 2))
  model = _create(layer='smoothing')
  variables = _drawn(rng, model, _images(rng))
  with pytest.raises(errors.InputError, match='6 x 5 .*got 6 x 6'):
    model.apply(variables, jnp.zeros((1, 6, 6, 1)))
