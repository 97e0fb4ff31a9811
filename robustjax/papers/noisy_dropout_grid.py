"""Noisy dropout as a whole: all rates and levels, classes, and robustness.

The grid puts side by side what Figures 9 to 11 show, the table of classes what
Figures 3 to 5 do. Of robustness to noise and attacks, which the paper claims,
it prints no number.
"""

from collections.abc import Callable

from robustjax import corruptions
from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import noisy_dropout
from robustjax.papers import tables

_STANDARD, _UNSCALED, *_NOISY = noisy_dropout.ARMS
_RATES = tuple(noisy_dropout.RATES)


def _grid() -> tables.Table:
  """All arms by rate: what Figures 9 to 11 show, side by side."""
  cells = {
    (arm, rate): noisy_dropout.score_cell(arm, rate)
    for arm in noisy_dropout.ARMS
    for rate in _RATES
  }
  precision, *others = noisy_dropout.SCORES.values()
  return tables.Table(
    f'{precision.name} by dropout rate and noise',
    cells,
    reference=_STANDARD,
    note='CIFAR-10, 10 epochs, one run, "weighted average accuracy"; of the'
    ' noisy ones a range over the levels',
    shows=precision.name,
    others=tuple(others),
    claims=_grid_claims(),
    remarks=(noisy_dropout.REMARK, *noisy_dropout.ABOUT_SCORES),
  )


def _grid_claims() -> tuple[claims.Claim, ...]:
  lowest, highest = _RATES[0], _RATES[-1]
  by_rate = _weigh(lambda arm, rate: (rate == lowest) - (rate == highest), 5)
  by_noise = _weigh(
    lambda arm, rate: (arm == _NOISY[0]) - (arm == _NOISY[-1]), 3
  )
  return (
    claims.Claim(
      'no figure with noise is better than standard: standard above every noisy'
      ' one',
      'Figures 6 to 11, as printed',
      claims.every(
        {
          f'{arm}, {rate}': claims.mean_higher(
            [(_STANDARD, rate)], [(arm, rate)]
          )
          for arm in _NOISY
          for rate in _RATES
        }
      ),
    ),
    claims.Claim(
      'the loss against standard grows with the rate, from 20 to 30 %, mean'
      ' over the levels',
      'Figures 9 to 11, as printed',
      claims.contrast(
        by_rate | {(_STANDARD, highest): 1.0}, {(_STANDARD, lowest): 1.0}
      ),
    ),
    claims.Claim(
      'the rate costs more, from 20 to 30 %, mean over the levels, than a'
      ' 20-fold deviation, mean over the rates',
      'Figures 9 to 11, as printed',
      claims.contrast(by_rate, by_noise),
    ),
    claims.Claim(
      'noise alone changes little: every level within one point of no noise,'
      ' both unscaled, mean over the rates',
      'Figures 9 to 11; the comparison is ours',
      claims.every(
        {
          arm: claims.mean_similar(
            [(arm, rate) for rate in _RATES],
            [(_UNSCALED, rate) for rate in _RATES],
          )
          for arm in _NOISY
        }
      ),
    ),
  )


def _weigh(
  sign: Callable[[str, str], int], count: int
) -> dict[claims.Place, float]:
  """Weights of a mean difference over the noisy cells of the grid."""
  weights = {
    (arm, rate): sign(arm, rate) / count for arm in _NOISY for rate in _RATES
  }
  return {place: weight for place, weight in weights.items() if weight}


def _classes() -> tables.Table:
  """All arms and rates by class: what Figures 3 to 5 show, side by side."""
  cells = {
    (_row(arm, rate), column): noisy_dropout.cell(
      arm, rate, measures.class_accuracy(label)
    )
    for rate in _RATES
    for arm in noisy_dropout.ARMS
    for label, column in enumerate(noisy_dropout.CLASSES.values())
  }
  return tables.Table(
    'accuracy by class, dropout rate and noise',
    cells,
    reference=_row(_STANDARD, _RATES[0]),
    note='bars without numbers, in Figures 3 to 5',
    references={
      _row(arm, rate): _row(_STANDARD, rate)
      for rate in _RATES
      for arm in noisy_dropout.ARMS
    },
    claims=_claims_on_classes(),
    remarks=(noisy_dropout.REMARK, noisy_dropout.ABOUT_CLASSES),
  )


