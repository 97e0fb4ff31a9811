import pytest

from robustjax.papers import drawing
from robustjax.papers import tables

CELL = tables.Cell('f.py:cnn', {})


def _table(drawn, cells, **options):
  return tables.Table('t', cells, 'CNN', 'x', drawing=drawn, **options)


def test_curves_are_drawn_over_the_numbers_of_the_columns():
  panel = tables.Panel(
    'P', 'size', {'16': 16, '128': 128}, is_logarithmic=True, mark=500
  )
  cells = {('CNN', '16'): CELL, ('CNN', '128'): CELL}
  table = _table('curves', cells, panels=(panel,))
  found = {('CNN', '16'): {0: 0.5, 1: 0.7}, ('CNN', '128'): {}}
  (axes,) = drawing.draw(table, found).axes
  assert (axes.get_xlabel(), axes.get_xscale()) == ('size', 'log')
  assert axes.get_ylabel() == 'accuracy %'
  xy = axes.lines[0].get_xydata()
  assert xy.tolist() == [[16.0, pytest.approx(60.0)]]
  assert any(list(line.get_xdata()) == [500, 500] for line in axes.lines)


def test_panels_have_their_own_rows_and_columns():
  cells = {(row, c): CELL for row in ('CNN', 'Res') for c in ('0', '1', '2')}
  panels = (
    tables.Panel('A', 'noise', {'0': 0, '1': 1}, ('CNN',)),
    tables.Panel('B', 'noise', {'2': 2}, ('Res',)),
    tables.Panel('C', 'noise', {'2': 2}),
    tables.Panel('D', 'noise', {'2': 2}),
  )
  found = {place: {0: 0.5} for place in cells}
  table = _table('curves', cells, panels=panels, shows='error')
  axes = drawing.draw(table, found).axes
  labels = [a.get_legend_handles_labels()[1] for a in axes]
  assert labels[:3] == [['CNN'], ['Res'], ['CNN', 'Res']]
  assert [a.get_title() for a in axes[:4]] == ['A', 'B', 'C', 'D']
  assert axes[0].get_ylabel() == axes[2].get_ylabel() == 'error %'


def test_bars_stand_beside_what_is_published():
  cells = {
    ('CNN', 'x'): CELL._replace(mean=60.0),
    ('Net', 'x'): CELL._replace(between=(20.0, 30.0)),
    ('Net', 'y'): CELL,
    ('CNN', 'y'): CELL._replace(between=(None, 80.0)),
  }
  table = _table('bars', cells)
  found = {('CNN', 'x'): {0: 0.5, 1: 0.7}, ('Net', 'x'): {0: 0.1}}
  (axes,) = drawing.draw(table, found).axes
  heights = [bar.get_height() for bar in axes.patches]
  assert heights == pytest.approx([60.0, 10.0])
  lines = [
    segment[:, 1].tolist()
    for one in axes.collections
    if one.get_label() == 'paper'
    for segment in one.get_segments()
  ]
  # A number; both ends of a range and what is between; one end.
  for expected in ([60, 60], [20, 20], [30, 30], [20, 30], [80, 80]):
    assert expected in lines


def test_points_stand_beside_what_is_published():
  cells = {('CNN', 'x'): CELL._replace(mean=60.0, deviation=1.0)}
  found = {('CNN', 'x'): {0: 0.5, 1: 0.7}}
  (axes,) = drawing.draw(_table('points', cells), found).axes
  drawn = [line.get_ydata().tolist() for line in axes.lines]
  assert [50.0, 70.0] in drawn
  assert [60.0, 60.0] in drawn  # Their mean; the paper's is one point.
