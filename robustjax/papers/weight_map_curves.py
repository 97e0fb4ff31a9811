"""Figures 2 to 4 of the weight-map paper: test error under noise and attack.

Images under uniform noise are scaled back to [0, 1]; attacks are FGSM. The
figures print no numbers.
"""

from collections.abc import Mapping
from typing import NamedTuple

from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import tables
from robustjax.papers import weight_map

_AXES = {'uniform_noise': 'largest noise', 'fgsm': 'epsilon'}
_TITLES = {'uniform_noise': 'uniform noise', 'fgsm': 'FGSM'}
_DIGIT_AMOUNTS = {
  'uniform_noise': tuple(tenths / 10 for tenths in range(11)),
  'fgsm': (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
}
# Of photographs. The range is ours: the paper's is in its figure only.
_PHOTOGRAPH_AMOUNTS = {
  'uniform_noise': tuple(step / 20 for step in range(11)),
  'fgsm': (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255),
}
# The networks of a figure, and the row others of each are compared with.
_REFERENCES = {
  'CNN': 'CNN, 33 channels',
  'ResNet': 'ResNet, conv',
  'DenseNet': 'DenseNet, conv',
}
_PURE = ('smoothing', 'unsharp')
_MIXED = ('alternating smoothing', 'alternating unsharp')


def _rows(network: str, layers) -> tuple[str, ...]:
  return tuple(f'{network}, {layer}' for layer in layers)


_MAPS = {
  'CNN': (
    'smoothing', 'smoothing, batchnorm', 'smoothing, kernel 9', 'unsharp',
  ),
  'ResNet': _rows('ResNet', (*_PURE, *_MIXED)),
  'DenseNet': _rows('DenseNet', (*_PURE, *_MIXED)),
}  # fmt: skip
_DEEP = {network: _rows(network, _MIXED) for network in ('ResNet', 'DenseNet')}


class _Said(NamedTuple):
  """What the text says of some rows, each against the reference of them all.

  Attributes:
    network: whose reference they are compared with.
    noise: a name in `_AXES`.
    how: a name in `_HOW`.
    rows: names of them.
    where: in the paper.
  """

  network: str
  noise: str
  how: str
  rows: tuple[str, ...]
  where: str = 'section 4.4'


_UNIFORM, _FGSM = 'uniform_noise', 'fgsm'
_SAID = {
  'MNIST': (
    # "All of the variants, except" smoothing in the place of every layer.
    _Said('CNN', _UNIFORM, 'every better', _MAPS['CNN']),
    _Said('ResNet', _UNIFORM, 'every better', _MAPS['ResNet'][1:]),
    _Said('ResNet', _UNIFORM, 'every same or worse', _MAPS['ResNet'][:1]),
    _Said('DenseNet', _UNIFORM, 'every better', _MAPS['DenseNet']),
    *(
      _Said(network, _UNIFORM, 'one better', rows, 'section 5')
      for network, rows in _MAPS.items()
    ),
    _Said('CNN', _FGSM, 'every better', ('unsharp',)),
    _Said('CNN', _FGSM, 'every similar', _MAPS['CNN'][:3]),
    _Said('ResNet', _FGSM, 'every same or worse', _MAPS['ResNet']),
    _Said('DenseNet', _FGSM, 'every better', _MAPS['DenseNet'][:3]),
    _Said('DenseNet', _FGSM, 'every similar', _MAPS['DenseNet'][3:]),
    *(
      _Said(network, _FGSM, 'one better', _MAPS[network], 'section 5')
      for network in ('CNN', 'DenseNet')
    ),
    # "Batchnorm alone doesn't protect".
    *(
      _Said('CNN', noise, 'every same or worse', ('CNN, batchnorm',),
            'section 5')
      for noise in (_UNIFORM, _FGSM)
    ),
  ),
  'CIFAR-10': (
    _Said('ResNet', _UNIFORM, 'every crossing', _DEEP['ResNet'][1:]),
    _Said('DenseNet', _UNIFORM, 'every crossing', _DEEP['DenseNet']),
    _Said('ResNet', _UNIFORM, 'worse everywhere', _DEEP['ResNet'][:1]),
    *(
      _Said(network, _UNIFORM, 'one better', rows, 'section 5')
      for network, rows in _DEEP.items()
    ),
    _Said('ResNet', _FGSM, 'worse on average', _DEEP['ResNet']),
    _Said('DenseNet', _FGSM, 'better on average', _DEEP['DenseNet']),
  ),
  'iWildCam2019': (
    _Said('ResNet', _UNIFORM, 'every worse', _DEEP['ResNet']),
    _Said('DenseNet', _UNIFORM, 'every better', _DEEP['DenseNet']),
    _Said('ResNet', _FGSM, 'every similar', _DEEP['ResNet']),
    _Said('DenseNet', _FGSM, 'worse on average', _DEEP['DenseNet']),
  ),
}  # fmt: skip


def _figure(dataset: str, networks, amounts) -> tables.Table:
  columns = {
    noise: {f'{noise} {amount:.3g}': amount for amount in values}
    for noise, values in amounts.items()
  }
  cells, panels, references = {}, [], {}
  for noise, numbers in columns.items():
    for network in networks:
      rows = weight_map.rows_of(network, dataset)
      references |= dict.fromkeys(rows, _REFERENCES[network])
      title = f'{network}, {_TITLES[noise]}'
      panel = tables.Panel(title, _AXES[noise], numbers, tuple(rows))
      panels.append(panel)
      cells |= _cells(rows, weight_map.DATASETS[dataset], noise, numbers)
  return tables.Table(
    f'test error under uniform noise and FGSM, {dataset}',
    cells,
    reference=_REFERENCES[networks[0]],
    note='curves without numbers',
    shows='error',
    references=references,
    drawing='curves',
    panels=tuple(panels),
    claims=tuple(_claims(dataset, columns)),
    remarks=(
      'as robust: the whole interval of the difference is within one point, as'
      ' the paper prints no deviations here',
    ),
  )


def _benchmark(noise: str, amounts: tuple[float, ...]) -> measures.Benchmark:
  if noise == 'fgsm':
    return measures.Benchmark('fgsm', epsilons=amounts)
  return measures.Benchmark('degradations', {noise: amounts})


def _cells(rows, overrides, noise: str, columns: Mapping[str, float]):
  benchmark = _benchmark(noise, tuple(columns.values()))
  return {
    (row, column): tables.Cell(
      f'weight_map.py:{variant}',
      overrides,
      measure=measures.error_at(noise, amount, benchmark),
    )
    for row, variant in rows.items()
    for column, amount in columns.items()
  }


def _claims(dataset: str, columns):
  for said in _SAID[dataset]:
    noisy = {name: one for name, one in columns[said.noise].items() if one}
    reference = _REFERENCES[said.network]
    text, judge = _HOW[said.how]
    if len(said.rows) == 1:
      text = text.removeprefix('every one ')
    named = '; '.join(said.rows)
    yield claims.Claim(
      f'{_TITLES[said.noise]}: {named}: {text.format(reference)}',
      said.where,
      judge(said.rows, reference, noisy),
    )


def _curve(row: str, columns) -> list[claims.Place]:
  return [(row, column) for column in columns]


def _less_robust(row: str, other: str, columns) -> claims.Judge:
  """Whether the mean error of a row over the columns is the higher one."""
  return claims.mean_higher(_curve(row, columns), _curve(other, columns))


def _more_robust(row: str, other: str, columns) -> claims.Judge:
  return _less_robust(other, row, columns)


def _not_more_robust(row: str, other: str, columns) -> claims.Judge:
  return claims.mean_not_lower(_curve(row, columns), _curve(other, columns))


def _similar(row: str, other: str, columns) -> claims.Judge:
  """Whether two curves are alike at every column: means may hide a crossing."""
  return claims.every(
    {
      column: claims.mean_similar([(row, column)], [(other, column)])
      for column in columns
    }
  )


def _crossing(row: str, other: str, columns) -> claims.Judge:
  amounts = list(columns.values())
  curves = _curve(row, columns), _curve(other, columns)
  return claims.crosses_below(*curves, amounts)


def _each(judge, combine=claims.every):
  """Judges every row, or one, by itself."""

  def judge_rows(rows, reference, columns) -> claims.Judge:
    return combine({row: judge(row, reference, columns) for row in rows})

  return judge_rows


def _worse_everywhere(rows, reference, columns) -> claims.Judge:
  return claims.every(
    {
      f'{row}, {name}': _less_robust(row, reference, {name: amount})
      for row in rows
      for name, amount in columns.items()
    }
  )


def _worse_on_average(rows, reference, columns) -> claims.Judge:
  ours = [place for row in rows for place in _curve(row, columns)]
  return claims.mean_higher(ours, _curve(reference, columns))


def _better_on_average(rows, reference, columns) -> claims.Judge:
  ours = [place for row in rows for place in _curve(row, columns)]
  return claims.mean_higher(_curve(reference, columns), ours)


_OVER = 'mean error over the amounts'
# Text, with the reference to be filled in, and (rows, reference, columns) ->
# judge of the amounts above 0.
_HOW = {
  'every better': (
    f'every one more robust than {{}}, {_OVER}', _each(_more_robust),
  ),
  'every worse': (
    f'every one less robust than {{}}, {_OVER}', _each(_less_robust),
  ),
  'every same or worse': (
    f'every one as robust as {{}} or less, {_OVER}', _each(_not_more_robust),
  ),
  'every similar': (
    'every one as robust as {}, at every amount', _each(_similar),
  ),
  'one better': (
    f'at least one more robust than {{}}, {_OVER}',
    _each(_more_robust, claims.any_of),
  ),
  'every crossing': (
    'every one less robust than {} at the least noise, and more robust as it'
    ' grows, mean over the larger half of the amounts',
    _each(_crossing),
  ),
  'worse everywhere': (
    'less robust than {} at every amount', _worse_everywhere,
  ),
  'worse on average': (
    'on average less robust than {}, mean error over rows and amounts',
    _worse_on_average,
  ),
  'better on average': (
    'on average more robust than {}, mean error over rows and amounts',
    _better_on_average,
  ),
}  # fmt: skip


FIGURES = {
  '2': _figure('MNIST', ('CNN', 'ResNet', 'DenseNet'), _DIGIT_AMOUNTS),
  '3': _figure('CIFAR-10', ('ResNet', 'DenseNet'), _PHOTOGRAPH_AMOUNTS),
  '4': _figure('iWildCam2019', ('ResNet', 'DenseNet'), _PHOTOGRAPH_AMOUNTS),
}
