"""The tables and curves of the weight-map paper: test errors, and robustness.

Its figures of robustness, 2 to 4, print no numbers.
"""

from collections.abc import Mapping
import functools

from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import tables

_Cells = Mapping[tables.Place, tables.Cell]
_NOTE = '300 epochs, mean and deviation of 3 runs'
_ERROR = 'test error'
_WHERE = 'section 4.4'  # where the text sums up the tables
_ABOUT_SIMILAR = (
  'similar: the whole interval of the difference is within the larger one of'
  ' the two deviations that the paper prints'
)
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


def _below(row: str, other: str) -> claims.Judge:
  """Whether the test error of a row is lower than another's."""
  return claims.mean_higher([(other, _ERROR)], [(row, _ERROR)])


def _similar(cells: _Cells, row: str, other: str) -> claims.Judge:
  return claims.mean_similar(
    [(row, _ERROR)], [(other, _ERROR)], within=_bound(cells, row, other)
  )


def _not_above(cells: _Cells, row: str, other: str) -> claims.Judge:
  """Whether the test error of a row is similar to another's, or lower."""
  return claims.mean_not_lower(
    [(other, _ERROR)], [(row, _ERROR)], within=_bound(cells, row, other)
  )


def _bound(cells: _Cells, *rows: str) -> float:
  """What counts as similar: the larger one of the printed deviations."""
  return max(cells[row, _ERROR].deviation for row in rows)


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
    claims=_claims_4(cells),
    sizes={row: tables.Size(*size) for row, (*_, size) in _TABLE_4.items()},
    remarks=(
      _ABOUT_SIMILAR,
      'smoothing is, in the text of section 5, around 100 times as cheap as the'
      ' CNN with as many parameters; the GFLOPs it prints, 1.07 and .013, are'
      ' 82 times apart',
    ),
  )


def _claims_4(cells: _Cells) -> tuple[claims.Claim, ...]:
  cnn, wide = 'CNN, 33 channels', 'CNN, wide'
  normalized = 'CNN, batchnorm', 'smoothing, batchnorm'

  def below(text: str, row: str, other: str, where: str = _WHERE):
    return claims.Claim(text, where, _below(row, other))

  return (
    below('smoothing below the CNN of 33 channels', 'smoothing', cnn),
    below('unsharp below the CNN of 33 channels', 'unsharp', cnn),
    below(
      'unsharp below the CNN by a larger margin than smoothing',
      'unsharp',
      'smoothing',
    ),
    below(
      'smoothing below the CNN with as many parameters',
      'smoothing',
      wide,
      'section 5',
    ),
    below('as many parameters as a weight map make the CNN worse', cnn, wide),
    below('batchnorm helps the CNN', 'CNN, batchnorm', cnn),
    below('batchnorm helps smoothing', 'smoothing, batchnorm', 'smoothing'),
    claims.Claim(
      'batchnorm brings the CNN and smoothing to nearly the same level',
      _WHERE,
      _similar(cells, *normalized),
    ),
    below('kernel 9 helps the CNN', 'CNN, kernel 9', cnn),
    below('kernel 9 hurts smoothing', 'smoothing', 'smoothing, kernel 9'),
  )


def _deep_rows(layers) -> dict[str, tuple[str, str]]:
  """Variant of the config and reference, by row."""
  return {
    f'{network}, {layer}': (f'{name}{_LAYERS[layer]}', f'{network}, conv')
    for network, name in _NETWORKS.items()
    for layer in layers
  }


def _deep_table(dataset, layers, published, statements) -> tables.Table:
  """Tables 5 to 7: ResNets and DenseNets on one data set.

  Args:
    dataset: name in `DATASETS`.
    layers: names in `_LAYERS`.
    published: means and deviations of these, by network.
    statements: (cells) to claims.

  Returns:
    The `Table`.
  """
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
    remarks=(_ABOUT_SIMILAR,),
    claims=(*statements(cells), *_claims_on_unsharp(cells)),
  )


def _every(network: str, layers, text: str, judge) -> claims.Claim:
  """A statement on every one of some layers beside those of convolutions.

  Args:
    network: ResNet or DenseNet.
    layers: names in `_LAYERS`.
    text: what is said of them.
    judge: (row, row of convolutions) to the judge of one of them.

  Returns:
    The `Claim`.
  """
  conv = f'{network}, conv'
  rows = [f'{network}, {layer}' for layer in layers]
  parts = {row: judge(row, conv) for row in rows}
  return claims.Claim(f'{network}: {text}', _WHERE, claims.every(parts))


def _above(row: str, other: str) -> claims.Judge:
  return _below(other, row)


def _claims_on_unsharp(cells: _Cells):
  """Of every data set; the discussion is of alternating layers alone."""
  for network in _NETWORKS:
    smoothing, unsharp = (f'{network}, {layer}' for layer in _MIXED)
    yield claims.Claim(
      f'{network}: alternating unsharp similar to alternating smoothing, or'
      ' below',
      'section 5',
      _not_above(cells, unsharp, smoothing),
    )


_PURE = ('smoothing', 'unsharp')
_MIXED = ('alternating smoothing', 'alternating unsharp')


def _claims_5(cells: _Cells):
  text = 'conv below every weight map'
  yield _every('ResNet', (*_PURE, *_MIXED), text, _above)
  text = 'conv below every weight map that does not alternate'
  yield _every('DenseNet', _PURE, text, _above)
  text = 'conv similar to every alternating weight map'
  similar = functools.partial(_similar, cells)
  yield _every('DenseNet', _MIXED, text, similar)


def _claims_6(cells: _Cells):
  del cells  # Nothing is called similar.
  for network in _NETWORKS:
    text = 'conv below every alternating weight map'
    yield _every(network, _MIXED, text, _above)


def _claims_7(cells: _Cells):
  text = 'every alternating weight map below conv'
  yield _every('ResNet', _MIXED, text, _below)
  text = 'conv similar to alternating smoothing'
  similar = functools.partial(_similar, cells)
  yield _every('DenseNet', _MIXED[:1], text, similar)
  text = 'alternating unsharp below conv'
  yield _every('DenseNet', _MIXED[1:], text, _below)


def rows_of(network: str, dataset: str) -> dict[str, str]:
  """Variants that were trained on a data set, by row of its table."""
  if network == 'CNN':
    return {row: variant for row, (variant, *_) in _TABLE_4.items()}
  layers = _LAYERS if dataset == 'MNIST' else _ALTERNATING
  rows = _deep_rows(layers).items()
  return {row: variant for row, (variant, _) in rows if network in row}


TABLES = {
  '4': _table_4(),
  '5': _deep_table('MNIST', _LAYERS, _TABLE_5, _claims_5),
  '6': _deep_table('CIFAR-10', _ALTERNATING, _TABLE_6, _claims_6),
  '7': _deep_table('iWildCam2019', _ALTERNATING, _TABLE_7, _claims_7),
}
