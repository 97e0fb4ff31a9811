"""The tables and curves of the weight-map paper: test errors, and robustness.

Its figures of robustness, 2 to 4, print no numbers.
"""

from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import tables

_NOTE = '300 epochs, mean and deviation of 3 runs'
_ERROR = 'test error'
# Rows of Table 4: variant, published mean and deviation, parameters, GFLOPs.
_TABLE_4 = {
  'CNN, 33 channels': ('cnn', (0.85, 0.11), ('261K', 0.014)),
  'CNN, wide': ('cnn_wide', (1.00, 0.09), ('1.19M', 1.07)),
  'CNN, batchnorm': ('cnn_batchnorm', (0.73, 0.10), ('261K', 0.014)),
  'CNN, kernel 9': ('cnn_kernel9', (0.70, 0.09), ('361K', 0.125)),
  'CNN, input scale': ('cnn_input_scale', (0.86, 0.01), ('261K', 0.014)),
  'smoothing': ('smoothing', (0.79, 0.03), ('1.16M', 0.013)),
  'smoothing, batchnorm': (
    'smoothing_batchnorm', (0.70, 0.07), ('1.16M', 0.013),
  ),
  'smoothing, kernel 9': (
    'smoothing_kernel9', (0.88, 0.04), ('1.16M', 0.119),
  ),
  'unsharp': ('unsharp', (0.73, 0.03), ('1.49M', 0.020)),
}  # fmt: skip
# The layers of a ResNet or DenseNet, by name of the variant's end.
_LAYERS = {
  'conv': '',
  'smoothing': '_smoothing',
  'unsharp': '_unsharp',
  'alternating smoothing': '_alternating_smoothing',
  'alternating unsharp': '_alternating_unsharp',
}
_ALTERNATING = ('conv', 'alternating smoothing', 'alternating unsharp')
_NETWORKS = {'ResNet': 'resnet', 'DenseNet': 'densenet'}
_TABLE_5 = {
  'ResNet': ((0.50, 0.05), (0.80, 0.09), (0.91, 0.14), (0.65, 0.08),
             (0.71, 0.10)),
  'DenseNet': ((0.52, 0.09), (0.67, 0.05), (0.60, 0.04), (0.55, 0.07),
               (0.54, 0.04)),
}  # fmt: skip
_TABLE_6 = {
  'ResNet': ((32.14, 2.20), (39.31, 0.70), (38.49, 0.90)),
  'DenseNet': ((23.18, 0.70), (29.04, 0.40), (30.15, 0.80)),
}
_TABLE_7 = {
  'ResNet': ((23.3, 1.0), (20.43, 0.80), (20.4, 0.4)),
  'DenseNet': ((22.53, 0.80), (22.47, 0.70), (20.7, 1.0)),
}
# Overrides of the config, whose data set is MNIST.
DATASETS = {
  'MNIST': {},
  'CIFAR-10': {'dataset': 'cifar10', 'crop_padding': '0'},
  # It comes with validation images of its own.
  'iWildCam2019': {
    'dataset': 'iwildcam',
    'crop_padding': '0',
    'train_share': '1.0',
    'validation_share': '0.0',
  },
}


def _config(variant: str) -> str:
  return f'weight_map.py:{variant}'


def _lower(text: str, better, worse, where='section 4.4') -> claims.Claim:
  """A statement that the mean test error of some rows is below others'."""
  return claims.Claim(
    text,
    where,
    claims.higher(
      [(row, _ERROR) for row in worse], [(row, _ERROR) for row in better]
    ),
  )


def _table_4() -> tables.Table:
  cells = {
    (row, _ERROR): tables.Cell(
      _config(variant), {}, *published, measure=measures.clean_error()
    )
    for row, (variant, published, _) in _TABLE_4.items()
  }
  return tables.Table(
    'three-layer networks on MNIST',
    cells,
    reference='CNN, 33 channels',
    note=_NOTE,
    shows='error',
    claims=_claims_4(),
    sizes={row: tables.Size(*size) for row, (*_, size) in _TABLE_4.items()},
  )


