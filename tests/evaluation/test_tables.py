import pytest

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import tables

_SETS = [('identity', None), ('fog', None), ('noise', 0.5)]


def _results(*correct):
  rows = [
    evaluation.Row(name, amount, number, 100)
    for (name, amount), number in zip(_SETS, correct, strict=False)
  ]
  return evaluation.Results('test', 'none', tuple(rows))


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


def test_severities_share_a_line_and_figures_that_all_have_are_shown():
  rows = [evaluation.Row('clean', None, 90, 100, None, 95, 0.02)]
  rows += [
    evaluation.Row('fog', None, 10 * s, 100, s, 12 * s, 0.1)
    for s in range(1, 6)
  ]
  found = evaluation.Results(
    'other', 'none', tuple(rows), intervals={'accuracy': (0.35, 0.45)}
  )
  assert found.to_markdown('ours').splitlines()[2:] == [
    '| **mean of all 6 sets** | **40.00 (35.00 to 45.00)** |',
    '| mean of the 5 corrupted sets | 30.00 |',
    '| top-5, mean of all sets | 45.83 |',
    '| expected calibration error, mean of all sets | 8.67 |',
    '| clean | 90.00 |',
    '| fog, mean of 5 severities | 30.00 |',
  ]
  older = found._replace(rows=tuple(row[:5] for row in rows))
  older = found._replace(rows=tuple(evaluation.Row(*r) for r in older.rows))
  both = evaluation.to_markdown({'ours': found, 'older': older})
  assert 'top-5' not in both


def test_one_severity_is_a_set():
  rows = (evaluation.Row('fog', None, 3, 10, 4),)
  found = evaluation.Results('other', 'none', rows)
  assert found.to_markdown().splitlines()[-1] == '| fog 4 | 30.00 |'


def test_results_on_other_sets_cannot_share_a_table():
  table = {'cnn': _results(90, 60, 30), 'ours': _results(91, 70)}
  with pytest.raises(errors.InputError, match='ours with other sets'):
    evaluation.to_markdown(table)
  with pytest.raises(errors.InputError, match='at least one'):
    tables.common_labels({})


def test_references_are_named_column_by_column():
  base, one = _results(80, 50, 50), _results(90, 60, 30)
  table = {
    'cnn': one.with_reference(base, 'base'),
    'ours': one.with_reference(one, 'cnn'),
  }
  text = evaluation.to_markdown(table)
  # (.4 / .5 + .7 / .5) / 2
  assert '| mCE, base / cnn = 100 | 110.00 | 100.00 |' in text
  assert '| mCE, base = 100 | 110.00 |' in table['cnn'].to_markdown()
  assert 'mCE' not in evaluation.to_markdown(table | {'none': one})


def test_what_are_no_results_is_named():
  for wrong in (None, 3, [_results(1, 2, 3)], _results(1, 2, 3)):
    with pytest.raises(errors.InputError, match='table: expected results by'):
      evaluation.to_markdown(wrong)
  for wrong in (None, 'cnn', evaluation.Results('test', 'none', ())):
    for function in (evaluation.to_markdown, tables.lines, tables.class_table):
      with pytest.raises(errors.InputError, match=r'table\[cnn\]: '):
        function({'cnn': wrong})
