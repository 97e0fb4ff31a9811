import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models

KEY = jax.random.key(0)
RNGS = {'noise': jax.random.key(1)}


def _images(rng, shape=(2, 8, 9, 3)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


def _variables(model, images):
  """Parameters of the size the model draws; its own take seconds to compile."""
  shapes = jax.eval_shape(model.init, KEY, images)
  rng = np.random.default_rng(5)

  def draw(leaf):
    limit = 1 / np.sqrt(leaf.size / leaf.shape[-1])
    return jnp.asarray(rng.uniform(-limit, limit, leaf.shape), jnp.float32)

  return jax.tree.map(draw, shapes)


@pytest.mark.parametrize(
  ('shape', 'options', 'count'),
  [
    ((1, 32, 32, 3), {}, 3_309_642),
    ((1, 32, 32, 3), {'dropout': layers.NoisyDropout(0.2, 0.1)}, 3_309_642),
    # Of CIFAR-100, 90 more logits of 256 states.
    ((1, 32, 32, 3), {'num_classes': 100}, 3_309_642 + 90 * 257),
    # One channel for three, 3 x 3 maps for 4 x 4.
    ((1, 28, 28, 1), {}, 3_309_642 - 2 * 25 * 32 - 7 * 256 * 512),
    # The gate's weight and bias for every state of both places.
    (
      (1, 32, 32, 3),
      {'dropout': layers.NoiseOut(gate='elementwise')},
      3_309_642 + 2 * 16 * (128 + 256),
    ),
  ],
)
def test_golden_parameter_counts(shape, options, count):
  model = models.create('cifar10_net', **options)
  shapes = jax.eval_shape(model.init, KEY, jnp.zeros(shape))
  assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == count


def _literal(params, images):
  """The network in NumPy, one operation at a time, float64."""
  x = (np.asarray(images, np.float64) - 0.5) / 0.5
  for name in ('conv1', 'conv2', 'conv3', 'conv4'):
    kernel, bias = params[name]['kernel'], params[name]['bias']
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[3]))
    for i in range(x.shape[1]):
      for j in range(x.shape[2]):
        patch = padded[:, i : i + 5, j : j + 5].reshape(len(x), -1)
        out[:, i, j] = patch @ kernel.reshape(-1, kernel.shape[3]) + bias
    x = np.maximum(out, 0)
    if name != 'conv4':
      rows, columns = x.shape[1] // 2, x.shape[2] // 2
      pooled = np.zeros((len(x), rows, columns, x.shape[3]))
      for i in range(rows):
        for j in range(columns):
          square = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
          pooled[:, i, j] = square.max(axis=(1, 2))
      x = pooled
  x = hidden = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
  for name in ('dense1', 'dense2', 'dense3'):
    x = np.maximum(x, 0) if name != 'dense1' else x
    x = x @ params[name]['kernel'] + params[name]['bias']
  return hidden, x


def test_equals_a_literal_network(rng):
  images = _images(rng, (2, 16, 8, 3))
  model = models.create('cifar10_net')
  variables = _variables(model, images)
  params = jax.tree.map(np.asarray, variables['params'])
  hidden, logits = _literal(params, images)
  found = jax.jit(lambda v, x: model.apply(v, x, method='forward'))(
    variables, images
  )
  # Each of seven layers adds rounding of the order of 2^-24 of values below 10.
  np.testing.assert_allclose(found.hidden, hidden, atol=1e-5)
  np.testing.assert_allclose(found.logits, logits, atol=1e-5)
  assert np.ptp(hidden) > 0.01


@pytest.mark.slow
def test_dropout_stands_after_the_third_and_the_fourth_convolution(rng):
  images = _images(rng)
  plain = models.create('cifar10_net')
  model = models.create('cifar10_net', dropout=layers.NoisyDropout(0.3, 0.5))
  variables = _variables(plain, images)

  def call(model, method, x=images, **options):
    return model.apply(variables, x, method=method, **options)

  clean = call(plain, 'features')
  np.testing.assert_array_equal(call(model, 'features'), clean)
  noisy = {'train': True, 'rngs': RNGS}
  maps = call(model, 'feature_maps', **noisy)
  # What conv 4 reads is disturbed, what it gives is a ReLU's all the same.
  assert not np.allclose(maps, call(plain, 'feature_maps'))
  assert maps.min() >= 0
  hidden = call(model, 'features', **noisy)
  assert hidden.shape == (2, 256)
  flat = maps.transpose(0, 3, 1, 2).reshape(hidden.shape)
  changed = np.asarray(hidden != flat)
  assert abs(changed.mean() - 0.3) < 4 * np.sqrt(0.21 / changed.size)
  assert hidden.min() < 0
  # The head draws nothing.
  np.testing.assert_array_equal(
    call(model, 'classify', hidden, train=True),
    call(plain, 'classify', hidden),
  )


def test_both_places_draw_noise_of_their_own(rng):
  images = _images(rng)
  model = models.create('cifar10_net', dropout=layers.NoisyDropout(1.0, 1.0))
  variables = _variables(model, images)
  _, state = model.apply(
    variables,
    images,
    train=True,
    rngs=RNGS,
    capture_intermediates=lambda module, _: isinstance(
      module, layers.NoisyDropout
    ),
  )
  drawn = [
    state['intermediates'][name]['__call__'][0].reshape(-1)[:256]
    for name in ('dropout3', 'dropout4')
  ]
  correlation = np.corrcoef(*drawn)[0, 1]
  assert abs(correlation) < 4 / np.sqrt(256)


def test_penultimate_is_what_the_last_layer_reads(rng):
  images = _images(rng)
  plain = models.create('cifar10_net')
  variables = _variables(plain, images)
  model = models.create('cifar10_net', penultimate=layers.NoisyDropout(1.0, 0))
  logits = model.apply(variables, images, train=True, rngs=RNGS)
  bias = variables['params']['dense3']['bias']
  np.testing.assert_array_equal(logits, jnp.stack([bias] * 2))


def test_bad_input_is_named():
  model = models.create('cifar10_net')
  with pytest.raises(errors.InputError, match='at least 8 x 8'):
    jax.eval_shape(model.init, KEY, jnp.zeros((1, 7, 32, 3)))