def _claims_4() -> tuple[claims.Claim, ...]:
  cnn = 'CNN, 33 channels'
  return (
    _lower('smoothing below the CNN of 33 channels', ['smoothing'], [cnn]),
    _lower('unsharp below the CNN of 33 channels', ['unsharp'], [cnn]),
    _lower(
      'smoothing below the CNN with as many parameters',
      ['smoothing'],
      ['CNN, wide'],
      'section 5',
    ),
    _lower('as many parameters do not help the CNN', [cnn], ['CNN, wide']),
    _lower('batchnorm helps the CNN', ['CNN, batchnorm'], [cnn]),
    _lower(
      'batchnorm helps smoothing', ['smoothing, batchnorm'], ['smoothing']
    ),
    _lower('kernel 9 helps the CNN', ['CNN, kernel 9'], [cnn]),
    _lower('kernel 9 hurts smoothing', ['smoothing'], ['smoothing, kernel 9']),
  )


def _deep_rows(layers) -> dict[str, tuple[str, str]]:
  """Variant of the config and reference, by row."""
  return {
    f'{network}, {layer}': (f'{name}{_LAYERS[layer]}', f'{network}, conv')
    for network, name in _NETWORKS.items()
    for layer in layers
  }


def _deep_table(dataset, layers, published, statements) -> tables.Table:
  """Tables 5 to 7: ResNets and DenseNets on one data set."""
  rows = _deep_rows(layers)
  numbers = [pair for network in _NETWORKS for pair in published[network]]
  cells = {
    (row, _ERROR): tables.Cell(
      _config(variant),
      DATASETS[dataset],
      *number,
      measure=measures.clean_error(),
    )
    for (row, (variant, _)), number in zip(rows.items(), numbers, strict=True)
  }
  return tables.Table(
    f'ResNets and DenseNets on {dataset}',
    cells,
    reference='ResNet, conv',
    note=_NOTE,
    shows='error',
    references={row: reference for row, (_, reference) in rows.items()},
    claims=tuple(statements),
  )


def _of(network: str, layers) -> list[str]:
  return [f'{network}, {layer}' for layer in layers]


def _against_conv(network, layers, *, are_better, text) -> claims.Claim:
  ours, conv = _of(network, layers), _of(network, ['conv'])
  pair = (ours, conv) if are_better else (conv, ours)
  return _lower(f'{network}: {text}', *pair)


_MAPS = tuple(_LAYERS)[1:]


def _claims_5():
  worse = {'are_better': False}
  yield _against_conv(
    'ResNet', _MAPS, text='conv below all weight maps', **worse
  )
  text = 'conv below the weight maps that do not alternate'
  yield _against_conv('DenseNet', _MAPS[:2], text=text, **worse)


def _claims_6():
  for network in _NETWORKS:
    yield _against_conv(
      network, _MAPS[2:], are_better=False, text='conv below the weight maps'
    )


def _claims_7():
  yield _against_conv(
    'ResNet', _MAPS[2:], are_better=True, text='weight maps below conv'
  )
  yield _against_conv(
    'DenseNet',
    _MAPS[3:],
    are_better=True,
    text='alternating unsharp below conv',
  )


def rows_of(network: str, dataset: str) -> dict[str, str]:
  """Variants that were trained on a data set, by row of its table."""
  if network == 'CNN':
    return {row: variant for row, (variant, *_) in _TABLE_4.items()}
  layers = _LAYERS if dataset == 'MNIST' else _ALTERNATING
  rows = _deep_rows(layers).items()
  return {row: variant for row, (variant, _) in rows if network in row}


TABLES = {
  '4': _table_4(),
  '5': _deep_table('MNIST', _LAYERS, _TABLE_5, _claims_5()),
  '6': _deep_table('CIFAR-10', _ALTERNATING, _TABLE_6, _claims_6()),
  '7': _deep_table('iWildCam2019', _ALTERNATING, _TABLE_7, _claims_7()),
}
