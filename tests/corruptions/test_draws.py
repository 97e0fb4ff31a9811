import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from robustjax import errors
from robustjax.corruptions import draws

KEY = jax.random.key(3, impl='threefry2x32')


def test_bits_are_those_of_jax_without_its_counter_of_64_bits():
  with jax.threefry_partitionable(False):
    expected = jax.random.bits(KEY, (3, 5))
  np.testing.assert_array_equal(draws.bits(KEY, (3, 5)), expected)


def test_uniform_is_uniform_and_normal_normal():
  unit = np.asarray(draws.uniform(KEY, (200, 200)))
  assert unit.min() >= 0
  assert unit.max() < 1
  assert scipy.stats.kstest(unit.ravel(), 'uniform').pvalue > 1e-4
  normal = np.asarray(draws.normal(KEY, (200, 200)))
  assert scipy.stats.kstest(normal.ravel(), 'norm').pvalue > 1e-4


def test_the_largest_and_smallest_words_give_finite_opposites(monkeypatch):
  words = jnp.array([0, 2**32 - 1], jnp.uint32)
  monkeypatch.setattr(draws, 'bits', lambda key, shape: words)
  low, high = np.asarray(draws.normal(KEY, (2,)))
  assert np.isfinite(low)
  assert low == -high


def test_any_kind_of_key_gives_draws_of_the_index_alone():
  images = jnp.full((4, 3, 3, 1), 0.5)
  kinds = (jax.random.key(0, impl='rbg'), jax.random.PRNGKey(0), KEY)
  for key in kinds:
    together = draws.image_keys(key, images, None)
    alone = draws.image_keys(key, images[:1], jnp.array([2]))
    assert str(jax.random.key_impl(together)) == 'threefry2x32'
    np.testing.assert_array_equal(
      *(jax.random.key_data(keys) for keys in (together[2], alone[0]))
    )


def test_per_image_computes_in_float32_and_clips():
  def corrupt(key, image):
    del key
    assert image.dtype == jnp.float32
    return 3 * image - 1

  images = jnp.array([0.1, 0.5, 0.9], jnp.bfloat16).reshape(1, 3, 1, 1)
  found = draws.per_image(corrupt, KEY, images, None)
  assert found.dtype == jnp.bfloat16
  np.testing.assert_array_equal(found.ravel(), jnp.array([0, 0.5, 1]))


def test_small_images_are_named():
  with pytest.raises(errors.InputError, match='images: expected at least 8 x'):
    draws.check_size(jnp.zeros((2, 9, 7, 1)), 8)
