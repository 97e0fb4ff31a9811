import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from sklearn.metrics import top_k_accuracy_score

from robustjax import data
from robustjax import errors
from robustjax.evaluation import metrics


def _first_pixel(images):
  """Logits that put the class in a level of the first pixel."""
  level = jnp.rint(images[:, 0, 0, 0] * 255).astype(jnp.int32)
  return 5 * jnp.eye(10)[level]


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


def _linear(rng, num_classes):
  """A classifier with other logits for every image, and its NumPy twin."""
  weights = rng.normal(size=(9, num_classes)).astype(np.float32)

  def predict(images):
    return jnp.tanh(images.reshape(len(images), -1) @ weights)

  return predict


@pytest.mark.parametrize('batch_size', [4, 100])
def test_predictions_equal_scikit_learn_and_scipy(rng, batch_size):
  source = _data(rng, 23)
  predict = _linear(rng, 12)
  found = metrics.predictions_of(predict, source, batch_size=batch_size)
  logits = np.asarray(predict(jnp.asarray(source.images / 255, jnp.float32)))
  np.testing.assert_array_equal(found.labels, source.labels)
  np.testing.assert_array_equal(found.predicted, logits.argmax(axis=1))
  expected = top_k_accuracy_score(
    source.labels, logits, k=5, labels=range(12), normalize=False
  )
  assert found.top5_correct.sum() == expected
  # A product of float32 over 9 pixels, summed in another order: 1e-6.
  np.testing.assert_allclose(
    found.confidence, special.softmax(logits, axis=1).max(axis=1), rtol=1e-5
  )
  assert found.num_classes == 12
  assert len(found.class_total) == 12


def test_equal_logits_count_for_the_lower_class():
  images = np.zeros((8, 1, 1, 1), np.uint8)
  source = data.from_arrays(images, np.arange(8), num_classes=8)
  found = metrics.predictions_of(lambda x: jnp.zeros((len(x), 8)), source)
  assert found.is_correct.tolist() == [True] + [False] * 7
  assert found.top5_correct.tolist() == [True] * 5 + [False] * 3
  np.testing.assert_allclose(found.confidence, 1 / 8)


def test_five_classes_have_no_top_five(rng):
  images = rng.integers(0, 256, (6, 3, 3, 1)).astype(np.uint8)
  source = data.from_arrays(images, np.arange(6) % 5, num_classes=5)
  found = metrics.predictions_of(_linear(rng, 5), source)
  assert found.top5_correct is None
  assert found.top5_accuracy is None


def test_large_and_narrow_logits_are_read(rng):
  source = _data(rng, 5)
  # The difference of two logits is beyond float32.
  large = metrics.predictions_of(
    lambda x: 3e38 * (0.4 * _first_pixel(x) - 1), source
  )
  np.testing.assert_array_equal(large.confidence, 1)
  narrow = metrics.predictions_of(
    lambda x: _first_pixel(x).astype(jnp.bfloat16), source
  )
  wide = metrics.predictions_of(_first_pixel, source)
  for one, other in zip(narrow, wide, strict=True):
    np.testing.assert_array_equal(one, other)


def test_shapes_and_labels_are_checked_at_the_first_batch(rng):
  source = _data(rng, 50)
  calls = []

  def predict(images, num_classes):
    calls.append(1)
    return jnp.zeros((len(images), num_classes))

  source.labels[49] = 9
  for wrong, message in (
    (lambda x: predict(x, 9), r'labels: .*\[0, 9\), as .* got 9'),
    (lambda x: predict(x, 0), r'logits \[4, C\], got shape \(4, 0\)'),
    (lambda x: predict(x[:3], 10), r'logits \[4, C\], got shape \(3, 10\)'),
    (lambda x: (predict(x, 10), None), r'logits \[4, C\], got tuple'),
  ):
    calls.clear()
    with pytest.raises(errors.InputError, match=message):
      metrics.predictions_of(wrong, source, batch_size=4)
    assert len(calls) == 1
  with pytest.raises(errors.InputError, match=r'\[4, 10\], got shape \(4, 11'):
    metrics.predictions_of(
      lambda x: predict(x, 10 + (len(calls) > 2)), source, batch_size=4
    )


def test_sets_without_images_or_labels_are_named(rng):
  source = _data(rng, 5)
  with pytest.raises(errors.InputError, match='labels: expected 5, .* got 4'):
    metrics.predictions_of(
      _first_pixel, source._replace(labels=source.labels[:4])
    )
  with pytest.raises(errors.InputError, match='images: expected at least one'):
    metrics.predicted_labels(_first_pixel, source.images[:0])


def test_the_first_logits_are_checked_as_all_are(rng):
  source = _data(rng, 9)
  found = metrics.first_logits(_first_pixel, source.images, batch_size=4)
  expected = 5 * np.eye(10)[source.images[:4, 0, 0, 0]]
  np.testing.assert_array_equal(found, expected)
  with pytest.raises(errors.InputError, match=r'predict: .*\[4, C\]'):
    metrics.first_logits(lambda x: x, source.images, batch_size=4)
  with pytest.raises(errors.InputError, match='batch_size: '):
    metrics.first_logits(_first_pixel, source.images, batch_size=0)


