import numpy as np
import pytest
from sklearn import calibration
from sklearn import metrics as reference

from robustjax import errors
from robustjax.evaluation import predictions

_CLASSES = 7


@pytest.fixture
def found(rng):
  """Predictions that are right half the time; no image is of class 6."""
  labels = rng.integers(0, _CLASSES - 1, 500)
  guesses = rng.integers(0, _CLASSES - 2, 500)  # and none is taken for 5, 6
  predicted = np.where(rng.uniform(size=500) < 0.5, labels % 5, guesses)
  confidence = rng.uniform(1 / _CLASSES, 1, 500).astype(np.float32)
  top5 = (predicted == labels) | (rng.uniform(size=500) < 0.5)
  return predictions.Predictions(labels, predicted, top5, confidence, _CLASSES)


def test_accuracies_are_scikit_learn_s(found):
  expected = reference.accuracy_score(found.labels, found.predicted)
  assert found.accuracy == expected
  assert found.counts == (round(500 * expected), 500)
  assert found.top5_accuracy == found.top5_correct.mean()
  recall = reference.recall_score(
    found.labels,
    found.predicted,
    labels=range(_CLASSES),
    average=None,
    zero_division=0,
  )
  np.testing.assert_allclose(
    found.class_correct / np.maximum(found.class_total, 1), recall, rtol=1e-12
  )
  assert found.class_total[6] == 0


@pytest.mark.parametrize('importances', [None, [1, 0, 2, 5, 0.5, 3, 9]])
def test_class_scores_are_scikit_learn_s(found, importances):
  *by_class, support = reference.precision_recall_fscore_support(
    found.labels, found.predicted, labels=range(_CLASSES), zero_division=0
  )
  weights = support * np.asarray(importances or [1] * _CLASSES)
  expected = [np.average(score, weights=weights) for score in by_class]
  np.testing.assert_allclose(
    found.class_scores(importances), expected, rtol=1e-12
  )


@pytest.mark.parametrize(
  ('importances', 'message'),
  [
    ([1.0] * 6, r'7 numbers .* got shape \(6,\)'),
    ([0.0] * 6 + [1.0], 'not all 0'),  # Class 6 has no image.
    ([1.0] * 6 + [-1.0], 'values from -1 to 1'),
    ([1.0] * 6 + [np.nan], 'values from nan'),
  ],
)
def test_bad_importances_are_named(found, importances, message):
  with pytest.raises(errors.InputError, match=f'importances: .*{message}'):
    found.class_scores(importances)


def test_calibration_error_agrees_with_scikit_learn_s_bins(found):
  accuracy, confidence = calibration.calibration_curve(
    found.is_correct, found.confidence, n_bins=15, strategy='uniform'
  )
  edges = np.linspace(0, 1, 16)
  sizes, _ = np.histogram(found.confidence, edges)
  expected = np.sum(sizes[sizes > 0] / 500 * np.abs(accuracy - confidence))
  # float32 confidences; scikit-learn averages them in float64 as well.
  assert found.calibration_error == pytest.approx(expected, rel=1e-6)


def test_calibration_error_of_a_worked_example():
  # (0, 1/2]: mean confidence 0.4, accuracy 1/2; (1/2, 1]: 0.95, 1/2.
  confidence = np.array([0.3, 0.5, 0.9, 1.0])
  is_correct = np.array([False, True, True, False])
  found = predictions.expected_calibration_error(
    confidence, is_correct, num_bins=2
  )
  assert found == pytest.approx(0.5 * 0.1 + 0.5 * 0.45)
  sure = predictions.expected_calibration_error(np.ones(3), np.ones(3, bool))
  assert sure == 0


@pytest.mark.parametrize('has_top5', [True, False])
def test_a_file_gives_back_what_was_saved(found, has_top5, tmp_path):
  if not has_top5:
    found = found._replace(top5_correct=None)
  path = predictions.save(tmp_path / 'gaussian_noise 0.05.npz', found)
  assert [path] == list(tmp_path.iterdir())
  again = predictions.load(path)
  for name, value in found._asdict().items():
    np.testing.assert_array_equal(getattr(again, name), value)
  assert (again.top5_accuracy is None) == (not has_top5)


def test_a_damaged_file_is_named(found, tmp_path):
  path = predictions.save(tmp_path / 'fog.npz', found)
  whole = path.read_bytes()
  middle = len(whole) // 2
  flipped = bytearray(whole)
  flipped[middle] ^= 255
  for content in (whole[:middle], b'', flipped):
    path.write_bytes(content)
    with pytest.raises(errors.InputError, match='intact: .*fog.npz'):
      predictions.load(path)
  with pytest.raises(errors.InputError, match='got FileNotFoundError'):
    predictions.load(tmp_path / 'snow.npz')
