import pytest

from robustjax import errors
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


def _grid():
  cells = {
    (row, column): tables.Cell('f.py:v', {})
    for row in ('plain', 'noise 1', 'noise 2', 'other')
    for column in ('x 1', 'x 2', 'y 1')
  }
  panels = (
    tables.Panel('x', 'n', {'x 1': 1, 'x 2': 2}, rows=('plain', 'noise 1')),
    tables.Panel('y', 'n', {'y 1': 1}),
    tables.Panel('others', 'n', {'x 1': 1}, rows=('other',)),
  )
  return tables.Table('t', cells, 'plain', 'n', panels=panels)


def test_a_part_of_a_table_keeps_what_it_is_compared_with():
  found = tables.only(_grid(), rows=['noise*'], columns=['x*'])
  assert found.rows == ['plain', 'noise 1', 'noise 2']
  assert found.columns == ['x 1', 'x 2']
  assert [panel.title for panel in found.panels] == ['x']
  assert tables.only(_grid()) == _grid()


def test_panels_keep_the_columns_and_rows_that_are_left():
  found = tables.only(_grid(), rows=['noise 2', 'other'], columns=['x 1'])
  assert found.rows == ['plain', 'noise 2', 'other']
  first, last = found.panels
  assert (first.title, first.rows, first.columns) == (
    'x', ('plain',), {'x 1': 1},
  )  # fmt: skip
  assert last.title == 'others'


def test_names_that_no_row_or_column_has_are_named():
  with pytest.raises(errors.InputError, match='rows: expected patterns that'):
    tables.only(_grid(), rows=['nois'])
  with pytest.raises(errors.InputError, match=r'columns: .*got z\*'):
    tables.only(_grid(), columns=['z*'])
