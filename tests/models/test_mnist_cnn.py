import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.models import mnist_cnn

KEY = jax.random.key(0)
RNGS = {'dropout': jax.random.key(1), 'noise': jax.random.key(2)}


def _images(rng, batch=4, side=8):
  return jnp.asarray(rng.uniform(size=(batch, side, side, 1)), jnp.float32)


def _literal(params, images):
  """The network in NumPy, one operation at a time, float64."""
  x = (np.asarray(images, np.float64) - 0.1307) / 0.3081
  for name in ('conv1', 'conv2'):
    kernel, bias = params[name]['kernel'], params[name]['bias']
    height, width = x.shape[1] - 2, x.shape[2] - 2
    out = np.zeros((len(x), height, width, kernel.shape[3]))
    for i in range(height):
      for j in range(width):
        patch = x[:, i : i + 3, j : j + 3].reshape(len(x), -1)
        out[:, i, j] = patch @ kernel.reshape(-1, kernel.shape[3]) + bias
    x = np.maximum(out, 0)
  pooled = np.zeros((len(x), 64, x.shape[1] // 2, x.shape[2] // 2))
  for i in range(pooled.shape[2]):
    for j in range(pooled.shape[3]):
      square = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
      pooled[:, :, i, j] = square.max(axis=(1, 2))
  hidden = pooled.reshape(len(x), -1)
  x = hidden @ params['dense1']['kernel'] + params['dense1']['bias']
  x = np.maximum(x, 0)
  return hidden, x @ params['dense2']['kernel'] + params['dense2']['bias']


def test_equals_a_literal_network(rng):
  images = _images(rng)
  model = models.create('mnist_cnn')
  variables = model.init(KEY, images)
  params = jax.tree.map(np.asarray, variables['params'])
  hidden, logits = _literal(params, images)
  found = model.apply(variables, images, method='forward')
  # Each of four layers adds rounding of the order of 2^-24 of values below 10.
  np.testing.assert_allclose(found.hidden, hidden, atol=1e-5)
  np.testing.assert_allclose(found.logits, logits, atol=1e-5)
  assert found.gates is None


def test_golden_parameter_counts():
  images = jnp.zeros((1, 28, 28, 1))
  plain = models.create('mnist_cnn')
  gated = models.create('mnist_cnn', flattened=layers.NoiseOut())
  counts = []
  for model in (plain, gated):
    shapes = jax.eval_shape(model.init, KEY, images)
    counts.append(sum(leaf.size for leaf in jax.tree.leaves(shapes)))
  # PyTorch's MNIST example has 1,199,882; the gate adds W and b of 9216 states.
  assert counts == [1_199_882, 1_199_882 + 9216**2 + 9216]


def test_forward_is_the_composition_of_its_parts(rng):
  images = _images(rng)
  model = models.create('mnist_cnn', flattened=layers.NoiseOut(rate=0.5))
  variables = model.init(KEY, images)

  def call(method, *args):
    return model.apply(variables, *args, method=method)

  found = call('forward', images)
  hidden = call('features', images)
  np.testing.assert_array_equal(found.hidden, hidden)
  gated = hidden * found.gates
  affine = call('classify_affine', gated)
  np.testing.assert_array_equal(call('classify_rest', affine), found.logits)
  np.testing.assert_array_equal(call('classify', gated), found.logits)
  np.testing.assert_array_equal(model.apply(variables, images), found.logits)
  maps = call('feature_maps', images)
  assert maps.shape == (4, 2, 2, 64)
  np.testing.assert_array_equal(
    maps.transpose(0, 3, 1, 2).reshape(4, -1), hidden
  )


def test_the_affine_part_is_affine(rng):
  model = models.create('mnist_cnn')
  variables = model.init(KEY, _images(rng))
  a, b = jnp.asarray(rng.normal(size=(2, 3, 256)), jnp.float32)

  def affine(h):
    return model.apply(variables, h, method='classify_affine')

  np.testing.assert_allclose(
    affine(0.3 * a + 0.7 * b), 0.3 * affine(a) + 0.7 * affine(b), atol=1e-5
  )


def test_hooks_act_where_they_are_named(rng):
  images = _images(rng)
  plain = models.create('mnist_cnn')
  variables = plain.init(KEY, images)
  for hook in ('flattened', 'penultimate'):
    model = models.create('mnist_cnn', **{hook: layers.NoiseInjection(1.0)})
    # No parameters of its own, so those of the plain model fit.
    at_test = model.apply(variables, images)
    np.testing.assert_array_equal(at_test, plain.apply(variables, images))
    noisy = model.apply(variables, images, train=True, rngs=RNGS)
    quiet = plain.apply(variables, images, train=True, rngs=RNGS)
    assert not np.allclose(noisy, quiet)


def test_dropout_acts_in_training_only(rng):
  images = _images(rng)
  model = models.create('mnist_cnn')
  variables = model.init(KEY, images)
  hidden = model.apply(variables, images, method='features')
  dropped = model.apply(
    variables, images, train=True, rngs=RNGS, method='features'
  )
  kept = np.asarray(dropped != 0)
  np.testing.assert_allclose(dropped, np.where(kept, hidden / 0.75, 0))
  positive = np.asarray(hidden > 0)
  share = kept[positive].mean()
  assert abs(share - 0.75) < 4 * np.sqrt(0.1875 / positive.sum())


def test_bfloat16_computes_in_bfloat16_with_float32_parameters(rng):
  images = _images(rng)
  model = models.create(
    'mnist_cnn', flattened=layers.NoiseOut(), dtype=jnp.bfloat16
  )
  variables = model.init(KEY, images)
  assert model.apply(variables, images).dtype == jnp.bfloat16
  leaves = jax.tree.leaves(variables)
  assert {leaf.dtype for leaf in leaves} == {np.dtype('float32')}
  exact = models.create('mnist_cnn', flattened=layers.NoiseOut())
  # bfloat16 keeps 8 bits; logits are of order 0.1.
  np.testing.assert_allclose(
    model.apply(variables, images).astype(jnp.float32),
    exact.apply(variables, images),
    atol=0.02,
  )


def test_bad_input_is_named(rng):
  model = mnist_cnn.MnistCnn()
  with pytest.raises(errors.InputError, match='at least 6 x 6'):
    model.init(KEY, jnp.zeros((1, 5, 28, 1)))
  with pytest.raises(errors.InputError, match='images: .*dtype uint8'):
    model.init(KEY, jnp.zeros((1, 28, 28, 1), jnp.uint8))
  with pytest.raises(errors.InputError, match='num_classes: '):
    mnist_cnn.MnistCnn(num_classes=1)
