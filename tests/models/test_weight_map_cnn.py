import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models

KEY = jax.random.key(0)
SIDE, CHANNELS = 9, (3, 2, 2)
# METHODS: derived from the skeleton; they round to the paper's Table 4.
PARAMETERS = {
  'cnn': 261_070,
  'cnn_wide': 1_187_030,
  'cnn_kernel9': 360_862,
  'cnn_batchnorm': 261_218,
  'cnn_input_scale': 261_854,
  'smoothing': 1_157_226,
  'smoothing_batchnorm': 1_157_370,
  'smoothing_kernel9': 1_157_226,
  'unsharp': 1_487_178,
}
every_variant = pytest.mark.parametrize('variant', PARAMETERS)


def _images(rng, batch=2):
  return jnp.asarray(rng.uniform(size=(batch, SIDE, SIDE, 1)), jnp.float32)


def _drawn(rng, model, images):
  """Variables as the model has them, of other numbers, drawn without JAX."""
  shapes = jax.eval_shape(model.init, KEY, images)
  drawn = {
    name: jax.tree.map(
      lambda leaf, low=low: rng.uniform(low, 1, leaf.shape).astype(leaf.dtype),
      shapes[name],
    )
    # A variance is positive.
    for name, low in (('params', -0.5), ('batch_stats', 0.5))
    if name in shapes
  }
  return jax.tree.map(jnp.asarray, drawn)


def _create(variant, **options):
  return models.create(
    'weight_map_cnn', variant=variant, channels=CHANNELS, **options
  )


def _windows(maps, size, padding):
  """Squares of [B, H, W, C] around or at every place: [B, H', W', k, k, C]."""
  margin = ((0, 0), (padding, padding), (padding, padding), (0, 0))
  padded = np.pad(maps, margin)
  views = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (1, 2))
  return np.moveaxis(views, 3, 5)


def _layer(x, params, variant):
  """One layer in NumPy, from the paper's equations."""
  size = 9 if 'kernel9' in variant else 3
  padding = {'unsharp': 1}.get(variant, 3 if size == 9 else 0)
  kernel, bias = params['kernel'], params['bias']
  if variant.startswith('cnn'):
    windows = _windows(x, size, padding)
    return np.einsum('bhwijc,ijcd->bhwd', windows, kernel) + bias
  maps = np.einsum('bhwc,hwcd->bhwd', x, kernel)
  box = _windows(maps, size, padding).sum(axis=(3, 4))
  return (2 * maps - box if variant == 'unsharp' else box) + bias


def _literal(variables, images, variant):
  params = variables['params']
  x = np.asarray(images, np.float64)
  if variant == 'cnn_input_scale':
    x = x * params['input_scale']['kernel']
  for i in range(3):
    x = _layer(x, params[f'layers_{i}']['layer'], variant)
    if variant.endswith('batchnorm'):
      norm = params[f'layers_{i}']['normalization']
      stats = variables['batch_stats'][f'layers_{i}']['normalization']
      x = (x - stats['mean']) / np.sqrt(stats['var'] + 1e-5)
      x = x * norm['scale'] + norm['bias']
    x = np.maximum(x, 0)
  hidden = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
  x = hidden @ params['dense1']['kernel'] + params['dense1']['bias']
  x = np.maximum(x, 0)
  return hidden, x @ params['dense2']['kernel'] + params['dense2']['bias']


@every_variant
def test_equals_a_literal_network(rng, variant):
  images = _images(rng)
  model = _create(variant)
  variables = _drawn(rng, model, images)
  literal = jax.tree.map(np.asarray, variables)
  hidden, logits = _literal(literal, images, variant)
  forward = jax.jit(lambda v, x: model.apply(v, x, method='forward'))
  found = forward(variables, images)
  # Five layers, each rounding a few hundred terms to 2^-24 of their sum.
  np.testing.assert_allclose(found.hidden, hidden, rtol=1e-5, atol=1e-4)
  np.testing.assert_allclose(found.logits, logits, rtol=1e-5, atol=1e-4)


@every_variant
def test_golden_parameter_counts(variant):
  model = models.create('weight_map_cnn', variant=variant)
  shapes = jax.eval_shape(model.init, KEY, jnp.zeros((1, 28, 28, 1)))
  leaves = jax.tree.leaves(shapes['params'])
  assert sum(leaf.size for leaf in leaves) == PARAMETERS[variant]


def test_the_variants_are_those_of_table_4():
  assert tuple(models.WEIGHT_MAP_CNNS) == tuple(PARAMETERS)


def test_every_weight_starts_within_one_over_root_fan_in(rng):
  model = _create('cnn_input_scale')
  params = jax.jit(model.init)(KEY, _images(rng))['params']
  for name, fan_in in (('layers_1', 27), ('dense1', 18), ('dense2', 64)):
    for leaf in jax.tree.leaves(params[name]):
      assert 0.5 < np.abs(leaf).max() * np.sqrt(fan_in) <= 1
  assert 0.9 < np.abs(params['input_scale']['kernel']).max() <= 1


def test_hooks_act_where_they_are_named(rng):
  images = _images(rng)
  plain = _create('smoothing')
  variables = _drawn(rng, plain, images)
  expected = jax.jit(plain.apply)(variables, images)
  rngs = {'noise': KEY}
  for hook, gated in (('flattened', (1, 18)), ('penultimate', (1, 64))):
    model = _create('smoothing', **{hook: layers.NoiseInjection(1.0)})
    at_test = jax.jit(model.apply)(variables, images)
    np.testing.assert_array_equal(at_test, expected)
    noisy = jax.jit(
      lambda x, model=model: model.apply(variables, x, train=True, rngs=rngs)
    )(images)
    assert not np.allclose(noisy, expected)
    model = _create('smoothing', **{hook: layers.Gate('elementwise')})
    shapes = jax.eval_shape(model.init, KEY, images)['params'][hook]
    assert (1, *shapes['weight'].shape) == gated


def test_noise_at_every_layer_finds_the_weight_maps(rng):
  images = _images(rng)
  model = _create('unsharp')
  variables = _drawn(rng, model, images)
  skip = ['layers_0/layer', 'layers_1/layer', 'layers_2/layer']
  noisy = layers.noise_at_every_layer(
    model, variance_ratio=0.25, skip=[*skip, 'dense1', 'dense2']
  )
  # It raises on a name that is no layer, and if there were none.
  shapes = jax.eval_shape(
    lambda x: noisy.apply(variables, x, train=True, rngs={'noise': KEY}), images
  )
  assert shapes.shape == (2, 10)


def test_another_image_size_is_named(rng):
  other = jnp.zeros((1, SIDE + 1, SIDE, 1))
  for variant in ('smoothing', 'cnn_input_scale'):
    model = _create(variant)
    variables = _drawn(rng, model, _images(rng))
    with pytest.raises(errors.InputError, match='9.*9.*got .*10.*9'):
      model.apply(variables, other)


def test_bad_input_is_named():
  with pytest.raises(errors.InputError, match="did you mean 'smoothing'"):
    models.create('weight_map_cnn', variant='smooth')
  with pytest.raises(errors.InputError, match='at least 7 x 7'):
    _create('smoothing').init(KEY, jnp.zeros((1, 6, 8, 1)))
