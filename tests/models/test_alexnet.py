import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.models import alexnet

KEY = jax.random.key(0)
RNGS = {'dropout': jax.random.key(1), 'noise': jax.random.key(2)}
NARROW = 1 / 32


def _images(rng, shape=(2, 8, 8, 1)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


def _narrow(**options):
  return models.create('alexnet', width=NARROW, **options)


def _variables(model, images):
  """Parameters of the size the model draws; its own take seconds to compile."""
  shapes = jax.eval_shape(model.init, KEY, images)
  rng = np.random.default_rng(5)

  def draw(leaf):
    limit = 1 / np.sqrt(leaf.size / leaf.shape[-1])
    return jnp.asarray(rng.uniform(-limit, limit, leaf.shape), jnp.float32)

  return jax.tree.map(draw, shapes)


@pytest.mark.parametrize(
  ('shape', 'num_classes', 'hidden', 'count'),
  [
    ((1, 28, 28, 1), 10, 2304, 28_710_602),
    ((1, 32, 32, 3), 10, 4096, 36_051_786),
    # What torchvision's alexnet() has.
    ((1, 224, 224, 3), 1000, 9216, 61_100_840),
  ],
)
def test_golden_parameter_counts(shape, num_classes, hidden, count):
  model = models.create('alexnet', num_classes=num_classes)
  shapes = jax.eval_shape(model.init, KEY, jnp.zeros(shape))['params']
  assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == count
  assert shapes['dense1']['kernel'].shape == (hidden, 4096)


# Outputs [H, W, C] of torchvision's alexnet at 224: convolutions before ReLU,
# the last pool, and the three dense layers.
TORCHVISION = {
  'conv1': (55, 55, 64),
  'conv2': (27, 27, 192),
  'conv3': (13, 13, 384),
  'conv4': (13, 13, 256),
  'conv5': (13, 13, 256),
  'feature_maps': (6, 6, 256),
  'features': (9216,),
  'dense1': (4096,),
  'dense2': (4096,),
  'dense3': (1000,),
}
SMALL = {
  'conv1': (28, 28, 64),
  'conv2': (14, 14, 192),
  'conv3': (7, 7, 384),
  'conv5': (7, 7, 256),
  'feature_maps': (3, 3, 256),
  'features': (2304,),
}


@pytest.mark.parametrize(
  ('shape', 'expected'),
  [((1, 224, 224, 3), TORCHVISION), ((1, 28, 28, 1), SMALL)],
)
def test_layers_have_the_shapes_of_the_table(shape, expected):
  model = models.create('alexnet', num_classes=1000)

  def shapes_of():
    _, variables = model.init_with_output(
      KEY, jnp.zeros(shape), capture_intermediates=True
    )
    _, captured = model.apply(
      variables,
      jnp.zeros(shape),
      capture_intermediates=lambda _, method: method in expected,
      mutable=['intermediates'],
    )
    return variables['intermediates'] | captured['intermediates']

  captured = jax.eval_shape(shapes_of)
  for name, shape in expected.items():
    found = captured[name]
    found = found[0] if isinstance(found, tuple) else found['__call__'][0]
    assert found.shape == (1, *shape), name


def _literal_convolution(x, params, stride, padding):
  kernel, bias = params['kernel'], params['bias']
  side, features = kernel.shape[0], kernel.shape[3]
  x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
  rows, columns = ((n - side) // stride + 1 for n in x.shape[1:3])
  out = np.zeros((len(x), rows, columns, features))
  for i in range(rows):
    for j in range(columns):
      top, left = i * stride, j * stride
      patch = x[:, top : top + side, left : left + side].reshape(len(x), -1)
      out[:, i, j] = patch @ kernel.reshape(-1, features) + bias
  return np.maximum(out, 0)


def _literal_pool(x, side):
  rows, columns = ((n - side) // 2 + 1 for n in x.shape[1:3])
  out = np.zeros((len(x), rows, columns, x.shape[3]))
  for i in range(rows):
    for j in range(columns):
      window = x[:, 2 * i : 2 * i + side, 2 * j : 2 * j + side]
      out[:, i, j] = window.max(axis=(1, 2))
  return out


def _literal_average(x):
  """PyTorch's adaptive average pool to 6 x 6, as its manual states it."""
  out = np.zeros((len(x), 6, 6, x.shape[3]))
  for i in range(6):
    for j in range(6):
      (top, low), (left, right) = (
        (int(np.floor(k * n / 6)), int(np.ceil((k + 1) * n / 6)))
        for k, n in zip((i, j), x.shape[1:3], strict=True)
      )
      out[:, i, j] = x[:, top:low, left:right].mean(axis=(1, 2))
  return out


def _literal(params, images):
  """The network in NumPy, float64, its sizes decided by hand."""
  is_large = images.shape[1] >= 128
  x = (np.asarray(images, np.float64) - 0.5) / 0.5
  pool = 3 if is_large else 2
  first = (
    {'stride': 4, 'padding': 2} if is_large else {'stride': 1, 'padding': 1}
  )
  x = _literal_pool(_literal_convolution(x, params['conv1'], **first), pool)
  x = _literal_convolution(x, params['conv2'], 1, 2)
  x = _literal_pool(x, pool)
  for name in ('conv3', 'conv4', 'conv5'):
    x = _literal_convolution(x, params[name], 1, 1)
  x = _literal_pool(x, pool)
  x = _literal_average(x) if is_large else x
  x = hidden = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
  for name in ('dense1', 'dense2', 'dense3'):
    x = np.maximum(x, 0) if name != 'dense1' else x
    x = x @ params[name]['kernel'] + params[name]['bias']
  return hidden, x


@pytest.mark.parametrize(
  'shape', [(2, 12, 8, 1), (1, 128, 150, 3), (1, 260, 128, 1)]
)
def test_equals_a_literal_network(rng, shape):
  images, model = _images(rng, shape), _narrow()
  variables = _variables(model, images)
  params = jax.tree.map(np.asarray, variables['params'])
  hidden, logits = _literal(params, images)
  found = jax.jit(lambda v, x: model.apply(v, x, method='forward'))(
    variables, images
  )
  # Each of eight layers adds rounding of the order of 2^-24 of values below 10.
  np.testing.assert_allclose(found.hidden, hidden, atol=1e-5)
  np.testing.assert_allclose(found.logits, logits, atol=1e-5)
  assert np.ptp(hidden) > 0.01


def test_width_scales_all_channels_but_not_the_classes():
  params = jax.eval_shape(_narrow().init, KEY, jnp.zeros((1, 8, 8, 1)))
  params = params['params']
  widths = [params[name]['bias'].shape[0] for name in sorted(params)]
  assert widths == [2, 6, 12, 8, 8, 128, 128, 10]
  thin = models.create('alexnet', width=1e-6)
  params = jax.eval_shape(thin.init, KEY, jnp.zeros((1, 8, 8, 1)))['params']
  assert {params[name]['bias'].shape for name in params} == {(1,), (10,)}


def test_dropout_stands_before_the_first_two_dense_layers(rng):
  images, model = _images(rng, (8, 16, 16, 1)), _narrow()
  variables = _variables(model, images)

  def call(method, x=images, **options):
    return model.apply(variables, x, method=method, **options)

  noisy = {'train': True, 'rngs': RNGS}
  hidden = call('features')
  dropped = call('features', **noisy)
  kept = np.asarray(dropped != 0)
  np.testing.assert_allclose(dropped, np.where(kept, 2 * hidden, 0))
  positive = np.asarray(hidden > 0)
  assert abs(kept[positive].mean() - 0.5) < 2 / np.sqrt(positive.sum())
  affine = call('classify_affine', hidden)
  logits = call('classify_rest', affine, **noisy)
  assert not np.allclose(logits, call('classify_rest', affine))


def test_another_dropout_takes_the_place_of_both(rng):
  images = _images(rng)
  plain = _narrow()
  variables = _variables(plain, images)
  model = _narrow(dropout=layers.NoisyDropout(1.0, 0))
  np.testing.assert_array_equal(
    model.apply(variables, images), plain.apply(variables, images)
  )
  # It needs no rng 'dropout'. With all dropped, biases are all there is.
  rngs = {'noise': jax.random.key(3)}
  noisy = {'train': True, 'rngs': rngs}
  features = model.apply(variables, images, method='features', **noisy)
  np.testing.assert_array_equal(features, 0)
  params = variables['params']
  x = jnp.maximum(params['dense2']['bias'], 0) @ params['dense3']['kernel']
  expected = jnp.stack([x + params['dense3']['bias']] * 2)
  logits = model.apply(variables, images, **noisy)
  np.testing.assert_allclose(logits, expected, atol=1e-6)


def test_hooks_act_after_dropout_and_before_the_last_layer(rng):
  images = _images(rng)
  plain = _narrow(dropout=layers.NoisyDropout(0.0, 0.0))
  variables = _variables(plain, images)
  noisy = {'train': True, 'rngs': RNGS}
  drop_all = layers.NoisyDropout(1.0, 0)
  model = plain.clone(penultimate=drop_all)
  logits = model.apply(variables, images, **noisy)
  bias = variables['params']['dense3']['bias']
  np.testing.assert_array_equal(logits, jnp.stack([bias] * 2))
  model = plain.clone(flattened=drop_all)
  found = model.apply(variables, images, method='forward', **noisy)
  np.testing.assert_array_equal(found.hidden, 0)
  zeros = jnp.zeros_like(found.hidden)
  expected = plain.apply(variables, zeros, method='classify')
  np.testing.assert_allclose(found.logits, expected, atol=1e-6)


@pytest.mark.parametrize('side', [8, 28, 32, 127, 128, 224])
def test_what_the_dense_layers_read_follows_from_the_size(side):
  model = _narrow()
  shapes = jax.eval_shape(model.init, KEY, jnp.zeros((1, side, side, 1)))
  states = 8 * (36 if side >= alexnet.LARGE else (side // 8) ** 2)
  assert shapes['params']['dense1']['kernel'].shape == (states, 128)
  is_large = shapes['params']['conv1']['kernel'].shape[0] == 11
  assert is_large == (side >= alexnet.LARGE)


def test_bad_input_is_named():
  with pytest.raises(errors.InputError, match='at least 8 x 8'):
    jax.eval_shape(_narrow().init, KEY, jnp.zeros((1, 7, 32, 3)))
  with pytest.raises(errors.InputError, match=r'width: .*\(0, 100\], got 0'):
    models.create('alexnet', width=0)
