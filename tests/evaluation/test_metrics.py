import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax.evaluation import metrics


def _first_pixel(images):
  """Logits that put the class in a level of the first pixel."""
  level = jnp.rint(images[:, 0, 0, 0] * 255).astype(jnp.int32)
  return jnp.eye(10)[level]


def _data(rng, count):
  images = rng.integers(0, 10, (count, 3, 3, 1)).astype(np.uint8)
  return data.from_arrays(images, rng.integers(0, 10, count), num_classes=10)


@pytest.mark.parametrize('batch_size', [1, 4, 7, 23, 100])
def test_every_image_counts_once_at_every_batch_size(rng, batch_size):
  source = _data(rng, 23)
  shapes = set()

  def predict(images):
    shapes.add(images.shape)
    return _first_pixel(images)

  counts = metrics.count_correct(predict, source, batch_size=batch_size)
  right = (source.images[:, 0, 0, 0] == source.labels).sum()
  assert counts == (right, 23)
  assert counts.accuracy == right / 23
  assert len(shapes) == 1


def test_labels_keep_the_order_of_the_images(rng):
  source = _data(rng, 11)
  found = metrics.predicted_labels(_first_pixel, source.images, batch_size=4)
  np.testing.assert_array_equal(found, source.images[:, 0, 0, 0])


def test_corruption_sees_each_image_with_its_index(rng):
  source = _data(rng, 10)
  seen = {}

  def corrupt(images, index):
    for image, i in zip(np.asarray(images), np.asarray(index), strict=True):
      seen.setdefault(int(i), image)
    return images

  metrics.count_correct(_first_pixel, source, corrupt=corrupt, batch_size=4)
  for i in range(10):
    np.testing.assert_allclose(seen[i], source.images[i] / 255, rtol=1e-6)


def test_bad_predictions_are_named(rng):
  source = _data(rng, 5)
  with pytest.raises(
    errors.InputError, match=r'logits \[5, C\], got shape \(5,'
  ):
    metrics.count_correct(lambda x: x[:, 0, 0, 0], source)
  with pytest.raises(errors.InputError, match='finite logits'):
    metrics.count_correct(lambda x: _first_pixel(x) * jnp.nan, source)
  with pytest.raises(errors.InputError, match='batch_size: '):
    metrics.count_correct(_first_pixel, source, batch_size=0)
