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
_NAMES = (
  'airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse',
  'ship', 'truck',
)  # fmt: skip
# The column of each class of CIFAR-10, of which other data sets have no names.
CLASSES = {name: f'class {label}' for label, name in enumerate(_NAMES)}
ABOUT_CLASSES = (
  'classes of CIFAR-10: '
  + ', '.join(f'{label} {name}' for label, name in enumerate(_NAMES))
  + '; it has no fruit, rabbit, train or baby, which the text names as well'
)
_ABOUT_SIMILAR = (
  'similar: the whole interval of the difference is within one point, as the'
  ' paper prints no deviations'
)
_TOP1_ERROR, _TOP5_ERROR = 'top-1 error', 'top-5 error'
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


# What "weighted average accuracy" may mean, by column: recall is the accuracy.
SCORES = {
  measure.name: measure
  for measure in map(measures.weighted_score, ('precision', 'recall', 'f1'))
}
_PRECISION = next(iter(SCORES))
ABOUT_SCORES = (
  "the paper's weighted average accuracy is no accuracy: its smallest is .66,"
  ' where the top-1 error reaches 34.58 %, an accuracy of .654',
  'it stands beside our weighted precision: weighted recall is the accuracy,'
  ' and whether it is precision or F1 the paper does not say',
)


def score_cell(arm: str, rate: str, column: str = _PRECISION) -> tables.Cell:
  """A cell of Figures 9 to 11; the published number stands by precision."""
  published = (_WEIGHTED, _WEIGHTED_NOISY) if column == _PRECISION else ()
  return cell(arm, rate, SCORES[column], *published)


def _classes(rate: str, claim: Sequence[claims.Claim]) -> tables.Table:
  """Figures 3 to 5; the paper draws them without numbers."""
  cells = {
    (arm, column): cell(arm, rate, measures.class_accuracy(label))
    for arm in ARMS
    for label, column in enumerate(CLASSES.values())
  }
  return tables.Table(
    f'accuracy by class, dropout rate {rate}',
    cells,
    reference=_STANDARD,
    note='bars without numbers',
    drawing='bars',
    claims=tuple(claim),
    remarks=(REMARK, ABOUT_CLASSES),
  )


def _bird_at_high_noise() -> claims.Claim:
  return claims.Claim(
    'birds do exceptionally well at high noise: above the mean of the other'
    ' classes at 100 %',
    'section 4.1, rate 20 %',
    _above_other_classes('bird', _NOISY[-1:]),
  )


def _claims_4() -> tuple[claims.Claim, ...]:
  where = 'section 4.1, rate 25 %'
  car = CLASSES['automobile']
  return (
    claims.Claim(
      'birds are recognised well: above the mean of the other classes, mean'
      ' over the levels',
      where,
      _above_other_classes('bird', _NOISY),
    ),
    claims.Claim(
      'birds lose less than the mean class between 5 % and 100 % noise',
      where,
      _loses('bird', less=True),
    ),
    claims.Claim(
      'cars are recognised less at 100 % noise than at 5 %',
      where,
      claims.mean_higher([(_NOISY[0], car)], [(_NOISY[-1], car)]),
    ),
  )


def _claims_5() -> tuple[claims.Claim, ...]:
  where = 'section 4.1, rate 30 %'
  return (
    claims.Claim(
      'dogs lose more than the mean class between 5 % and 100 % noise',
      where,
      _loses('dog'),
    ),
    claims.Claim(
      'airplanes and birds each lose less than the mean class between 5 % and'
      ' 100 % noise',
      where,
      claims.every(
        {name: _loses(name, less=True) for name in ('airplane', 'bird')}
      ),
    ),
  )


def _above_other_classes(name: str, arms: Sequence[str]) -> claims.Judge:
  """Whether the mean over some arms is above that of the other classes."""
  others = [column for one, column in CLASSES.items() if one != name]
  return claims.mean_higher(
    [(arm, CLASSES[name]) for arm in arms],
    [(arm, column) for arm in arms for column in others],
  )


def _loses(name: str, *, less: bool = False) -> claims.Judge:
  """Whether a class loses more, or less, than the mean one by the noise.

  (class - mean) at the lowest level is then above the same at the highest, or
  below.
  """
  share = 1 / len(CLASSES)
  low, high = (
    {(level, column): (one == name) - share for one, column in CLASSES.items()}
    for level in (_NOISY[0], _NOISY[-1])
  )
  return claims.contrast(high, low) if less else claims.contrast(low, high)


