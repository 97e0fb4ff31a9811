import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import random_keys


def test_streams_steps_and_seeds_have_keys_of_their_own():
  drawn = {
    tuple(
      jax.random.key_data(
        random_keys.stream_key(random_keys.root_key(seed), step, stream)
      ).tolist()
    )
    for seed, step, stream in itertools.product(
      (0, 1), (0, 1, 2), random_keys.STREAMS
    )
  }
  assert len(drawn) == 2 * 3 * len(random_keys.STREAMS)


def test_keys_are_threefry_whatever_the_default_is():
  with jax.default_prng_impl('rbg'):
    key = random_keys.root_key(0)
  assert jax.random.key_impl(key) == 'threefry2x32'


@pytest.mark.parametrize('seed', [-1, 0.5, None, 2**32])
def test_a_bad_seed_is_named(seed):
  with pytest.raises(errors.InputError, match='seed: expected an integer'):
    random_keys.root_key(seed)


def test_the_key_of_an_example_depends_on_its_index_only():
  key = random_keys.root_key(3)
  together = random_keys.example_keys(key, jnp.arange(5))
  alone = random_keys.example_keys(key, jnp.array([3]))
  np.testing.assert_array_equal(
    jax.random.key_data(together)[3], jax.random.key_data(alone)[0]
  )


@pytest.mark.parametrize('impl', ['threefry2x32', 'rbg'])
def test_one_key_of_either_kind_passes(impl):
  random_keys.check_key('key', jax.random.key(0, impl=impl))
  with jax.default_prng_impl(impl):
    random_keys.check_key('key', jax.random.PRNGKey(0))
  jax.jit(lambda key: random_keys.check_key('key', key))(jax.random.key(0))


@pytest.mark.parametrize(
  'key',
  [
    0,
    None,
    'key',
    np.random.default_rng(0),
    jnp.zeros(2),
    jnp.zeros(3, jnp.uint32),
    jax.random.split(jax.random.key(0)),
    jax.random.split(jax.random.PRNGKey(0)),
  ],
)
def test_what_is_not_one_key_is_named(key):
  with pytest.raises(errors.InputError, match='key: expected one random key'):
    random_keys.check_key('key', key)
