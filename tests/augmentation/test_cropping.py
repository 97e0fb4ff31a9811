import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import errors

KEY = jax.random.key(3)


def _crop(key, images, padding):
  return np.asarray(augmentation.pad_and_crop(key, images, padding=padding))


def _places(images, cropped, padding):
  """Where each image was cropped, found by trying every place."""
  margin = ((padding, padding), (padding, padding), (0, 0))
  height, width = images.shape[1:3]
  found = []
  for image, crop in zip(images, cropped, strict=True):
    padded = np.pad(image, margin)
    found.append(
      [
        (row, column)
        for row in range(2 * padding + 1)
        for column in range(2 * padding + 1)
        if (padded[row : row + height, column : column + width] == crop).all()
      ]
    )
  return found


@pytest.mark.parametrize('shape', [(6, 7, 5, 1), (4, 5, 8, 3)])
@pytest.mark.parametrize('padding', [1, 2, 4])
def test_each_image_is_a_crop_of_its_padded_self(rng, shape, padding):
  images = rng.uniform(0.1, 1, shape).astype(np.float32)
  cropped = _crop(KEY, jnp.asarray(images), padding)
  assert cropped.shape == shape
  assert all(_places(images, cropped, padding))


def test_every_place_is_as_likely_as_any_other(rng):
  images = rng.uniform(0.1, 1, (5000, 3, 3, 1)).astype(np.float32)
  places = _places(images, _crop(KEY, jnp.asarray(images), 1), 1)
  assert all(len(place) == 1 for place in places)
  counts = np.bincount([3 * row + column for ((row, column),) in places])
  # Four standard errors of a binomial count with p = 1/9.
  error = 4 * np.sqrt(5000 / 9 * 8 / 9)
  assert len(counts) == 9
  assert np.abs(counts - 5000 / 9).max() < error


def test_no_padding_leaves_images_as_they_are(rng):
  images = jnp.asarray(rng.uniform(size=(3, 4, 4, 1)), jnp.float32)
  assert augmentation.pad_and_crop(KEY, images, padding=0) is images


def test_draws_depend_on_key_and_place_in_the_batch_only(rng):
  images = jnp.asarray(rng.uniform(0.1, 1, (64, 6, 6, 1)), jnp.float32)
  whole = _crop(KEY, images, 2)
  np.testing.assert_array_equal(_crop(KEY, images[:5], 2), whole[:5])
  shifted = _crop(KEY, images[1:], 2)
  assert (shifted != whole[1:]).any()
  assert (_crop(jax.random.key(4), images, 2) != whole).any()


def test_a_sharded_batch_is_cropped_the_same(rng):
  images = jnp.asarray(rng.uniform(0.1, 1, (16, 6, 6, 1)), jnp.float32)
  mesh = jax.make_mesh(
    (8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))
  crop = jax.jit(
    lambda images: augmentation.pad_and_crop(KEY, images, padding=2)
  )
  found = crop(jax.device_put(images, layout))
  assert found.sharding.is_equivalent_to(layout, 4)
  np.testing.assert_array_equal(found, _crop(KEY, images, 2))


def test_any_dtype_is_kept(rng):
  images = jnp.asarray(rng.integers(1, 255, (4, 5, 5, 3)), jnp.uint8)
  cropped = _crop(KEY, images, 1)
  assert cropped.dtype == np.uint8
  assert all(_places(np.asarray(images), cropped, 1))


def test_bad_input_is_named():
  images = jnp.ones((2, 4, 4, 1))
  for padding in (-1, 1.5, True, None, 4, 100_000):
    with pytest.raises(errors.InputError, match='padding: expected an integer'):
      augmentation.pad_and_crop(KEY, images, padding=padding)
  with pytest.raises(
    errors.InputError, match=r'images: expected images \[B, H, W, C'
  ):
    augmentation.pad_and_crop(KEY, images[0], padding=1)
  with pytest.raises(errors.InputError, match='key: .*int'):
    augmentation.pad_and_crop(0, images, padding=1)
