"""Noisy dropout as a whole: all rates and deviations, and robustness.

The grid puts side by side what Figures 9 to 11 show. Of robustness to noise
and attacks, which the paper claims, it prints no number.
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
    (arm, rate): noisy_dropout.weighted_cell(arm, rate)
    for arm in noisy_dropout.ARMS
    for rate in _RATES
  }
  return tables.Table(
    'accuracy by dropout rate and noise',
    cells,
    reference=_STANDARD,
    note='CIFAR-10, 10 epochs, one run; of the noisy ones a range over the'
    ' levels',
    claims=_grid_claims(),
    remarks=(noisy_dropout.REMARK,),
  )


def _grid_claims() -> tuple[claims.Claim, ...]:
  lowest, highest = _RATES[0], _RATES[-1]
  by_rate = _weigh(lambda arm, rate: (rate == lowest) - (rate == highest), 5)
  by_noise = _weigh(
    lambda arm, rate: (arm == _NOISY[0]) - (arm == _NOISY[-1]), 3
  )
  noise_alone = [
    claims.Claim(
      f'noise alone changes little ({arm} below no noise, both unscaled)',
      'Figures 9 to 11; the comparison is ours',
      claims.mean_higher(
        [(_UNSCALED, rate) for rate in _RATES], [(arm, rate) for rate in _RATES]
      ),
    )
    for arm in (_NOISY[0], _NOISY[-1])
  ]
  return (
    claims.Claim(
      'no figure with noise is better than standard: standard above the mean of'
      ' all noisy ones',
      'Figures 6 to 11, as printed',
      claims.mean_higher(
        [(_STANDARD, rate) for rate in _RATES],
        [(arm, rate) for arm in _NOISY for rate in _RATES],
      ),
    ),
    claims.Claim(
      'the loss against standard grows with the rate, from 20 to 30 %',
      'Figures 9 to 11, as printed',
      claims.contrast(
        by_rate | {(_STANDARD, highest): 1.0}, {(_STANDARD, lowest): 1.0}
      ),
    ),
    claims.Claim(
      'the rate costs more, from 20 to 30 %, than a 20-fold deviation',
      'Figures 9 to 11, as printed',
      claims.contrast(by_rate, by_noise),
    ),
    *noise_alone,
  )


def _weigh(
  sign: Callable[[str, str], int], count: int
) -> dict[claims.Place, float]:
  """Weights of a mean difference over the noisy cells of the grid."""
  weights = {
    (arm, rate): sign(arm, rate) / count for arm in _NOISY for rate in _RATES
  }
  return {place: weight for place, weight in weights.items() if weight}


_NOISES = measures.Benchmark(
  'degradations',
  {'gaussian_noise': corruptions.DEGRADATIONS['gaussian_noise'].amounts},
)
_EPSILONS = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255)
_ATTACKS = measures.Benchmark('fgsm', epsilons=_EPSILONS)


def _robustness() -> tables.Table:
  """What the paper claims, and prints no number of."""
  noises = {
    f'noise {amount:g}': amount for amount in _NOISES.amounts['gaussian_noise']
  }
  attacks = {f'FGSM {255 * one:g}/255': one for one in _EPSILONS}
  cells, panels, references = {}, [], {}
  for rate in _RATES:
    rows = {f'{arm}, rate {rate}': arm for arm in noisy_dropout.ARMS}
    references |= {row: f'{_STANDARD}, rate {rate}' for row in rows}
    for title, axis, columns in (
      ('Gaussian noise', 'standard deviation', noises),
      ('FGSM', 'epsilon', attacks),
    ):
      panels.append(
        tables.Panel(f'{title}, rate {rate}', axis, columns, tuple(rows))
      )
    for row, arm in rows.items():
      for column, amount in noises.items():
        measure = measures.accuracy_at('gaussian_noise', amount, _NOISES)
        cells[row, column] = noisy_dropout.cell(arm, rate, measure)
      for column, epsilon in attacks.items():
        measure = measures.accuracy_at('fgsm', epsilon, _ATTACKS)
        cells[row, column] = noisy_dropout.cell(arm, rate, measure)
  panels.sort(key=lambda panel: panel.title)  # A line for each kind of noise.
  return tables.Table(
    'accuracy under Gaussian noise and FGSM',
    cells,
    reference=f'{_STANDARD}, rate 20 %',
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
TABLES = {'grid': _grid()}
