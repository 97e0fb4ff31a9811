import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import errors

# The package gives the function by this name.
noise2net = importlib.import_module('robustjax.augmentation.noise2net')
KEY, EPOCH = jax.random.key(3), jax.random.key(4)
# Both kernel sizes, and all dilations.
REACHES = np.asarray([[0, 1, 2], [3, 0, 1], [2, 3, 0], [1, 1, 3]], np.int32)


def _images(rng, shape=(3, 8, 9, 3)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


@jax.jit
def _program(key, images, epoch_key):
  return augmentation.noise2net(key, images, epoch_key=epoch_key)


def _distort(key, images, epoch_key=EPOCH):
  """One program for all keys."""
  return _program(key, images, epoch_key)


def _normalize(x):
  mean, variance = x.mean((0, 1)), x.var((0, 1))
  return (x - mean) / np.sqrt(variance + 1e-5)


def _convolve(x, kernel, reach):
  """One tap after the other, zeros outside; only the centre for size 1."""
  found = np.zeros((*x.shape[:2], kernel.shape[-1]))
  steps = (-1, 0, 1) if reach else (0,)
  for row, column in np.ndindex(*x.shape[:2]):
    for i in steps:
      for j in steps:
        r, c = row + i * reach, column + j * reach
        if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]:
          found[row, column] += x[r, c] @ kernel[i + 1, j + 1]
  return found


def _literal(image, network, reaches, epsilon):
  """Res2Net as its figure has it, for one image."""
  deviation = np.array([0.229, 0.224, 0.225])
  x = image / deviation
  for block in range(4):
    expand, kernels, contract = (leaf[block] for leaf in network)
    hidden = np.maximum(_normalize(x @ expand), 0)
    first, second, third, fourth = np.split(hidden, 4, axis=-1)
    found = []
    for i, part in enumerate((first, second, third)):
      part = part + found[-1] if found else part
      convolved = _convolve(part, kernels[i], reaches[block][i])
      found.append(np.maximum(_normalize(convolved), 0))
    hidden = np.concatenate([*found, fourth], -1)
    x = x + epsilon * _normalize(hidden @ contract)
  return np.clip(x * deviation, 0, 1)


@pytest.mark.slow
def test_it_is_four_res2net_blocks(rng):
  images = _images(rng, (2, 8, 9, 3))
  keys = jax.random.split(KEY, 2)
  network = noise2net.draw_network(keys, 3)
  found = jax.jit(noise2net.apply_network)(images, network, REACHES, 0.5)
  exact = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), network)
  for i, image in enumerate(np.asarray(images, np.float64)):
    of_image = [leaf[i] for leaf in exact]
    expected = _literal(image, of_image, REACHES, 0.5)
    assert (np.abs(expected - image) > 0.1).any()
    # Sums of up to 144 float32 products of order 1, normalised twelve times.
    np.testing.assert_allclose(found[i], expected, atol=1e-4)


@pytest.mark.slow
def test_the_same_image_differs_by_place_batch_and_epoch(rng):
  image = _images(rng, (1, 8, 9, 3))
  images = jnp.repeat(image, 3, axis=0)
  found = _distort(KEY, images)
  np.testing.assert_array_equal(_distort(KEY, images), found)
  others = (
    found[1:],
    _distort(jax.random.key(5), images),
    _distort(KEY, images, jax.random.key(6)),
  )
  for other in others:
    for one in other:
      assert np.abs(one - found[0]).mean() > 0.01


@pytest.mark.slow
def test_draws_depend_on_the_place_in_the_batch_only(rng):
  images = _images(rng)
  whole = _distort(KEY, images)
  other = images.at[0].set(0.5)
  np.testing.assert_array_equal(_distort(KEY, other)[1:], whole[1:])
  keys = noise2net.random_keys.example_keys(KEY, jnp.arange(3))
  one, three = (noise2net.draw_network(keys[:n], 3) for n in (1, 3))
  jax.tree.map(
    lambda a, b: np.testing.assert_array_equal(a[0], b[0]), one, three
  )


def test_half_of_the_kernels_are_of_size_1_and_dilations_equally_likely():
  keys = jax.random.split(KEY, 2000)
  reaches = np.asarray(jax.vmap(noise2net.draw_reaches)(keys)).ravel()
  shares = np.bincount(reaches, minlength=4) / len(reaches)
  expected = np.array([1 / 2, 1 / 6, 1 / 6, 1 / 6])
  # Four standard errors.
  error = 4 * np.sqrt(expected * (1 - expected) / len(reaches))
  assert (np.abs(shares - expected) < error).all()


def test_a_flat_image_has_nothing_to_be_distorted():
  images = jnp.full((3, 8, 9, 3), 0.3, jnp.float32)
  np.testing.assert_allclose(_distort(KEY, images), images, atol=1e-6)


@pytest.mark.slow
def test_a_sharded_batch_is_distorted_the_same(rng):
  images = _images(rng, (16, 8, 9, 3))
  mesh = jax.make_mesh(
    (8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))
  found = _distort(KEY, jax.device_put(images, layout))
  assert found.sharding.is_equivalent_to(layout, 4)
  # Products of matrices of another size, rounded otherwise; see above.
  np.testing.assert_allclose(found, _distort(KEY, images), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_range_and_dtype_are_kept(rng, dtype):
  images = _images(rng, (2, 5, 4, 1)).astype(dtype)
  found = _distort(KEY, images)
  assert (found.shape, found.dtype) == (images.shape, dtype)
  values = np.asarray(found, np.float32)
  assert values.min() == 0
  assert values.max() == 1


def test_no_images_are_no_error():
  images = jnp.zeros((0, 8, 8, 3))
  assert augmentation.noise2net(KEY, images, epoch_key=EPOCH).shape[0] == 0


def test_bad_input_is_named():
  for images in (jnp.zeros((2, 4, 4, 2)), jnp.zeros((4, 4, 3))):
    with pytest.raises(errors.InputError, match='images: expected float'):
      augmentation.noise2net(KEY, images, epoch_key=EPOCH)
  with pytest.raises(errors.InputError, match='values from 2 to 2'):
    augmentation.noise2net(KEY, jnp.full((1, 4, 4, 3), 2.0), epoch_key=EPOCH)
