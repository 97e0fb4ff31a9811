import csv
import json

import pytest

from robustjax.papers import claims
from robustjax.papers import comparison
from robustjax.papers import model_sizes
from robustjax.papers import tables

TABLE = tables.Table(
  'a title',
  {
    ('CNN', '0 %'): tables.Cell('f.py:cnn', {}, 87.43, 1.29),
    ('CNN', '10 %'): tables.Cell('f.py:cnn', {}),
    ('Gate', '0 %'): tables.Cell('f.py:gate', {}, 91.09, 0.55),
    ('Gate', '10 %'): tables.Cell('f.py:gate', {}, 91.71, 0.35),
  },
  reference='CNN',
  note='10 runs',
)
FOUND = {
  ('CNN', '0 %'): {0: 0.80, 1: 0.82},
  ('Gate', '0 %'): {0: 0.85, 1: 0.91},
  ('Gate', '10 %'): {0: 0.5},
}


def _line(text, start):
  return next(line for line in text.splitlines() if line.startswith(start))


def test_markdown_holds_ours_theirs_and_paired_differences():
  text = comparison.to_markdown('p/1', TABLE, FOUND, {'epochs': 3})
  assert '- epochs: 3' in text
  ours, theirs, difference = text.split('| --- |')[1:]
  # t(0.975, 1) = 12.706; two values deviate by their distance / sqrt 2.
  assert _line(ours, '| CNN') == (
    '| CNN | 81.00 ± 1.41 (95 % ±12.71, n 2) | - |'
  )
  assert '50.00 (n 1)' in _line(ours, '| Gate')
  assert _line(theirs, '| CNN') == '| CNN | 87.43 ± 1.29 | none |'
  # Differences 5 and 9.
  assert _line(difference, '| Gate') == '| Gate | +7.00 ±25.41 (n 2) | - |'
  assert _line(difference, '| CNN') == '| CNN | 0 | 0 |'


def test_files_hold_every_seed(tmp_path):
  paths = comparison.save('p/1', TABLE, FOUND, {'epochs': 3}, tmp_path / 'out')
  assert [path.name for path in paths] == [
    f'p-table-1.{end}' for end in ('json', 'csv', 'md', 'png')
  ]
  content = json.loads(paths[0].read_text())
  cells = {(c['row'], c['column']): c for c in content['cells']}
  assert cells['Gate', '0 %']['mean'] == pytest.approx(0.88)
  assert cells['Gate', '0 %']['published_mean'] == pytest.approx(0.9109)
  assert cells['Gate', '10 %']['deviation'] is None
  assert 'mean' not in cells['CNN', '10 %']
  with paths[1].open() as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 5
  assert rows[-1]['accuracy'] == '0.5'
  assert paths[3].read_bytes().startswith(b'\x89PNG')


def test_other_accuracies_and_other_scales_have_their_place(tmp_path):
  others = {'clean set': {('CNN', '0 %'): {0: 0.99}}}
  paths = comparison.save(
    'p/1', TABLE, FOUND, {}, tmp_path, others=others, suffix='-smoke'
  )
  assert paths[2].name == 'p-table-1-smoke.md'
  assert 'Ours, clean set' in paths[2].read_text()
  assert '99.00 (n 1)' in paths[2].read_text()
  cells = json.loads(paths[0].read_text())['cells']
  assert cells[0]['clean set'] == {'0': 0.99}


def test_panels_are_printed_one_by_one():
  cell = tables.Cell('f.py:cnn', {})
  cells = {(row, column): cell for row in ('a', 'b') for column in '12'}
  panels = (
    tables.Panel('First', 'size', {'1': 1}),
    tables.Panel('Second', 'size', {'2': 2}, ('b',)),
  )
  table = tables.Table(
    't', cells, 'a', 'curves', drawing='curves', panels=panels
  )
  found = {('a', '1'): {0: 0.5}, ('b', '2'): {0: 0.75}}
  text = comparison.to_markdown('p/8', table, found, {})
  assert 'The paper has curves.' in text
  first, second = text.split('Second:')[:2]
  assert '| a | 50.00 (n 1) |' in first
  assert '| b | 75.00 (n 1) |' in second
  assert '| a |' not in second.split('First:')[0]


def test_ranges_and_single_numbers_are_printed_as_published():
  cells = {
    ('a', '1'): tables.Cell('f.py:cnn', {}, 25.52),
    ('a', '2'): tables.Cell('f.py:cnn', {}, between=(None, 32.38)),
    ('a', '3'): tables.Cell('f.py:cnn', {}, between=(70.0, 72.0)),
  }
  table = tables.Table('t', cells, 'a', '1 run', shows='error')
  text = comparison.to_markdown('p/1', table, {}, {})
  assert '| a | 25.52 | up to 32.38 | 70.00 to 72.00 |' in text
  assert 'below 0 is better' in text
  content = comparison.to_dict('p/1', table, {}, {})
  assert content['cells'][1]['published_between'] == [
    None,
    pytest.approx(0.3238),
  ]
  assert content['shows'] == 'error'


def test_rows_are_compared_with_their_own_reference():
  table = TABLE._replace(references={'Gate': 'Gate'})
  text = comparison.to_markdown('p/1', table, FOUND, {})
  assert 'Ours minus our reference row' in text
  *_, difference = text.split('| --- |')
  assert _line(difference, '| Gate') == '| Gate | 0 | 0 |'


def test_statements_are_judged_beside_the_table():
  claim = claims.Claim(
    'gates help',
    'section 1',
    claims.mean_higher([('Gate', '0 %')], [('CNN', '0 %')]),
  )
  table = TABLE._replace(claims=(claim,))
  text = comparison.to_markdown('p/1', table, FOUND, {})
  assert _line(text, '| gates help') == (
    '| gates help | cannot be told | +7.00 ±25.41 points, n 2 | section 1 |'
  )
  (entry,) = comparison.to_dict('p/1', table, FOUND, {})['claims']
  assert entry['answer'] == 'cannot be told'


def test_sizes_stand_beside_those_published():
  table = TABLE._replace(sizes={'CNN': tables.Size('261K', 0.014)})
  sizes = {'CNN': model_sizes.ModelSize(261070, 0.01451, 0.0123)}
  text = comparison.to_markdown('p/1', table, {}, {}, sizes=sizes)
  assert '| CNN | 261,070 | 261K | 0.0145 | 0.014 | 0.0123 |' in text
  content = comparison.to_dict('p/1', table, {}, {}, sizes=sizes)
  assert content['sizes']['CNN']['parameters'] == 261070


def test_a_figure_is_named_one(tmp_path):
  table = TABLE._replace(drawing='bars')
  paths = comparison.save('p/1', table, FOUND, {}, tmp_path)
  assert paths[3].name == 'p-figure-1.png'
  assert paths[3].read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(
  ('shows', 'better'),
  [('accuracy', 'above 0'), ('error', 'below 0'), ('mCE', 'below 0')],
)
def test_a_table_says_which_side_is_better(shows, better):
  text = comparison.to_markdown('p/1', TABLE._replace(shows=shows), FOUND, {})
  assert f'points; {better} is better:' in text
  assert f'Ours, {shows}, mean' in text
