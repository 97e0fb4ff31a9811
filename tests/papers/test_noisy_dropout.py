import pytest

from robustjax import evaluation
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
  assert FIGURES['10'].cells['standard', 'weighted precision'].mean == 73
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


def test_weighted_scores_are_shown_and_it_is_said_beside_which():
  figure = FIGURES['11']
  assert figure.columns == [
    'weighted precision', 'weighted recall', 'weighted F1',
  ]  # fmt: skip
  published = {
    column for (_, column), one in figure.cells.items() if one.between
  }
  assert published == {'weighted precision'}
  assert any('beside our weighted precision' in one for one in figure.remarks)
  row = evaluation.Row(
    'clean', None, 7, 10, class_correct=(1, 6), class_total=(4, 6),
    class_taken=(1, 9),
  )  # fmt: skip
  found = evaluation.Results('degradations', 'x', (row,))
  values = [
    figure.cells['noise 5 %', column].measure.of(found)
    for column in figure.columns
  ]
  # Precision 1 of 1 and 6 of 9, recall 1 of 4 and 6 of 6, weights .4 and .6.
  assert values == pytest.approx([0.8, 0.7, 0.4 * 2 / 5 + 0.6 * 12 / 15])


def _judge(number, text, values, default=0.5):
  """Judges the only claim of a text; values by (row, column) or column."""
  (claim,) = (one for one in FIGURES[number].claims if text in one.text)
  found = {}
  for place in FIGURES[number].cells:
    value = values.get(place, values.get(place[1], default))
    found[place] = {seed: value + 1e-9 * seed for seed in range(3)}
  return claim.judge(found)


def test_dogs_are_compared_with_the_mean_class():
  # Dogs lose .2, the mean class .02.
  verdict = _judge('5', 'dogs', {('noise 100 %', 'class 5'): 0.3})
  assert verdict.figures.startswith('+18.00')
  assert verdict.answer == 'holds'


def test_airplanes_and_birds_have_each_to_lose_less():
  text = 'airplanes and birds'
  lost = {('noise 100 %', f'class {label}'): 0.3 for label in range(10)}
  kept = lost | {('noise 100 %', f'class {k}'): 0.5 for k in (0, 2)}
  assert _judge('5', text, kept).answer == 'holds'
  # The mean of both still loses less.
  only_birds = lost | {
    ('noise 100 %', 'class 2'): 0.5, ('noise 100 %', 'class 0'): 0.25,
  }  # fmt: skip
  assert _judge('5', text, only_birds).answer == 'does not hold'


def test_figure_4_is_judged():
  bird, car = ('noise 100 %', 'class 2'), ('noise 100 %', 'class 1')
  assert len(FIGURES['4'].claims) == 3
  assert _judge('4', 'recognised well', {'class 2': 0.7}).answer == 'holds'
  assert _judge('4', 'recognised well', {'class 3': 0.7}).answer == (
    'does not hold'
  )
  assert _judge('4', 'birds lose less', {bird: 0.6}).answer == 'holds'
  assert _judge('4', 'cars', {car: 0.4}).answer == 'holds'
  assert _judge('4', 'cars', {car: 0.6}).answer == 'does not hold'


@pytest.mark.parametrize('number', '678')
def test_errors_are_higher_at_every_level_and_top_5_is_stable(number):
  standard = ('standard', 'top-1 error')
  text = 'top-1 error higher with noise'
  assert _judge(number, text, {standard: 0.4}).answer == 'holds'
  # One level is below, the mean of all is above.
  one = {standard: 0.4, ('noise 10 %', 'top-1 error'): 0.3}
  assert _judge(number, text, one).answer == 'does not hold'
  last = ('noise 100 %', 'top-5 error')
  assert _judge(number, 'stable', {last: 0.509}).answer == 'holds'
  assert _judge(number, 'stable', {last: 0.511}).answer == 'does not hold'


def test_most_of_the_levels_are_not_all():
  text = 'at most of the levels'
  column = 'weighted precision'
  values = {('standard', column): 0.6, ('noise 5 %', column): 0.7,
            ('noise 30 %', column): 0.7}  # fmt: skip
  assert _judge('9', text, values).answer == 'holds'
  values['noise 10 %', column] = 0.7
  assert _judge('9', text, values).answer == 'does not hold'
  for number in ('10', '11'):
    every = {('standard', column): 0.6, ('noise 30 %', column): 0.65}
    text = 'at every level'
    assert _judge(number, text, every).answer == 'does not hold'
