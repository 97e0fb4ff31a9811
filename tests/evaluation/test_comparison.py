import json

import numpy as np
import pytest
from scipy import stats

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import comparison
from robustjax.evaluation import predictions
from robustjax.evaluation import statistics

_COUNT = 400


def _predictions(rng, labels, accuracy):
  """Right as often as told, and at random."""
  is_right = rng.uniform(size=len(labels)) < accuracy
  return predictions.Predictions(
    labels,
    np.where(is_right, labels, (labels + 1) % 10),
    None,
    np.full(len(labels), 0.5, np.float32),
    10,
  )


@pytest.fixture
def pair(rng):
  """Ours is better on fog, at both severities, and alike elsewhere."""
  labels = rng.integers(0, 10, _COUNT)
  sure = lambda *accuracies: [_predictions(rng, labels, a) for a in accuracies]
  ours = {'clean': sure(0.9), 'fog': sure(0.8, 0.7), 'snow': sure(0.5, 0.5)}
  others = {'clean': sure(0.9), 'fog': sure(0.6, 0.5), 'snow': sure(0.5, 0.5)}
  return ours, others


def test_differences_tests_and_corrections_are_those_of_statistics(pair):
  found = comparison.compare(*pair, num_resamples=500)
  clean, fog, snow = found.corruptions
  assert [one.name for one in found.corruptions] == ['clean', 'fog', 'snow']
  ours, others = ([one.is_correct for one in each['fog']] for each in pair)
  assert fog.ours == np.mean(ours)
  assert fog.difference.mean == pytest.approx(np.mean(ours) - np.mean(others))
  assert fog.difference == statistics.bootstrap_difference(
    ours, others, num_resamples=500
  )
  assert fog.test == statistics.mcnemar(ours, others)
  # Of one set it is McNemar's: the exact test less half of what was seen.
  ours, others = (each['clean'][0].is_correct for each in pair)
  b, c = (ours & ~others).sum(), (others & ~ours).sum()
  exact = stats.binomtest(b, b + c)
  expected = exact.pvalue - stats.binom(b + c, 0.5).pmf(b)
  assert clean.test.p_value == pytest.approx(expected)
  p_values = {one.name: one.test.p_value for one in found.corruptions}
  adjusted = {one.name: one.adjusted_p for one in found.corruptions}
  unharmed = p_values.pop('clean')  # Nothing to correct for: no corruption.
  assert adjusted == {'clean': unharmed} | statistics.holm(p_values)
  assert fog.adjusted_p < 1e-6 < 0.01 < snow.adjusted_p


def test_the_mean_counts_sets_alike_and_images_once(pair):
  found = comparison.compare(*pair).overall
  sets = [one for line in pair[0].values() for one in line]
  assert found.name == 'mean of all 5 sets'
  assert found.ours == pytest.approx(np.mean([one.accuracy for one in sets]))
  assert found.test.only_ours + found.test.only_others <= _COUNT
  assert found.adjusted_p == found.test.p_value


def test_a_comparison_is_printed_and_kept(pair):
  found = comparison.compare(*pair, num_resamples=100)
  lines = found.to_markdown('ours', 'others').splitlines()
  assert lines[0] == '| set | ours | others | difference (95 %) | p | p, Holm |'
  assert len(lines) == 2 + 1 + 3
  cells = [cell.strip() for cell in lines[4].split('|')[1:-1]]
  fog = found.corruptions[1]
  assert cells[:3] == [
    'fog',
    f'{100 * fog.ours:.2f}',
    f'{100 * fog.others:.2f}',
  ]
  mean, low, high = (f'{100 * value:+.2f}' for value in fog.difference)
  assert cells[3] == f'{mean} ({low} to {high})'
  assert lines[2].endswith('|  |')
  assert comparison._p_cell(1e-13) == '<1e-12'
  kept = json.loads(json.dumps(found.to_dict()))
  assert kept['corruptions'][1]['difference']['mean'] > 0.1
  assert kept['overall']['test']['p_value'] < 0.05


def test_a_classifier_does_not_differ_from_itself(pair):
  ours, _ = pair
  found = comparison.compare(ours, ours)
  for one in (found.overall, *found.corruptions):
    assert one.difference == (0, 0, 0)
    assert (one.test.p_value, one.adjusted_p) == (1, 1)


def test_only_the_same_images_can_be_compared(pair, rng):
  ours, others = pair
  with pytest.raises(errors.InputError, match=r'clean \(1\), fog \(2\), snow'):
    comparison.compare(ours, {'fog': others['fog']})
  shifted = others['snow'][1]._replace(
    labels=np.roll(others['snow'][1].labels, 1)
  )
  others['snow'][1] = shifted
  with pytest.raises(errors.InputError, match='predictions: .*others in snow'):
    comparison.compare(ours, others)


def test_predictions_are_grouped_as_their_rows(pair):
  ours, _ = pair
  rows = [
    evaluation.Row(name, None, 1, 2, severity)
    for name, line in ours.items()
    for severity in range(1, len(line) + 1)
  ]
  found = [one for line in ours.values() for one in line]
  assert comparison.by_corruption(rows, found) == ours
  ends = comparison.intervals(rows, found, num_resamples=200)
  corrupted = [one.is_correct for one in found[1:]]
  expected = statistics.bootstrap_interval(corrupted, num_resamples=200)
  assert ends['corrupted_accuracy'] == expected[1:]
  low, high = ends['accuracy']
  assert low < np.mean([one.accuracy for one in found]) < high
  assert comparison.intervals(rows[:1], found[:1]).keys() == {'accuracy'}


@pytest.mark.parametrize(
  'wrong', [None, 3, {}, [], {'clean': None}, {'clean': []}, {'clean': [3]}]
)
def test_what_are_no_predictions_is_named(pair, wrong):
  with pytest.raises(errors.InputError, match='ours'):
    comparison.compare(wrong, pair[1])
  with pytest.raises(errors.InputError, match='others'):
    comparison.compare(pair[0], wrong)


def test_there_are_as_many_predictions_as_rows(pair):
  row = evaluation.Row('clean', None, 1, _COUNT)
  for function in (comparison.by_corruption, comparison.intervals):
    with pytest.raises(errors.InputError, match='of 2 sets, got 1'):
      function([row, row], pair[0]['clean'])
    for wrong in (None, [], 'x', 3, [3]):
      with pytest.raises(errors.InputError, match='rows: '):
        function(wrong, pair[0]['clean'])
    for wrong in (None, [], 'x', 3):
      with pytest.raises(errors.InputError, match='found: '):
        function([row], wrong)
  with pytest.raises(errors.InputError, match='found'):
    comparison.intervals([row], [3])
