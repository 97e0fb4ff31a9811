from robustjax.papers import weight_map

TABLES = weight_map.TABLES
ERROR = 'test error'


def test_published_figures_of_table_4():
  table = TABLES['4']
  assert len(table.rows) == 9
  assert table.cells['smoothing', ERROR][2:4] == (0.79, 0.03)
  assert table.cells['CNN, input scale', ERROR].config.endswith(
    ':cnn_input_scale'
  )
  assert table.sizes['CNN, wide'] == ('1.19M', 1.07)
  assert table.shows == 'error'


def test_published_figures_of_tables_5_to_7():
  assert TABLES['5'].cells['DenseNet, alternating unsharp', ERROR][2:4] == (
    0.54, 0.04,
  )  # fmt: skip
  assert TABLES['6'].cells['ResNet, conv', ERROR][2:4] == (32.14, 2.20)
  cell = TABLES['7'].cells['DenseNet, alternating smoothing', ERROR]
  assert cell[2:4] == (22.47, 0.70)
  assert cell.config == 'weight_map.py:densenet_alternating_smoothing'
  assert cell.overrides['dataset'] == 'iwildcam'
  assert [len(TABLES[n].rows) for n in '567'] == [10, 6, 6]


def test_networks_are_compared_with_their_own():
  table = TABLES['5']
  assert table.reference_of('DenseNet, smoothing') == 'DenseNet, conv'
  assert table.reference_of('ResNet, smoothing') == 'ResNet, conv'


def test_statements_hold_of_the_paper_s_own_figures():
  for number, table in TABLES.items():
    found = {
      place: {seed: cell.mean / 100 + 1e-9 * seed for seed in range(3)}
      for place, cell in table.cells.items()
    }
    for claim in table.claims:
      assert claim.judge(found).answer == 'holds', (number, claim.text)
