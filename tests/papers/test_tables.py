import pytest

from robustjax.papers import tables

CELLS = {
  ('a', 'x'): tables.Cell('f.py:v', {}, 1.0, 0.1),
  ('b', 'x'): tables.Cell('f.py:v', {}),
  ('b', 'y'): tables.Cell('f.py:v', {}),
}


def test_rows_and_columns_keep_their_order():
  table = tables.Table('t', CELLS, 'a', 'n')
  assert (table.rows, table.columns) == (['a', 'b'], ['x', 'y'])


@pytest.mark.parametrize(
  ('cell', 'expected'),
  [
    (tables.Cell('f.py:v', {}, 1.0), True),
    (tables.Cell('f.py:v', {}, between=(None, 3.0)), True),
    (tables.Cell('f.py:v', {}), False),
  ],
)
def test_a_range_is_published_as_well(cell, expected):
  assert cell.has_published_value is expected
  table = tables.Table('t', {('a', 'x'): cell}, 'a', 'n')
  assert table.has_published_values is expected


def test_a_row_may_have_a_reference_of_its_own():
  table = tables.Table('t', CELLS, 'a', 'n', references={'b': 'c'})
  assert (table.reference_of('a'), table.reference_of('b')) == ('a', 'c')


def test_what_is_drawn_is_a_figure():
  table = tables.Table('t', CELLS, 'a', 'n')
  assert not table.is_figure
  assert table._replace(drawing='bars').is_figure
