import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models

KEY = jax.random.key(0)
TINY = {'blocks': (2, 1), 'width': 2, 'num_classes': 3}


def _images(rng, shape=(2, 8, 6, 3)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


def _create(**options):
  return models.create('resnet50', **(TINY | options))


def _drawn(rng, model, images):
  """Variables as the model has them, of other numbers, drawn without JAX."""

  def draw(leaf):
    # Positive, as variances are; not so large that maps grow.
    low = -0.4 if leaf.ndim > 1 else 0.5
    return jnp.asarray(rng.uniform(low, low + 0.8, leaf.shape), leaf.dtype)

  return jax.tree.map(draw, jax.eval_shape(model.init, KEY, images))


def _convolve(x, kernel, strides):
  """A convolution in NumPy with half a kernel of zeros around."""
  size = len(kernel)
  margin = ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0))
  views = np.lib.stride_tricks.sliding_window_view(
    np.pad(x, margin), (size, size), (1, 2)
  )
  output = np.einsum('bhwcij,ijcd->bhwd', views, kernel)
  return output[:, ::strides, ::strides]


def _normalized_conv(x, params, stats, strides=1):
  x = _convolve(x, params['conv']['kernel'], strides)
  params, stats = params['normalization'], stats['normalization']
  x = (x - stats['mean']) / np.sqrt(stats['var'] + 1e-5)
  return x * params['scale'] + params['bias']


def _max_pool(x):
  """3x3, stride 2, with a row and a column around that no maximum takes."""
  margin = ((0, 0), (1, 1), (1, 1), (0, 0))
  padded = np.pad(x, margin, constant_values=-np.inf)
  views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
  return views[:, ::2, ::2].max(axis=(-1, -2))


def _block(x, params, stats, strides):
  def layer(name, x, strides=1):
    return _normalized_conv(x, params[name], stats[name], strides)

  inner = np.maximum(layer('first', x), 0)
  inner = np.maximum(layer('second', inner, strides), 0)
  inner = layer('third', inner)
  if 'projection' in params:
    x = layer('projection', x, strides)
  return np.maximum(x + inner, 0)


def _literal(variables, images):
  """The network of blocks (2, 1) in NumPy, float64."""
  variables = jax.tree.map(lambda x: np.asarray(x, np.float64), variables)
  params, stats = variables['params'], variables['batch_stats']
  x = (np.asarray(images, np.float64) - 0.4) / 0.3
  is_large = min(images.shape[1:3]) >= 128
  stem = _normalized_conv(x, params['stem'], stats['stem'], 1 + is_large)
  x = np.maximum(stem, 0)
  x = _max_pool(x) if is_large else x
  for name, strides in (
    ('stages_0_0', 1),
    ('stages_0_1', 1),
    ('stages_1_0', 2),
  ):
    x = _block(x, params[name], stats[name], strides)
  pooled = x.mean(axis=(1, 2))
  return pooled, pooled @ params['dense']['kernel'] + params['dense']['bias']


@pytest.mark.parametrize(
  ('shape', 'stem'), [((2, 8, 5, 3), 3), ((1, 130, 128, 1), 7)]
)
def test_equals_a_literal_network(rng, shape, stem):
  images, model = _images(rng, shape), _create(mean=0.4, deviation=0.3)
  variables = _drawn(rng, model, images)
  params = variables['params']
  assert params['stem']['conv']['kernel'].shape == (stem, stem, shape[3], 2)
  assert 'projection' not in params['stages_0_1']
  hidden, logits = _literal(variables, images)
  forward = jax.jit(lambda v, x: model.apply(v, x, method='forward'))
  found = forward(variables, images)
  # Twelve layers, each rounding a few dozen terms to 2^-24.
  np.testing.assert_allclose(found.hidden, hidden, rtol=1e-5, atol=1e-4)
  np.testing.assert_allclose(found.logits, logits, rtol=1e-5, atol=1e-4)
  assert np.ptp(hidden) > 0.1


