import importlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import errors

# The package gives the function by this name.
deep_augment = importlib.import_module('robustjax.augmentation.deep_augment')
KEY = jax.random.key(3)
NAMES = tuple(deep_augment.DISTORTIONS)


class _Net(nn.Module):
  """Three layers, of which only the second may be distorted."""

  @nn.compact
  def __call__(self, images):
    x = nn.Conv(8, (3, 3), name='first')(images)
    x = nn.Conv(8, (3, 3), name='inner')(jnp.tanh(x))
    x = nn.Conv(images.shape[-1], (1, 1), name='last')(jnp.tanh(x))
    return 0.5 + x


def _images(rng, shape=(5, 6, 6, 3)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


_distort_array = jax.jit(lambda *args: deep_augment.distort(*args))


def _network(images, bias=0.0):
  module = _Net()
  variables = module.init(jax.random.key(0), images[:1])
  variables['params']['last']['bias'] += bias
  return module.bind(variables)


def _distort(key, images, network, **options):
  @jax.jit
  def distort(key, images):
    return augmentation.deep_augment(key, images, network, **options)

  return distort(key, images)


def _draw(name, features, taps=None):
  taps = np.full((3, 3), 1 / 9) if taps is None else taps
  return deep_augment.Draw(
    jnp.int32(NAMES.index(name) if name else -1),
    jnp.asarray(taps, jnp.float32),
    jnp.asarray(features, jnp.float32),
  )


def _correlate(x, taps):
  """[H, W, ...] with a 3x3 filter, place by place, zeros around."""
  found = np.zeros_like(x)
  for row, column in np.ndindex(*x.shape[:2]):
    for i, j in np.ndindex(3, 3):
      r, c = row + i - 1, column + j - 1
      if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]:
        found[row, column] += taps[i, j] * x[r, c]
  return found


def _gelu(x):
  return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


_LITERAL = {
  'zero': lambda x, draw: 0 * x,
  'negate': lambda x, draw: -x,
  'flip': lambda x, draw: x[..., ::-1],
  'transpose': lambda x, draw: x.swapaxes(0, 1),
  'scale': lambda x, draw: x * 12 * np.asarray(draw.features[: x.shape[-1]]),
  'convolve': lambda x, draw: _correlate(x, np.asarray(draw.filter)),
  'activate': lambda x, draw: -_gelu(x),
}


# Of an output and of a kernel.
@pytest.mark.parametrize('shape', [(5, 5, 8), (3, 3, 4, 8)])
@pytest.mark.parametrize('name', NAMES)
def test_a_share_of_the_features_is_distorted(rng, name, shape):
  x = rng.normal(size=shape).astype(np.float32)
  taps = rng.dirichlet(np.ones(9)).reshape(3, 3)
  # More than there are: those of the widest layer. Some are of the share.
  features = [0.1, 0.24, 0.26, 0.9, 0.0, 0.5, 0.2, 0.99, 0.1, 0.3]
  draw = _draw(name, features, taps)
  found = np.asarray(_distort_array(jnp.asarray(x), draw))
  expected = _LITERAL[name](x, draw)
  hit = [0, 1, 4, 6]
  # Sums of nine products of order 1.
  np.testing.assert_allclose(found[..., hit], expected[..., hit], atol=2e-6)
  kept = [2, 3, 5, 7]
  np.testing.assert_array_equal(found[..., kept], x[..., kept])


@pytest.mark.parametrize('name', [None, 'transpose', 'convolve'])
def test_what_cannot_be_distorted_so_is_left(rng, name):
  x = jnp.asarray(rng.normal(size=(5, 8)), jnp.float32)
  found = deep_augment.distort(x, _draw(name, np.zeros(8)))
  np.testing.assert_array_equal(found, x)


def test_draws_are_of_so_many_layers_and_all_distortions():
  keys = jax.random.split(KEY, 2000)
  draw = jax.vmap(lambda key: deep_augment.draw_layers(key, 6, 2, 4))
  name, taps, features = draw(keys)
  assert ((name >= 0).sum(axis=1) == 2).all()
  layers = np.bincount(np.nonzero(np.asarray(name) >= 0)[1])
  names = np.bincount(np.asarray(name)[np.asarray(name) >= 0])
  for counts in (layers, names):
    mean = counts.sum() / len(counts)
    # Four standard errors of counts.
    assert np.abs(counts - mean).max() < 4 * np.sqrt(mean)
  assert len(names) == len(NAMES)
  np.testing.assert_allclose(taps.sum(axis=(2, 3)), 1, rtol=1e-6)
  # Each tap as large as any other: 4 standard errors of the mean of 2000.
  error = 4 * np.sqrt((1 / 9) * (8 / 9) / 10 / 2000)
  assert np.abs(taps.mean(axis=0) - 1 / 9).max() < error
  assert features.shape == (2000, 6, 4)


