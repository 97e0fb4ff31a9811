"""The figures of noisy dropout: a grid of three rates and five deviations.

Every rate has two controls: dropout as usual, which the paper calls standard,
and noisy dropout without noise, which separates the noise from the missing
division by 1 - rate. All figures share these runs.
"""

from collections.abc import Sequence

from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import tables

_BASE = 0.1595  # the paper's deviation of CIFAR-10
RATES = {'20 %': '0.2', '25 %': '0.25', '30 %': '0.3'}
_LEVELS = ('5 %', '10 %', '30 %', '50 %', '100 %')
_STANDARD, _UNSCALED = 'standard', 'unscaled, no noise'
_NOISY = tuple(f'noise {level}' for level in _LEVELS)
ARMS = (_STANDARD, _UNSCALED, *_NOISY)
# Classes of CIFAR-10; the text also names classes it has not.
_CLASSES = (
  'airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse',
  'ship', 'truck',
)  # fmt: skip
_LEARNED = 'CIFAR-10, 10 epochs, one run'
REMARK = 'noise: its deviation in per cent of 0.1595'

# Published, in per cent, by rate. With noise the text gives ranges.
_TOP1 = {'20 %': 25.52, '25 %': 26.18, '30 %': 25.29}
_TOP1_NOISY = {
  '20 %': (28.89, 31.32), '25 %': (None, 32.38), '30 %': (None, 34.58),
}  # fmt: skip
_TOP5 = {'20 %': 1.93, '25 %': 1.71, '30 %': 1.96}
_TOP5_NOISY = {
  '20 %': (None, 3.10), '25 %': (None, 2.98), '30 %': (None, 3.05),
}  # fmt: skip
_WEIGHTED = {'20 %': 74.0, '25 %': 73.0, '30 %': 74.0}
_WEIGHTED_NOISY = {
  '20 %': (70.0, 72.0), '25 %': (68.0, 70.0), '30 %': (66.0, 68.0),
}  # fmt: skip


def _run(arm: str, rate: str) -> tuple[str, dict[str, str]]:
  """Config and overrides of an arm at a rate."""
  overrides = {'noisy_dropout.rate': RATES[rate]}
  if arm == _STANDARD:
    return 'noisy_dropout.py:standard', overrides
  if arm == _UNSCALED:
    return 'noisy_dropout.py:unscaled', overrides
  share = float(_LEVELS[_NOISY.index(arm)].split()[0]) / 100
  deviation = f'{share * _BASE:.6g}'
  return (
    'noisy_dropout.py:noisy_dropout',
    overrides | {'noisy_dropout.stddev': deviation},
  )


def cell(arm, rate, measure, standard=None, noisy=None) -> tables.Cell:
  """A cell, with what is published of an arm of its kind."""
  found = tables.Cell(*_run(arm, rate), measure=measure)
  if arm == _STANDARD and standard is not None:
    return found._replace(mean=standard[rate])
  if arm in _NOISY and noisy is not None:
    return found._replace(between=noisy[rate])
  return found


def weighted_cell(arm: str, rate: str) -> tables.Cell:
  """A cell of Figures 9 to 11."""
  measure = measures.weighted_accuracy()
  return cell(arm, rate, measure, _WEIGHTED, _WEIGHTED_NOISY)


def _classes(rate: str, claim: Sequence[claims.Claim]) -> tables.Table:
  """Figures 3 to 5; the paper draws them without numbers."""
  cells = {
    (arm, f'class {label}'): cell(arm, rate, measures.class_accuracy(label))
    for arm in ARMS
    for label in range(len(_CLASSES))
  }
  named = ', '.join(f'{label} {name}' for label, name in enumerate(_CLASSES))
  return tables.Table(
    f'accuracy by class, dropout rate {rate}',
    cells,
    reference=_STANDARD,
    note='bars without numbers',
    drawing='bars',
    claims=tuple(claim),
    remarks=(
      REMARK,
      f'classes of CIFAR-10: {named}; the text also names fruit, rabbit, train'
      ' and baby, which it does not have',
    ),
  )


def _class_place(arm: str, name: str) -> claims.Place:
  return arm, f'class {_CLASSES.index(name)}'


def _bird_claim() -> claims.Claim:
  others = [name for name in _CLASSES if name != 'bird']
  return claims.Claim(
    'birds do exceptionally well at high noise: above the mean of the other'
    ' classes at 100 %',
    'section 4.1, rate 20 %',
    claims.mean_higher(
      [_class_place(_NOISY[-1], 'bird')],
      [_class_place(_NOISY[-1], name) for name in others],
    ),
  )


def _dog_claim() -> claims.Claim:
  """(dogs - mean) at the lowest level, minus the same at the highest."""
  share = 1 / len(_CLASSES)
  every = {level: {} for level in (_NOISY[0], _NOISY[-1])}
  for level in every:
    for name in _CLASSES:
      every[level][_class_place(level, name)] = (name == 'dog') - share
  return claims.Claim(
    'dogs lose more than the mean class between 5 % and 100 % noise',
    'section 4.1, rate 30 %',
    claims.contrast(every[_NOISY[0]], every[_NOISY[-1]]),
  )


def _top_errors(rate: str) -> tables.Table:
  """Figures 6 to 8."""
  kinds = {
    'top-1 error': (measures.clean_error(), _TOP1, _TOP1_NOISY),
    'top-5 error': (measures.top5_error(), _TOP5, _TOP5_NOISY),
  }
  cells = {
    (arm, column): cell(arm, rate, *kind)
    for arm in ARMS
    for column, kind in kinds.items()
  }
  return tables.Table(
    f'top-1 and top-5 error, dropout rate {rate}',
    cells,
    reference=_STANDARD,
    note=f'{_LEARNED}; of the noisy ones only a range over the levels',
    shows='error',
    drawing='bars',
    claims=tuple(
      claims.Claim(
        f'{column} higher with noise than standard, mean over the levels',
        'section 4.2, every printed figure',
        claims.mean_higher(
          [(arm, column) for arm in _NOISY], [(_STANDARD, column)]
        ),
      )
      for column in kinds
    ),
    remarks=(REMARK,),
  )


def _weighted(rate: str) -> tables.Table:
  """Figures 9 to 11."""
  column = 'weighted average accuracy'
  cells = {(arm, column): weighted_cell(arm, rate) for arm in ARMS}
  return tables.Table(
    f'weighted average accuracy, dropout rate {rate}',
    cells,
    reference=_STANDARD,
    note=f'{_LEARNED}; of the noisy ones a range over the levels; elsewhere'
    ' its text says 78 %',
    drawing='bars',
    claims=(
      claims.Claim(
        'lower with noise than standard, mean over the levels',
        'section 4.3',
        claims.mean_higher(
          [(_STANDARD, column)], [(arm, column) for arm in _NOISY]
        ),
      ),
    ),
    remarks=(
      REMARK,
      'recall by class, weighted by the number of its images, is the accuracy',
    ),
  )


FIGURES = {
  '3': _classes('20 %', [_bird_claim()]),
  '4': _classes('25 %', []),
  '5': _classes('30 %', [_dog_claim()]),
  '6': _top_errors('20 %'),
  '7': _top_errors('25 %'),
  '8': _top_errors('30 %'),
  '9': _weighted('20 %'),
  '10': _weighted('25 %'),
  '11': _weighted('30 %'),
}
