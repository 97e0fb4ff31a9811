import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import data
from robustjax import errors
from robustjax.training import autoencoder_training as training

_ADAM = pytest.mark.standard_promotion(
  "optax's Adam raises a float to an int power"
)
SMALL = augmentation.Autoencoder(channels=1, width=8, num_blocks=1)


@pytest.fixture(scope='module')
def untrained():
  images = jnp.zeros((1, 4, 4, 1))
  return SMALL.bind(jax.jit(SMALL.init)(jax.random.key(0), images))


def _fit(network, seed, num_steps=60):
  batches = training.read_images('digits', seed=seed, batch_size=8)
  return training.fit(network, batches, num_steps=num_steps)


@_ADAM
@pytest.mark.slow
def test_training_brings_the_error_down_and_repeats(untrained):
  test = training.held_out('digits')
  assert (test.shape, test.dtype) == ((256, 28, 28, 1), np.uint8)
  trained = _fit(untrained, seed=0)
  before, after = (
    training.reconstruction_error(one, test) for one in (untrained, trained)
  )
  assert after < before / 2
  again, other = _fit(untrained, seed=0), _fit(untrained, seed=1)
  chex.assert_trees_all_equal(again.variables, trained.variables)
  assert training.reconstruction_error(other, test) != after


@pytest.mark.slow
def test_the_error_is_in_grey_levels(untrained):
  # 33 images: a full part and a rest.
  images = training.held_out('digits')[:33]
  given = np.asarray(untrained(jnp.asarray(images, jnp.float32) / 255))
  off = 255 * np.clip(given, 0, 1).astype(np.float64) - images
  found = training.reconstruction_error(untrained, images)
  assert found == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-5)


def test_every_image_comes_once_an_epoch():
  everything = data.load('digits', 'train').images
  steps = len(everything) // 100
  batches = training.read_images('digits', seed=3, batch_size=100)
  two = [np.concatenate(list(itertools.islice(batches, steps))) for _ in '12']

  def sums(images):
    return np.unique(images.reshape(len(images), -1), axis=0)

  for epoch in two:
    assert len(epoch) == 100 * steps
    assert len(sums(epoch)) == len(epoch)
  assert (two[0] != two[1]).any()
  again = training.read_images('digits', seed=3, batch_size=100)
  np.testing.assert_array_equal(next(again), two[0][:100])


@pytest.mark.slow
def test_an_untrained_one_is_a_function_of_the_seed():
  one, same, other = (training.init(seed, 1).variables for seed in (0, 0, 1))
  chex.assert_trees_all_equal(one, same)
  kernel, another = (x['params']['encode_half']['kernel'] for x in (one, other))
  assert (kernel != another).any()


def test_bad_input_is_named(untrained, monkeypatch):
  with pytest.raises(errors.InputError, match='batch_size: .*at most 1437'):
    training.read_images('digits', seed=0, batch_size=1438)
  with pytest.raises(errors.InputError, match='num_steps: expected an integer'):
    _fit(untrained, seed=0, num_steps=0)
  with pytest.raises(errors.InputError, match='side: expected None'):
    training.read_images('digits', seed=0, batch_size=8, side=32)
  is_photographs = lambda name, data_dir: True
  monkeypatch.setattr(training.sources, 'is_photographs', is_photographs)
  with pytest.raises(errors.InputError, match='side: expected a number of'):
    training.read_images('photographs', seed=0, batch_size=8)


@pytest.mark.slow
@_ADAM
def test_weights_that_are_not_finite_end_it(untrained):
  def batches():
    yield np.zeros((1, 4, 4, 1), np.uint8)

  broken = jax.tree.map(lambda leaf: leaf * jnp.nan, untrained.variables)
  with pytest.raises(FloatingPointError, match='not finite'):
    training.fit(SMALL.bind(broken), batches(), num_steps=1)
