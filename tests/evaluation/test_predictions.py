import fractions

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


def _literal_calibration_error(confidence, is_correct, num_bins):
  """Equation 3 bin by bin, in exact arithmetic."""
  exact = [fractions.Fraction(str(one)) for one in confidence]
  found = 0.0
  for number in range(num_bins):
    low = fractions.Fraction(number, num_bins)
    high = fractions.Fraction(number + 1, num_bins)
    places = [
      i
      for i, one in enumerate(exact)
      if low < one <= high or (number == 0 and one == 0)
    ]
    if places:
      mean = np.mean([float(exact[i]) for i in places])
      gap = abs(mean - np.mean([is_correct[i] for i in places]))
      found += len(places) / len(exact) * gap
  return found


@pytest.mark.parametrize('dtype', [np.float64, np.float32])
@pytest.mark.parametrize('num_bins', [1, 3, 10, 15, 100])
def test_confidences_at_an_edge_are_in_the_bin_below(rng, dtype, num_bins):
  # Every edge of ten and of a hundred bins, most of them no binary fraction.
  confidence = np.arange(101, dtype=dtype) / dtype(100)
  is_correct = rng.uniform(size=101) < 0.5
  found = predictions.expected_calibration_error(
    confidence, is_correct, num_bins=num_bins
  )
  expected = _literal_calibration_error(confidence, is_correct, num_bins)
  # Confidences rounded to the dtype, and 101 of them added up in float64.
  rounding = np.finfo(dtype).eps + 101 * np.finfo(np.float64).eps
  assert found == pytest.approx(expected, abs=float(rounding))


def test_seven_hundredths_are_in_the_seventh_bin():
  # (.06, .07]: |.0675 - .5|, of both; apart, .065 / 2 and .93 / 2.
  found = predictions.expected_calibration_error(
    [0.065, 0.07], [False, True], num_bins=100
  )
  assert found == pytest.approx(0.4325)


@pytest.mark.parametrize(
  ('change', 'field'),
  [
    ({'confidence': [1.5, 0.5]}, 'confidence'),
    ({'confidence': [np.nan, 0.5]}, 'confidence'),
    ({'confidence': []}, 'confidence'),
    ({'confidence': [[0.5, 0.5]]}, 'confidence'),
    ({'confidence': [[0.5], [0.5, 1]]}, 'confidence'),
    ({'confidence': 'ab'}, 'confidence'),
    ({'confidence': None}, 'confidence'),
    ({'is_correct': [True]}, 'is_correct'),
    ({'is_correct': [0.5, 0.5]}, 'is_correct'),
    ({'num_bins': 0}, 'num_bins'),
    ({'num_bins': 2.5}, 'num_bins'),
    ({'num_bins': 10**9}, 'num_bins'),
  ],
)
def test_bad_input_to_the_calibration_error_is_named(change, field):
  given = {'confidence': [0.5, 0.5], 'is_correct': [True, False]} | change
  with pytest.raises(errors.InputError, match=f'{field}: expected'):
    predictions.expected_calibration_error(**given)


@pytest.mark.parametrize(
  'change',
  [
    {'labels': np.arange(3)},
    {'labels': np.full(500, _CLASSES)},
    {'labels': np.full(500, 0.5)},
    {'predicted': np.full(500, -1)},
    {'confidence': np.full(500, 2.0)},
    {'confidence': np.full((500, 2), 0.5)},
    {'top5_correct': np.ones(3, bool)},
    {'num_classes': 3},
    {'surplus': np.ones(3)},
  ],
)
def test_a_file_that_was_edited_is_named(found, change, tmp_path):
  path = tmp_path / 'fog.npz'
  np.savez(path, **found._asdict() | change)
  with pytest.raises(errors.InputError, match='intact: .*fog.npz'):
    predictions.load(path)


def test_what_cannot_be_written_or_read_is_named(found, tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(errors.InputError, match='that can be written'):
    predictions.save(tmp_path / 'file' / 'fog.npz', found)
  with pytest.raises(errors.InputError, match='got IsADirectoryError'):
    predictions.load(tmp_path)
  with pytest.raises(errors.InputError, match='found: '):
    predictions.save(tmp_path / 'fog.npz', None)
  assert sorted(path.name for path in tmp_path.iterdir()) == ['file']


@pytest.mark.parametrize('importances', [None, 'abc', ['a'] * 7, [[1], [1, 2]]])
def test_importances_that_are_no_numbers_are_named(found, importances):
  if importances is None:
    importances = object()
  with pytest.raises(errors.InputError, match='importances: '):
    found.class_scores(importances)
