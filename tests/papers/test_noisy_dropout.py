import pytest

from robustjax.papers import noisy_dropout

FIGURES = noisy_dropout.FIGURES


def test_published_errors():
  cells = FIGURES['6'].cells
  assert cells['standard', 'top-1 error'].mean == 25.52
  assert cells['noise 5 %', 'top-1 error'].between == (28.89, 31.32)
  assert cells['unscaled, no noise', 'top-1 error'].mean is None
  assert FIGURES['7'].cells['noise 50 %', 'top-1 error'].between == (
    None, 32.38,
  )  # fmt: skip
  assert FIGURES['8'].cells['noise 50 %', 'top-5 error'].between == (None, 3.05)
  assert FIGURES['8'].cells['standard', 'top-5 error'].mean == 1.96
  assert FIGURES['10'].cells[
    'standard', 'weighted average accuracy'
  ].mean == pytest.approx(73)
  assert all(FIGURES[number].shows == 'error' for number in '678')


def test_levels_are_shares_of_the_paper_s_deviation():
  overrides = {
    arm: FIGURES['4'].cells[arm, 'class 2'].overrides
    for arm in noisy_dropout.ARMS
  }
  assert {one['noisy_dropout.rate'] for one in overrides.values()} == {'0.25'}
  deviations = [
    float(one['noisy_dropout.stddev'])
    for one in overrides.values()
    if 'noisy_dropout.stddev' in one
  ]
  # As the paper prints them.
  assert deviations == [0.007975, 0.01595, 0.04785, 0.07975, 0.1595]


def test_no_figure_fixes_the_data_set():
  cells = [
    cell for figure in FIGURES.values() for cell in figure.cells.values()
  ]
  assert not any('dataset' in cell.overrides for cell in cells)
  runs = {(cell.config, tuple(cell.overrides.items())) for cell in cells}
  assert len(runs) == 3 * 7


def test_dogs_are_compared_with_the_mean_class():
  (claim,) = FIGURES['5'].claims
  found = {place: {0: 0.5, 1: 0.5} for place in FIGURES['5'].cells}
  found['noise 100 %', 'class 5'] = {0: 0.3, 1: 0.3}
  # Dogs lose .2, the mean class .02.
  assert claim.judge(found).figures.startswith('+18.00')