def _top_errors(rate: str, *more: claims.Claim) -> tables.Table:
  """Figures 6 to 8."""
  kinds = {
    _TOP1_ERROR: (measures.clean_error(), _TOP1, _TOP1_NOISY),
    _TOP5_ERROR: (measures.top5_error(), _TOP5, _TOP5_NOISY),
  }
  cells = {
    (arm, column): cell(arm, rate, *kind)
    for arm in ARMS
    for column, kind in kinds.items()
  }
  higher = [
    claims.Claim(
      f'{column} higher with noise than standard, at every level',
      'section 4.2, every printed figure',
      claims.every(
        {
          arm: claims.mean_higher([(arm, column)], [(_STANDARD, column)])
          for arm in _NOISY
        }
      ),
    )
    for column in kinds
  ]
  stable = _stable(_TOP5_ERROR, 'section 4.2, general observations')
  return tables.Table(
    f'top-1 and top-5 error, dropout rate {rate}',
    cells,
    reference=_STANDARD,
    note=f'{_LEARNED}; of the noisy ones only a range over the levels',
    shows='error',
    drawing='bars',
    claims=(*higher, stable, *more),
    remarks=(REMARK, _ABOUT_SIMILAR),
  )


def _stable(column: str, where: str) -> claims.Claim:
  """That noise of any level makes no difference to that of the lowest."""
  first, *others = _NOISY
  return claims.Claim(
    f'{column} stable: at every level similar to that at 5 %',
    where,
    claims.every(
      {
        arm: claims.mean_similar([(arm, column)], [(first, column)])
        for arm in others
      }
    ),
  )


def _rises() -> claims.Claim:
  return claims.Claim(
    f'{_TOP1_ERROR} rises with the noise, from 5 % to 100 %',
    'section 4.2, rate 20 %',
    claims.mean_higher([(_NOISY[-1], _TOP1_ERROR)], [(_NOISY[0], _TOP1_ERROR)]),
  )


def _weighted(rate: str, *more: claims.Claim) -> tables.Table:
  """Figures 9 to 11."""
  cells = {
    (arm, column): score_cell(arm, rate, column)
    for arm in ARMS
    for column in SCORES
  }
  return tables.Table(
    f'weighted precision, recall and F1, dropout rate {rate}',
    cells,
    reference=_STANDARD,
    note=f'{_LEARNED}, "weighted average accuracy"; of the noisy ones a range'
    ' over the levels; elsewhere its text says 78 %',
    shows='weighted score',
    drawing='bars',
    claims=more,
    remarks=(REMARK, *ABOUT_SCORES, _ABOUT_SIMILAR),
  )


def _standard_above_every(where: str) -> claims.Claim:
  return claims.Claim(
    f'{_PRECISION} higher of standard than with noise, at every level',
    where,
    claims.every(
      {
        arm: claims.mean_higher([(_STANDARD, _PRECISION)], [(arm, _PRECISION)])
        for arm in _NOISY
      }
    ),
  )


def _claims_9() -> tuple[claims.Claim, ...]:
  where = 'section 4.3, rate 20 %'
  most = [[[(_STANDARD, _PRECISION)], [(arm, _PRECISION)]] for arm in _NOISY]
  return (
    claims.Claim(
      f'{_PRECISION} higher of standard than at most of the levels',
      where,
      claims.in_most(most),
    ),
    _stable(_PRECISION, where),
  )


def _claims_10() -> tuple[claims.Claim, ...]:
  where = 'section 4.3, rate 25 %'
  return (
    _standard_above_every(where),
    claims.Claim(
      f'{_PRECISION} falls with the noise, from 5 % to 100 %',
      where,
      claims.mean_higher([(_NOISY[0], _PRECISION)], [(_NOISY[-1], _PRECISION)]),
    ),
  )


FIGURES = {
  '3': _classes('20 %', [_bird_at_high_noise()]),
  '4': _classes('25 %', _claims_4()),
  '5': _classes('30 %', _claims_5()),
  '6': _top_errors('20 %', _rises()),
  '7': _top_errors('25 %'),
  '8': _top_errors('30 %'),
  '9': _weighted('20 %', *_claims_9()),
  '10': _weighted('25 %', *_claims_10()),
  '11': _weighted('30 %', _standard_above_every('section 4.3, rate 30 %')),
}
