from robustjax.papers import claims
from robustjax.papers import noise_progression

FIGURES = noise_progression.FIGURES


def test_figure_1_has_nine_progressions_on_two_data_sets():
  table = FIGURES['1']
  assert len(table.rows) == 9
  cell = table.cells['resLHnoiseHL', 'Fashion-MNIST, noisy']
  assert cell.config == 'noise_progression.py:resLHnoiseHL'
  assert cell.overrides == {
    'dataset': 'fashion_mnist', 'penultimate_noise.stddev': '3.5',
  }  # fmt: skip
  cell = table.cells['resXnoiseX', 'CIFAR-10, clean']
  assert cell.overrides == {'dataset': 'cifar10'}
  # One run, three columns.
  labels = {
    table.cells['resXnoiseHL', f'CIFAR-10, {name}'].measure.benchmark.label
    for name in ('clean', 'blurred', 'noisy')
  }
  assert labels == {'degradations-gaussian_blur-2-gaussian_noise-0.2'}


def test_high_first_is_judged_at_equal_resolution():
  table = FIGURES['1']
  claim = table.claims[0]
  assert 'Fashion-MNIST: noise high first' in claim.text
  found = {
    place: {0: 0.5 + 0.1 * place[0].endswith('HL'), 1: 0.5, 2: 0.5}
    for place in table.cells
  }
  # Only noise HL is .1 higher, for one of three seeds, on all sets.
  verdict = claim.judge(found)
  assert verdict.figures.startswith('+3.33')
  assert verdict.answer == claims.OPEN


def test_without_noise_all_directions_share_a_run():
  table = FIGURES['resonance']
  cells = {
    (table.cells[row, 'CIFAR-10, clean, 0'].config,
     str(table.cells[row, 'CIFAR-10, clean, 0'].overrides))
    for row in table.rows
  }  # fmt: skip
  assert len(cells) == 1
  cell = table.cells['constant', 'CIFAR-10, noisy, 4.5']
  assert cell.overrides == {
    'dataset': 'cifar10',
    'penultimate_noise.stddev': '4.5',
    'penultimate_noise.progression': 'constant',
  }
  runs = {
    (cell.config, tuple(cell.overrides.items()))
    for cell in table.cells.values()
  }
  assert len(runs) == 2 * (1 + 3 * 7)


def test_figure_2_is_one_run_per_regime():
  table = FIGURES['2']
  assert [panel.title for panel in table.panels] == [
    'Gaussian noise', 'salt and pepper',
  ]  # fmt: skip
  runs = {cell.config for cell in table.cells.values()}
  assert len(runs) == len(table.rows) == 4
  assert set(table.panels[0].columns.values()) == {
    0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5,
  }  # fmt: skip
