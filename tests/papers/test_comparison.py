import csv
import json

import pytest

from robustjax.papers import comparison
from robustjax.papers import tables

TABLE = tables.Table(
  'a title',
  'mnist_c',
  {
    ('CNN', '0 %'): tables.Cell('f.py:cnn', {}, 87.43, 1.29),
    ('CNN', '10 %'): tables.Cell('f.py:cnn', {}, None, None),
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
  assert _line(theirs, '| CNN') == '| CNN | 87.43 ± 1.29 | unreadable |'
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


def test_curves_are_drawn_over_the_numbers_of_the_columns():
  cell = tables.Cell('f.py:cnn', {}, None, None)
  cells = {('CNN', '16'): cell, ('CNN', '128'): cell}
  table = tables.Table('t', 'mnist_c', cells, 'CNN', 'no numbers', axis='size')
  found = {('CNN', '16'): {0: 0.5, 1: 0.7}, ('CNN', '128'): {}}
  axes = comparison.plot_curves(table, found).axes[0]
  assert (axes.get_xlabel(), axes.get_xscale()) == ('size', 'log')
  xy = axes.lines[0].get_xydata()
  assert xy.tolist() == [[16.0, pytest.approx(60.0)]]
  text = comparison.to_markdown('p/8', table, found, {})
  assert 'The paper has no numbers.' in text


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


def test_the_mark_is_drawn():
  cell = tables.Cell('f.py:cnn', {}, None, None)
  cells = {('CNN', '16'): cell}
  table = tables.Table('t', 'mnist_c', cells, 'CNN', 'x', axis='size', mark=500)
  lines = comparison.plot_curves(table, {}).axes[0].lines
  assert any(list(line.get_xdata()) == [500, 500] for line in lines)
