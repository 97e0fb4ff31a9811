from robustjax.papers import tables


def test_rows_and_columns_keep_their_order():
  cell = tables.Cell('a.py:b', {}, None, None)
  cells = {('z', '2'): cell, ('z', '1'): cell, ('a', '2'): cell}
  table = tables.Table('title', 'mnist_c', cells, 'z', 'note')
  assert table.rows == ['z', 'a']
  assert table.columns == ['2', '1']
