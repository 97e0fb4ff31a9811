import pytest

from robustjax import errors
from robustjax import evaluation


def _results(*correct):
  rows = [
    evaluation.Row(name, amount, number, 100)
    for (name, amount), number in zip(
      [('identity', None), ('fog', None), ('noise', 0.5)],
      correct,
      strict=False,
    )
  ]
  return evaluation.Results('test', 'none', tuple(rows))


def test_means_are_over_all_sets_and_over_corrupted_ones():
  found = _results(90, 60, 30)
  assert found.accuracy == pytest.approx(0.6)
  assert found.corrupted_accuracy == pytest.approx(0.45)
  assert found.per_set == {'identity': 0.9, 'fog': 0.6, 'noise 0.5': 0.3}


def test_markdown_has_a_line_per_set_and_a_column_per_classifier():
  table = {'cnn': _results(90, 60, 30), 'ours': _results(91, 70, 41)}
  lines = evaluation.to_markdown(table).splitlines()
  assert lines == [
    '| set | cnn | ours |',
    '| --- | ---: | ---: |',
    '| **mean of all 3 sets** | **60.00** | **67.33** |',
    '| mean of the 2 corrupted sets | 45.00 | 55.50 |',
    '| identity | 90.00 | 91.00 |',
    '| fog | 60.00 | 70.00 |',
    '| noise 0.5 | 30.00 | 41.00 |',
  ]


def test_results_on_other_sets_cannot_share_a_table():
  table = {'cnn': _results(90, 60, 30), 'ours': _results(91, 70)}
  with pytest.raises(errors.InputError, match='ours with other sets'):
    evaluation.to_markdown(table)
  with pytest.raises(errors.InputError, match='at least one'):
    evaluation.to_markdown({})