@pytest.mark.parametrize(
  ('side', 'flattened', 'count'),
  [
    # What torchvision's resnet50() has.
    (224, None, 25_557_032),
    # A weight for each pair of the 2048 states, and a bias for each gate.
    (224, layers.NoiseOut(0.2), 25_557_032 + 2048**2 + 2048),
    # 9 instead of 49 pixels in the first kernel.
    (32, None, 25_557_032 - 40 * 3 * 64),
  ],
)
def test_golden_parameter_counts(side, flattened, count):
  model = models.create('resnet50', num_classes=1000, flattened=flattened)
  shapes = jax.eval_shape(model.init, KEY, jnp.zeros((1, side, side, 3)))
  leaves = jax.tree.leaves(shapes['params'])
  assert sum(leaf.size for leaf in leaves) == count
  # 53 convolutions, and a mean and a variance for each of their channels.
  averages = jax.tree.leaves(shapes['batch_stats'])
  assert len(averages) == 2 * 53
  assert sum(leaf.size for leaf in averages) == 2 * 26_560


@pytest.mark.parametrize(('side', 'expected'), [(224, 7), (128, 4), (32, 4)])
def test_maps_have_the_size_of_the_table(side, expected):
  model = models.create('resnet50', blocks=(1, 1, 1, 1), width=1)
  images = jnp.zeros((1, side, side, 3))
  init = functools.partial(model.init_with_output, method='feature_maps')
  maps, _ = jax.eval_shape(init, KEY, images)
  assert maps.shape == (1, expected, expected, 4 * 8)


def test_convolutions_start_with_variance_two_over_fan_out(rng):
  model = models.create('resnet50', blocks=(1,), width=32)
  params = jax.jit(model.init)(KEY, _images(rng))['params']
  block = params['stages_0_0']
  for name, fan_out in (
    ('first', 32),
    ('second', 9 * 32),
    ('third', 128),
    ('projection', 128),
  ):
    kernel = np.asarray(block[name]['conv']['kernel'])
    # Four standard errors of the mean square of n normal draws.
    error = 4 * np.sqrt(2 / kernel.size)
    assert abs(np.mean(kernel**2) * fan_out / 2 - 1) < error
    assert set(block[name]['conv']) == {'kernel'}
    np.testing.assert_array_equal(block[name]['normalization']['scale'], 1)
    np.testing.assert_array_equal(block[name]['normalization']['bias'], 0)
  limit = 1 / np.sqrt(128)
  kernel = params['dense']['kernel']
  assert 0.9 * limit < np.abs(kernel).max() <= limit


def test_parts_of_a_batch_have_statistics_of_their_own(rng):
  images = _images(rng, (4, 8, 6, 3))
  whole, parted = _create(), _create(statistics_groups=2)
  variables = _drawn(rng, whole, images)

  def train(model):
    options = {'train': True, 'mutable': ['batch_stats']}
    return jax.jit(functools.partial(model.apply, **options))

  logits, changed = train(parted)(variables, images)
  alone = [train(whole)(variables, part) for part in jnp.split(images, 2)]
  expected = jnp.concatenate([one[0] for one in alone])
  # Statistics of ten layers, one on another, in another order of sums.
  np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
  averages = jax.tree.map(lambda a, b: (a + b) / 2, *[one[1] for one in alone])
  close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
  jax.tree.map(close, changed, averages)


def test_bfloat16_is_the_dtype_of_the_computation_only(rng):
  images, model = _images(rng), _create(dtype=jnp.bfloat16)
  shapes = jax.eval_shape(model.init, KEY, images)
  leaves = jax.tree.leaves(shapes)
  assert {leaf.dtype for leaf in leaves} == {np.dtype('float32')}
  train = functools.partial(model.apply, train=True, mutable=['batch_stats'])
  logits, changed = jax.eval_shape(train, shapes, images)
  assert logits.dtype == jnp.bfloat16
  stats = jax.tree.leaves(changed)
  assert {leaf.dtype for leaf in stats} == {np.dtype('float32')}


def test_bad_input_is_named(rng):
  for options, message in (
    ({'width': 0}, 'width: expected an integer of at least 1'),
    ({'blocks': ()}, r'blocks: expected some integers, got \(\)'),
    ({'blocks': (1, 0)}, 'blocks: expected an integer of at least 1 .*, got 0'),
    ({'statistics_groups': 0}, 'statistics_groups: .*at least 1 .*, got 0'),
  ):
    with pytest.raises(errors.InputError, match=message):
      models.create('resnet50', **options)
  model, images = _create(statistics_groups=2), _images(rng, (3, 8, 8, 3))
  variables = jax.eval_shape(model.init, KEY, images)
  train = functools.partial(model.apply, train=True, mutable=['batch_stats'])
  with pytest.raises(errors.InputError, match='divisor of the batch size 3'):
    jax.eval_shape(train, variables, images)