def _scores(rng, num_classes):
  """Numbers that differ enough for softmax to have small and large values."""
  return rng.normal(0, 5, size=(23, num_classes))


@pytest.mark.parametrize('num_classes', [2, 10, 1000])
@pytest.mark.parametrize(
  'probabilities',
  [
    lambda scores: special.softmax(scores, axis=1),
    lambda scores: np.asarray(jax.nn.softmax(jnp.float32(scores))),
    lambda scores: jax.nn.softmax(jnp.float32(scores)),
    lambda scores: jax.nn.softmax(jnp.float32(scores)).astype(jnp.bfloat16),
    lambda scores: jax.nn.softmax(jnp.float32(scores)).astype(jnp.float16),
    lambda scores: np.eye(scores.shape[1])[scores.argmax(axis=1)],
    lambda scores: np.eye(scores.shape[1], dtype=int)[scores.argmax(axis=1)],
  ],
)
def test_probabilities_are_not_taken_for_logits(
  rng, num_classes, probabilities
):
  source = _data(rng, 23)._replace(labels=np.zeros(23, np.int32))
  found = probabilities(_scores(rng, num_classes))
  with pytest.raises(
    errors.InputError, match=r'predict: .*jnp\.log .*got prob'
  ):
    metrics.predictions_of(lambda x: found, source)
  # Scores that only look alike are fine: a negative one, another sum.
  logits = np.asarray(found, np.float32)
  for change in (logits - 0.5, logits * 1.02, logits[:, ::-1] - logits):
    metrics.predictions_of(lambda x, change=change: change, source)


def test_log_probabilities_have_the_confidence_of_the_probabilities(rng):
  source = _data(rng, 23)
  probabilities = special.softmax(_scores(rng, 10), axis=1)
  probabilities[probabilities < 0.01] = 0  # As trees and neighbours give them.
  probabilities /= probabilities.sum(axis=1, keepdims=True)
  with np.errstate(divide='ignore'):
    logits = np.log(probabilities)
  assert np.isinf(logits).any()
  found = metrics.predictions_of(lambda x: logits, source)
  # float32 in, and exp of its logarithm.
  np.testing.assert_allclose(
    found.confidence, probabilities.max(axis=1), rtol=1e-5
  )


def test_a_row_without_a_finite_logit_is_named(rng):
  source = _data(rng, 5)
  for wrong in (np.inf, -np.inf, np.nan):
    bad = np.zeros((5, 10))
    bad[3] = wrong
    with pytest.raises(errors.InputError, match='predict: expected finite'):
      metrics.predictions_of(lambda x, bad=bad: bad, source)


def test_images_and_classifier_are_told_apart_where_numbers_are_not_finite(rng):
  source = _data(rng, 5)
  broken = lambda images, index: images * jnp.nan
  # A classifier that gives numbers on such images too.
  tolerant = lambda images: _first_pixel(jnp.nan_to_num(images))
  for predict in (_first_pixel, tolerant, lambda x: _first_pixel(x) + x.sum()):
    with pytest.raises(
      errors.InputError, match='^images: expected finite values in fog 3, got'
    ):
      metrics.predictions_of(predict, source, corrupt=broken, name='fog 3')
  with pytest.raises(
    errors.InputError, match='^predict: .*of fog 3, .*images are finite'
  ):
    metrics.predictions_of(
      lambda x: _first_pixel(x) * jnp.nan,
      source,
      corrupt=lambda images, index: images,
      name='fog 3',
    )


@pytest.mark.parametrize(
  'predict',
  [
    'resnet',
    None,
    np.ones((5, 10)),
    lambda x: None,
    lambda x: [1, 2],
    lambda x: np.zeros((len(x), 10), bool),
    lambda x: np.zeros((len(x), 10), complex),
    lambda x: np.full((len(x), 10), 'a'),
  ],
)
def test_what_gives_no_logits_is_named(rng, predict):
  source = _data(rng, 5)
  with pytest.raises(errors.InputError, match='predict: expected'):
    metrics.predictions_of(predict, source)
  with pytest.raises(errors.InputError, match='predict: expected'):
    metrics.first_logits(predict, source.images)


def test_images_outside_the_range_are_named(rng):
  for images, message in (
    (np.full((3, 2, 2, 1), 7.0), r'images: .*\[0, 1\], got 7.0'),
    (np.full((3, 2, 2, 1), np.nan), 'images: .* got nan'),
    (np.zeros((3, 2, 2, 1), np.int32), 'images: .* got dtype int32'),
    (np.zeros((3, 2, 2)), 'images: .* got shape'),
    (None, 'images: .* got NoneType'),
  ):
    with pytest.raises(errors.InputError, match=message):
      metrics.predicted_labels(_first_pixel, images)


def test_what_an_own_function_raises_comes_through(rng):
  def fails(images):
    raise KeyError('of my own')

  with pytest.raises(KeyError, match='of my own'):
    metrics.count_correct(fails, _data(rng, 5))