def _row(arm: str, rate: str) -> str:
  return f'{arm}, rate {rate}'


def _noisy_cells(rate: str, columns) -> list[claims.Place]:
  return [(_row(arm, rate), column) for arm in _NOISY for column in columns]


def _claims_on_classes() -> tuple[claims.Claim, ...]:
  columns = list(noisy_dropout.CLASSES.values())
  lowest, middle, highest = _RATES

  def in_most(*rates: str) -> claims.Judge:
    """Whether the mean over the levels falls, in most classes."""
    return claims.in_most(
      [[_noisy_cells(rate, [column]) for rate in rates] for column in columns]
    )

  def at(rate: str, arm: str, weight: float) -> dict[claims.Place, float]:
    return dict.fromkeys([(_row(arm, rate), one) for one in columns], weight)

  share = 1 / len(columns)
  first, last = _NOISY[0], _NOISY[-1]
  lost = {
    rate: at(rate, first, share) | at(rate, last, -share)
    for rate in (lowest, highest)
  }
  return (
    claims.Claim(
      'higher at a rate of 20 % than of 30 % in most classes, mean over the'
      ' levels',
      'section 4.1, rate 20 %',
      in_most(lowest, highest),
    ),
    claims.Claim(
      '25 % is between 20 and 30 % in most classes, mean over the levels',
      'section 4.1, rate 25 %',
      in_most(lowest, middle, highest),
    ),
    claims.Claim(
      'lower rates are better: 20 % above 30 %, mean over levels and classes',
      'section 4.1, overall conclusions',
      claims.mean_higher(
        _noisy_cells(lowest, columns), _noisy_cells(highest, columns)
      ),
    ),
    claims.Claim(
      'noise matters less at a rate of 20 %: what 100 % noise costs, beside'
      ' 5 %, is more at 30 %, mean over the classes',
      'section 4.1, rate 20 %',
      claims.contrast(lost[highest], lost[lowest]),
    ),
  )


_NOISES = measures.Benchmark(
  'degradations',
  {'gaussian_noise': corruptions.DEGRADATIONS['gaussian_noise'].amounts},
)
_EPSILONS = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
# By name in the benchmark: title, axis, benchmark, and amounts by column.
_DISTURBED = {
  'gaussian_noise': (
    'Gaussian noise',
    'standard deviation',
    _NOISES,
    {f'noise {one:g}': one for one in _NOISES.amounts['gaussian_noise']},
  ),
} | {
  attack: (
    attack.upper(),
    'epsilon',
    measures.Benchmark(attack, epsilons=_EPSILONS),
    {f'{attack.upper()} {255 * one:g}/255': one for one in _EPSILONS},
  )
  for attack in ('fgsm', 'pgd')
}


def _robustness() -> tables.Table:
  """What the paper claims, and prints no number of."""
  cells, panels, references = {}, [], {}
  for name, (title, axis, benchmark, columns) in _DISTURBED.items():
    for rate in _RATES:
      rows = {_row(arm, rate): arm for arm in noisy_dropout.ARMS}
      references |= dict.fromkeys(rows, _row(_STANDARD, rate))
      panels.append(
        tables.Panel(f'{title}, rate {rate}', axis, columns, tuple(rows))
      )
      for row, arm in rows.items():
        for column, amount in columns.items():
          measure = measures.accuracy_at(name, amount, benchmark)
          cells[row, column] = noisy_dropout.cell(arm, rate, measure)
  return tables.Table(
    'accuracy under Gaussian noise, FGSM and PGD',
    cells,
    reference=_row(_STANDARD, _RATES[0]),
    note='no such figure and no number',
    references=references,
    drawing='curves',
    panels=tuple(panels),
    claims=tuple(_robust_claim(panel) for panel in panels),
    remarks=(noisy_dropout.REMARK,),
  )


def _robust_claim(panel: tables.Panel) -> claims.Claim:
  columns = [name for name, amount in panel.columns.items() if amount]
  standard, _, *noisy = panel.rows
  return claims.Claim(
    f'{panel.title}: noisy dropout enhances robustness, mean over levels and'
    ' amounts',
    'abstract',
    claims.mean_higher(
      [(row, column) for row in noisy for column in columns],
      [(standard, column) for column in columns],
    ),
  )


FIGURES = {'robustness': _robustness()}
TABLES = {'grid': _grid(), 'classes': _classes()}