@pytest.mark.slow
def test_undistorted_it_is_the_network(rng, monkeypatch):
  monkeypatch.setattr(deep_augment, 'NUM_WEIGHT_LAYERS', 0)
  monkeypatch.setattr(deep_augment, 'NUM_OUTPUT_LAYERS', 0)
  images = _images(rng)
  network = _network(images, bias=0.3)
  given = network(images)
  assert given.max() > 1
  found = _distort(KEY, images, network, images_per_network=2)
  # The same sums, in another order where kernels are batched.
  np.testing.assert_allclose(found, np.clip(given, 0, 1), atol=1e-5)


@pytest.mark.parametrize('num_axes', [1, 3, 4])
def test_only_the_inner_layer_is_reached(rng, monkeypatch, num_axes):
  # Its bias, its output or its kernel becomes zero; nothing else.
  def zero(x, draw):
    del draw
    return jnp.zeros_like(x) if x.ndim == num_axes else x

  monkeypatch.setattr(deep_augment, 'distort', zero)
  images = _images(rng)
  network = _network(images)
  module, variables = network.unbind()
  params = variables['params']
  params['inner']['bias'] = params['inner']['bias'] + 0.5
  inner = dict(params['inner'])
  if num_axes != 1:
    inner['kernel'] = jnp.zeros_like(inner['kernel'])
  if num_axes != 4:
    inner['bias'] = jnp.zeros_like(inner['bias'])
  expected = module.apply({'params': {**params, 'inner': inner}}, images)
  found = _distort(KEY, images, module.bind(variables))
  np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=1e-5)


@pytest.mark.slow
def test_neighbours_share_weights(rng, monkeypatch):
  images = jnp.repeat(_images(rng, (1, 6, 6, 3)), 7, axis=0)
  network = _network(images)
  found = _distort(KEY, images, network, images_per_network=3)
  # By place, since what is distorted on the way is each image's own.
  assert len(np.unique(np.asarray(found), axis=0)) > 3
  monkeypatch.setattr(deep_augment, 'NUM_OUTPUT_LAYERS', 0)
  found = _distort(KEY, images, network, images_per_network=3)
  for first in (0, 3):
    for place in (1, 2):
      np.testing.assert_array_equal(found[first + place], found[first])
  assert (found[3] != found[0]).any()
  assert (found[6] != found[3]).any()


@pytest.mark.slow
def test_draws_depend_on_the_place_in_the_batch_only(rng):
  images = _images(rng)
  network = _network(images)
  options = {'images_per_network': 2}
  whole = _distort(KEY, images, network, **options)
  part = _distort(KEY, images[:3], network, **options)
  np.testing.assert_allclose(part, whole[:3], atol=1e-6)


@pytest.mark.slow
def test_range_and_dtype_are_kept(rng):
  images = _images(rng, (2, 4, 6, 1))
  network = _network(images, bias=3.0)
  images = images.astype(jnp.bfloat16)
  found = _distort(KEY, images, network)
  assert (found.shape, found.dtype) == (images.shape, jnp.bfloat16)
  assert found.max() == 1


def test_no_images_are_no_error(rng):
  network = _network(_images(rng))
  images = jnp.zeros((0, 6, 6, 3))
  assert augmentation.deep_augment(KEY, images, network).shape == images.shape


class _Grey(nn.Module):
  @nn.compact
  def __call__(self, images):
    return nn.Dense(1)(images)


def test_bad_input_is_named(rng):
  images = _images(rng)
  network = _network(images)

  def distort(network, images=images, **options):
    augmentation.deep_augment(KEY, images, network, **options)

  with pytest.raises(errors.InputError, match='network: expected a bound'):
    distort(_Net())
  with pytest.raises(errors.InputError, match='network: .*function'):
    distort(lambda images: images)
  with pytest.raises(errors.InputError, match='layers that have a kernel'):
    distort(nn.Dropout(0.5, deterministic=True).bind({}))
  grey = _Grey()
  with pytest.raises(errors.InputError, match='gives images .5, 6, 6, 3.'):
    distort(grey.bind(grey.init(KEY, images)))
  with pytest.raises(errors.InputError, match='images_per_network'):
    distort(network, images_per_network=0)
  with pytest.raises(errors.InputError, match='images: expected float'):
    distort(network, images[0])
