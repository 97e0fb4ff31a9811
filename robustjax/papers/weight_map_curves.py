"""Figures 2 to 4 of the weight-map paper: test error under noise and attack.

Images under uniform noise are scaled back to [0, 1]; attacks are FGSM. The
figures print no numbers.
"""

from collections.abc import Mapping

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
_BETTER, _WORSE = 'more robust than', 'less robust than'
# What the text says of a network under a noise: rows, and how they do.
_SAID = {
  'MNIST': {
    ('CNN', 'uniform_noise'): [
      (('smoothing', 'smoothing, batchnorm', 'smoothing, kernel 9',
        'unsharp'), _BETTER),
    ],
    ('ResNet', 'uniform_noise'): [
      (('ResNet, unsharp', 'ResNet, alternating smoothing',
        'ResNet, alternating unsharp'), _BETTER),
      (('ResNet, smoothing',), _WORSE),
    ],
    ('DenseNet', 'uniform_noise'): [
      (('DenseNet, smoothing', 'DenseNet, unsharp',
        'DenseNet, alternating smoothing', 'DenseNet, alternating unsharp'),
       _BETTER),
    ],
    ('CNN', 'fgsm'): [(('unsharp',), _BETTER)],
    ('ResNet', 'fgsm'): [
      (('ResNet, smoothing', 'ResNet, unsharp',
        'ResNet, alternating smoothing', 'ResNet, alternating unsharp'),
       _WORSE),
    ],
    ('DenseNet', 'fgsm'): [
      (('DenseNet, smoothing', 'DenseNet, unsharp',
        'DenseNet, alternating smoothing'), _BETTER),
    ],
  },
  'CIFAR-10': {
    ('ResNet', 'uniform_noise'): [
      (('ResNet, alternating smoothing',), _WORSE),
    ],
    ('ResNet', 'fgsm'): [
      (('ResNet, alternating smoothing', 'ResNet, alternating unsharp'),
       _WORSE),
    ],
    ('DenseNet', 'fgsm'): [
      (('DenseNet, alternating smoothing', 'DenseNet, alternating unsharp'),
       _BETTER),
    ],
  },
  'iWildCam2019': {
    ('ResNet', 'uniform_noise'): [
      (('ResNet, alternating smoothing', 'ResNet, alternating unsharp'),
       _WORSE),
    ],
    ('DenseNet', 'uniform_noise'): [
      (('DenseNet, alternating smoothing', 'DenseNet, alternating unsharp'),
       _BETTER),
    ],
    ('DenseNet', 'fgsm'): [
      (('DenseNet, alternating smoothing', 'DenseNet, alternating unsharp'),
       _WORSE),
    ],
  },
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
  for (network, noise), statements in _SAID[dataset].items():
    worn = [name for name, amount in columns[noise].items() if amount]
    for rows, how in statements:
      ours = [(row, column) for row in rows for column in worn]
      others = [(_REFERENCES[network], column) for column in worn]
      pair = (others, ours) if how == _BETTER else (ours, others)
      named = '; '.join(rows)
      yield claims.Claim(
        f'{_TITLES[noise]}: {named}: {how} {_REFERENCES[network]}, mean error'
        ' over the amounts',
        'section 4.4',
        claims.higher(*pair),
      )


FIGURES = {
  '2': _figure('MNIST', ('CNN', 'ResNet', 'DenseNet'), _DIGIT_AMOUNTS),
  '3': _figure('CIFAR-10', ('ResNet', 'DenseNet'), _PHOTOGRAPH_AMOUNTS),
  '4': _figure('iWildCam2019', ('ResNet', 'DenseNet'), _PHOTOGRAPH_AMOUNTS),
}
