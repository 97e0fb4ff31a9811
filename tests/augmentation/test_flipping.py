import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import errors

KEY = jax.random.key(3)
flip = jax.jit(augmentation.random_flip)


def _images(rng, count):
  return jnp.asarray(rng.integers(0, 256, (count, 4, 5, 3)), jnp.uint8)


def test_each_image_is_itself_or_its_mirror_image_as_often(rng):
  images = np.asarray(_images(rng, 4000))
  found = np.asarray(flip(KEY, images))
  assert found.dtype == np.uint8
  is_same = (found == images).all(axis=(1, 2, 3))
  is_mirrored = (found == images[:, :, ::-1]).all(axis=(1, 2, 3))
  assert (is_same ^ is_mirrored).all()
  # Four standard errors of a binomial count.
  assert abs(is_same.sum() - 2000) < 4 * np.sqrt(1000)


def test_draws_depend_on_key_and_place_in_the_batch_only(rng):
  images = _images(rng, 64)
  whole = flip(KEY, images)
  np.testing.assert_array_equal(flip(KEY, images[:5]), whole[:5])
  assert (flip(KEY, images[1:]) != whole[1:]).any()
  assert (flip(jax.random.key(4), images) != whole).any()


def test_a_sharded_batch_is_flipped_the_same(rng):
  images = _images(rng, 16)
  mesh = jax.make_mesh(
    (8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))
  found = flip(KEY, jax.device_put(images, layout))
  assert found.sharding.is_equivalent_to(layout, 4)
  np.testing.assert_array_equal(found, flip(KEY, images))


def test_other_axes_are_named():
  with pytest.raises(
    errors.InputError, match=r'images: expected images \[B, H, W, C'
  ):
    augmentation.random_flip(KEY, jnp.ones((4, 5, 3)))
  with pytest.raises(errors.InputError, match='key: .*int'):
    augmentation.random_flip(0, jnp.ones((4, 5, 3, 1)))
