import pytest

from robustjax.papers import weight_map_curves

FIGURES = weight_map_curves.FIGURES


@pytest.mark.parametrize(
  ('number', 'panels', 'rows', 'largest'),
  [('2', 6, 19, 1.0), ('3', 4, 6, 0.5), ('4', 4, 6, 0.5)],
)
def test_panels_are_networks_by_noise(number, panels, rows, largest):
  table = FIGURES[number]
  assert (len(table.panels), len(table.rows)) == (panels, rows)
  assert max(table.panels[0].columns.values()) == largest
  assert {row for panel in table.panels for row in panel.rows} == set(
    table.rows
  )
  assert table.shows == 'error'


def test_amounts_are_measured_as_they_are_drawn():
  table = FIGURES['3']
  cell = table.cells['ResNet, conv', 'uniform_noise 0.05']
  amounts = cell.measure.benchmark.amounts['uniform_noise']
  assert len(amounts) == 11
  assert amounts[1] == 0.05
  assert cell.overrides == {'dataset': 'cifar10', 'crop_padding': '0'}
  attack = table.cells['ResNet, conv', 'fgsm 0.00392'].measure.benchmark
  assert attack.epsilons[1] == 1 / 255


def test_statements_name_rows_there_are():
  for table in FIGURES.values():
    found = {place: {0: 0.1} for place in table.cells}
    assert table.claims
    for claim in table.claims:
      assert claim.judge(found).answer == 'cannot be told', claim.text


def test_more_robust_is_less_error():
  table = FIGURES['2']
  claim = next(c for c in table.claims if c.text.startswith('FGSM: unsharp'))
  assert 'more robust' in claim.text
  found = {place: {0: 0.5, 1: 0.5} for place in table.cells}
  for place in found:
    if place[0] == 'unsharp':
      found[place] = {0: 0.3, 1: 0.3 + 1e-9}
  assert claim.judge(found).answer == 'holds'
