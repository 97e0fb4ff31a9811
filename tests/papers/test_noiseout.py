from robustjax.papers import noiseout


def test_published_figures_of_table_1():
  cells = noiseout.TABLES['1'].cells
  assert len(cells) == 12
  assert cells['NoiseOut', '20 %'][2:4] == (92.03, 0.37)
  assert cells['CNN', '0 %'][2:4] == (87.43, 1.29)


def test_published_figures_of_table_3():
  table = noiseout.TABLES['3']
  assert (len(table.rows), len(table.columns)) == (5, 4)
  assert table.cells['lambda 2.0', '30 %'][2:4] == (92.46, 0.24)
  assert table.cells['lambda 0.0', '20 %'].overrides == {'noise.rate': '0.2'}


def test_published_figures_of_table_4():
  table = noiseout.TABLES['4']
  assert (len(table.rows), len(table.columns)) == (12, 5)
  assert table.cells['CNN, 20 %', 'uniform'][2:4] == (10.87, 0.41)
  assert table.cells['NoiseOut FIG, 0 %', 'uniform'][2:4] == (91.51, 0.47)
  assert table.cells['NoiseOut FIG, 10 %', 'additive'].mean is None
