import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import corruptions
from robustjax import errors

KEY = jax.random.key(0)
EVERY = {
  **corruptions.MNIST_C,
  **corruptions.IMAGENET_C,
  **corruptions.IMAGENET_C_EXTRA,
}


def test_names_are_the_documented_ones():
  assert list(corruptions.DEGRADATIONS) == [
    'gaussian_noise',
    'salt_and_pepper',
    'uniform_noise',
    'gaussian_blur',
  ]
  assert len(corruptions.MNIST_C) == 16
  assert len(corruptions.IMAGENET_C) == 15
  assert list(corruptions.IMAGENET_C_EXTRA) == [
    'speckle_noise',
    'gaussian_blur',
    'spatter',
    'saturate',
  ]
  assert list(corruptions.CIFAR10_C) == list(corruptions.IMAGENET_C)
  assert list(corruptions.CIFAR10_C_EXTRA) == list(corruptions.IMAGENET_C_EXTRA)
  for table in (
    corruptions.CIFAR10_C,
    corruptions.CIFAR10_C_EXTRA,
    corruptions.MNIST_C,
    corruptions.MNIST_C_FURTHER,
    corruptions.IMAGENET_C,
    corruptions.IMAGENET_C_EXTRA,
  ):
    assert all(one.name == name for name, one in table.items())


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('name', corruptions.DEGRADATIONS)
def test_amounts_rise_from_the_identity(rng, name, channels):
  degradation = corruptions.DEGRADATIONS[name]
  assert degradation.name == name
  amounts = degradation.amounts_of(channels)
  assert list(amounts) == sorted(set(amounts))
  images = jnp.asarray(rng.uniform(size=(8, 16, 16, channels)), jnp.float32)
  degrade = jax.jit(degradation.function)
  distances = [
    float(jnp.abs(degrade(KEY, images, amount=a) - images).mean())
    for a in amounts
  ]
  assert distances[0] == 0
  assert list(distances) == sorted(distances)
  assert np.all(np.diff(distances) > 0)


def test_uniform_noise_has_the_paper_s_amounts():
  noise = corruptions.DEGRADATIONS['uniform_noise']
  tenths = pytest.approx([k / 10 for k in range(11)])
  twentieths = pytest.approx([k / 20 for k in range(11)])
  assert list(noise.amounts_of(1)) == tenths
  assert list(noise.amounts_of(3)) == twentieths


def test_the_identity_changes_nothing(rng):
  images = jnp.asarray(rng.uniform(size=(2, 5, 4, 3)), jnp.float32)
  identity = corruptions.MNIST_C['identity']
  np.testing.assert_array_equal(identity(KEY, images), images)


@pytest.mark.parametrize(
  ('images', 'message'),
  [
    (np.zeros((1, 28, 28, 1), np.uint8), 'dtype uint8'),
    (np.zeros((28, 28, 1), np.float32), r'shape \(28, 28, 1\)'),
    (np.zeros((1, 28, 28, 2), np.float32), r'shape \(1, 28, 28, 2\)'),
  ],
)
@pytest.mark.parametrize('name', EVERY)
def test_bad_images_are_named_by_every_corruption(name, images, message):
  corruption = EVERY[name]
  severity = 1 if len(corruption.severities) == 1 else 3
  with pytest.raises(errors.InputError, match=f'images: .*{message}'):
    corruption(KEY, jnp.asarray(images), severity=severity)


def _images(rng, name):
  channels = 1 if name == 'MNIST_C' else 3
  images = rng.uniform(size=(12, 16, 16, channels))
  return jnp.asarray(images, jnp.float32)


TABLES = [
  (table, name)
  for table in ('MNIST_C', 'IMAGENET_C', 'CIFAR10_C')
  for name in getattr(corruptions, table)
]


@pytest.mark.slow
@pytest.mark.parametrize(('table', 'name'), TABLES)
def test_pixels_depend_on_key_and_index_only(rng, table, name):
  """In a batch of 1, 7 and 12, in any order, on one device and on four."""
  corruption = getattr(corruptions, table)[name]
  severity = None if table == 'MNIST_C' else jnp.int32(3)
  corrupt = jax.jit(functools.partial(corruption, severity=severity))
  images = _images(rng, table)
  whole = np.asarray(corrupt(KEY, images))
  # A long sum in another order, and the grey level that follows.
  close = functools.partial(
    np.testing.assert_allclose, atol=0 if corruption.is_exact else 2e-6
  )
  for order in ([5], [11, 3, 0, 7, 1, 2, 10]):
    order = jnp.asarray(order)
    close(corrupt(KEY, images[order], index=order), whole[order])
  mesh = jax.make_mesh(
    (4,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))
  close(corrupt(KEY, jax.device_put(images, layout)), whole)
