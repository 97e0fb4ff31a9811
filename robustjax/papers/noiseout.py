"""The tables of NoiseOut: MNIST-C accuracy in per cent, mean and deviation."""

from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import tables

_MEASURE = measures.mean_accuracy(measures.MNIST_C)
_OTHERS = (
  measures.corrupted_accuracy(measures.MNIST_C),
  measures.clean_accuracy(measures.MNIST_C),
)
_RATES = {'0 %': '0.0', '10 %': '0.1', '20 %': '0.2', '30 %': '0.3'}
_VARIANTS = {
  'CNN': 'noiseout.py:cnn',
  'NoiseOut': 'noiseout.py:noiseout',
  'NoiseOut FIG': 'noiseout.py:noiseout_fig',
}
_UNREADABLE = (None, None)

# By row: (mean, deviation) at a rate of 0, 10, 20 and 30 per cent.
_TABLE_1 = {
  'CNN': ((87.43, 1.29), (87.39, 0.85), (87.51, 1.45), (86.07, 1.53)),
  'NoiseOut': ((91.09, 0.55), (91.71, 0.35), (92.03, 0.37), (89.89, 0.46)),
  'NoiseOut FIG': ((91.51, 0.47), (92.05, 0.39), (92.30, 0.40), (92.19, 0.43)),
}
_TABLE_3 = {
  '0.0': _TABLE_1['NoiseOut'],
  '0.5': _TABLE_1['NoiseOut FIG'],
  '1.0': ((90.93, 0.47), (91.90, 0.47), (92.25, 0.31), (92.42, 0.30)),
  '1.5': ((90.53, 0.46), (91.51, 0.47), (92.22, 0.36), (92.44, 0.26)),
  '2.0': ((89.63, 1.26), (91.39, 0.53), (91.82, 0.46), (92.46, 0.24)),
}
# By column and model, at 10, 20 and 30 per cent.
_TABLE_4 = {
  'additive': {
    'CNN': ((88.44, 0.83), (87.70, 0.51), (87.08, 0.06)),
    'NoiseOut': ((91.25, 0.13), (90.69, 0.15), (91.15, 0.06)),
    'NoiseOut FIG': (_UNREADABLE, _UNREADABLE, _UNREADABLE),
  },
  'uniform': {
    'CNN': ((19.03, 12.06), (10.87, 0.41), (19.86, 6.02)),
    'NoiseOut': ((87.50, 0.34), (74.47, 0.55), (65.19, 5.52)),
    'NoiseOut FIG': ((91.78, 0.02), (88.46, 0.85), (75.96, 2.55)),
  },
  'median_blur': {
    'CNN': ((87.42, 0.20), (88.99, 0.10), (88.31, 0.57)),
    'NoiseOut': ((91.00, 0.08), (91.07, 0.23), (90.78, 0.31)),
    'NoiseOut FIG': ((91.54, 0.18), (91.41, 0.10), (91.39, 0.25)),
  },
  'layer_injection': {
    'CNN': ((89.51, 0.21), (89.35, 0.15), (71.31, 3.03)),
    'NoiseOut': ((91.84, 0.14), (92.06, 0.09), (89.60, 0.44)),
    'NoiseOut FIG': ((92.14, 0.15), (91.88, 0.19), (91.08, 0.14)),
  },
  'noise_injection': {model: row[1:] for model, row in _TABLE_1.items()},
}


def _cell(config, overrides, mean=None, deviation=None) -> tables.Cell:
  return tables.Cell(config, overrides, mean, deviation, measure=_MEASURE)


def _table_1() -> tables.Table:
  cells = {
    (model, rate): _cell(_VARIANTS[model], {'noise.rate': value}, *published)
    for model, row in _TABLE_1.items()
    for (rate, value), published in zip(_RATES.items(), row, strict=True)
  }
  return tables.Table(
    'MNIST-C accuracy by share of hidden states replaced by noise',
    cells,
    reference='CNN',
    note='14 epochs, mean and deviation of 10 runs',
    others=_OTHERS,
    claims=_claims_1(),
  )


def _claims_1() -> tuple[claims.Claim, ...]:
  found = [
    claims.Claim(
      f'{model} above the CNN at {rate}',
      'Table 1',
      claims.mean_higher([(model, rate)], [('CNN', rate)]),
    )
    for model in ('NoiseOut', 'NoiseOut FIG')
    for rate in _RATES
  ]
  found += [
    claims.Claim(
      f'the FIG loss helps at {rate}',
      'Table 1',
      claims.mean_higher([('NoiseOut FIG', rate)], [('NoiseOut', rate)]),
    )
    for rate in _RATES
  ]
  return tuple(found)


def _table_3() -> tables.Table:
  cells = {}
  for weight, row in _TABLE_3.items():
    for (rate, value), published in zip(_RATES.items(), row, strict=True):
      overrides = {'noise.rate': value}
      config = _VARIANTS['NoiseOut']
      if weight != '0.0':
        overrides['fig.weight'] = weight
        config = _VARIANTS['NoiseOut FIG']
      cell = _cell(config, overrides, *published)
      cells[f'lambda {weight}', rate] = cell
  return tables.Table(
    'MNIST-C accuracy of NoiseOut FIG by lambda',
    cells,
    reference='lambda 0.0',
    note='14 epochs, mean and deviation of 10 runs',
    others=_OTHERS,
  )


def _table_4() -> tables.Table:
  cells = {}
  for model, without_noise in _TABLE_1.items():
    for place, (rate, value) in enumerate(_RATES.items()):
      for strategy, rows in _TABLE_4.items():
        overrides = {'noise.rate': value}
        published = without_noise[0]
        if place:  # Without noise there is no strategy.
          overrides['noise.strategy'] = strategy
          published = rows[model][place - 1]
        cell = _cell(_VARIANTS[model], overrides, *published)
        cells[f'{model}, {rate}', strategy] = cell
  return tables.Table(
    'MNIST-C accuracy by what replaces hidden states',
    cells,
    reference='CNN, 0 %',
    note='14 epochs, mean and deviation of several runs',
    others=_OTHERS,
  )


# Figure 8: sizes of a random projection of the hidden state. The paper marks
# accuracy against 50 x the number of classes and prints no numbers.
_HIDDEN_SIZES = (16, 32, 64, 128, 256, 500, 1000, 2048, 4608, 9216)


def _figure_8() -> tables.Table:
  cells = {
    (model, str(size)): _cell(
      config, {'noise.rate': '0.2', 'model.hidden_size': str(size)}
    )
    for model, config in _VARIANTS.items()
    for size in _HIDDEN_SIZES
  }
  return tables.Table(
    'MNIST-C accuracy by size of the hidden state, 20 % noise',
    cells,
    reference='CNN',
    note='a figure without numbers',
    others=_OTHERS,
    drawing='curves',
    panels=(
      tables.Panel(
        'MNIST-C',
        'size of the hidden state',
        {str(size): size for size in _HIDDEN_SIZES},
        is_logarithmic=True,
        mark=50 * 10,
      ),
    ),
  )


CURVES = {'8': _figure_8()}
TABLES = {'1': _table_1(), '3': _table_3(), '4': _table_4()}

# Table 5: seconds for 14 epochs on an RTX 3090, mean and deviation.
TRAINING_SECONDS = {'CNN': (230.76, 0.77), 'NoiseOut': (237.91, 1.96)}
