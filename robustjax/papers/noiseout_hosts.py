"""NoiseOut added to other methods: its Table 2, and the same on CIFAR-10.

Table 2 holds the mean corruption error on ImageNet-C of a ResNet-50, lower is
better. The paper gives NoiseOut on top of ANT and of DeepAugment + AugMix; the
plain network with NoiseOut is added here. The table on CIFAR-10 is ours: mean
accuracy on CIFAR-10-C of a small residual network.
"""

from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import tables

_GENERATED = (
  'corrupted images are generated from the test images, not the published files'
)
_STARTS = (
  'ANT and DeepAugment + AugMix start from a trained ResNet-50 in their papers:'
  ' --override=initial_weights=FILE, with --rows for the runs it is meant for'
)
_HOSTS = {
  'baseline': 'baseline',
  'AugMix': 'augmix',
  'ANT': 'ant',
  'DeepAugment + AugMix': 'deepaugment_augmix',
}
# mCE in per cent; the paper tests NoiseOut at a rate of 20 per cent.
_TABLE_2 = {
  'baseline': 76.7,
  'baseline + NoiseOut': None,
  'ANT': 62.51,
  'ANT + NoiseOut': 61.62,
  'DeepAugment + AugMix': 53.6,
  'DeepAugment + AugMix + NoiseOut': 53.4,
}
_SUFFIX = ' + NoiseOut'


def _config(file: str, row: str) -> str:
  """The config of a row: a host, with NoiseOut or without."""
  host = _HOSTS[row.removesuffix(_SUFFIX)]
  return f'{file}:{host}{"_noiseout" if row.endswith(_SUFFIX) else ""}'


def _references(rows) -> dict[str, str]:
  """NoiseOut is compared with its host, a host with the baseline."""
  return {
    row: row.removesuffix(_SUFFIX) for row in rows if row.endswith(_SUFFIX)
  }


def _table_2() -> tables.Table:
  column = 'ImageNet-C'
  cells = {
    (row, column): tables.Cell(
      _config('imagenet.py', row),
      {},
      published,
      measure=measures.mean_corruption_error(),
    )
    for row, published in _TABLE_2.items()
  }
  return tables.Table(
    'mean corruption error on ImageNet-C, NoiseOut on top of other methods',
    cells,
    reference='baseline',
    note='single runs',
    shows='mCE',
    references=_references(_TABLE_2),
    others=(
      measures.relative_mean_corruption_error(),
      measures.clean_accuracy(measures.IMAGENET_C),
      measures.corrupted_accuracy(measures.IMAGENET_C),
    ),
    claims=_claims_2(column),
    remarks=(_GENERATED, _STARTS),
  )


def _claims_2(column: str) -> tuple[claims.Claim, ...]:
  return tuple(
    claims.Claim(
      f'NoiseOut lowers the mCE of {host}',
      'Table 2',
      claims.mean_higher([(host, column)], [(host + _SUFFIX, column)]),
    )
    for host in ('ANT', 'DeepAugment + AugMix')
  )


def _cifar10() -> tables.Table:
  measure = measures.corrupted_accuracy(measures.CIFAR10_C)
  rows = [name for host in _HOSTS for name in (host, host + _SUFFIX)]
  cells = {
    (row, 'CIFAR-10-C'): tables.Cell(
      _config('cifar10.py', row), {}, measure=measure
    )
    for row in rows
  }
  return tables.Table(
    'accuracy on CIFAR-10-C, NoiseOut on top of other methods',
    cells,
    reference='baseline',
    note='no figures for CIFAR-10: this table is ours',
    references=_references(rows),
    others=(measures.clean_accuracy(measures.CIFAR10_C),),
    claims=_claims_cifar10(),
    remarks=(_GENERATED,),
  )


def _claims_cifar10() -> tuple[claims.Claim, ...]:
  """What the paper says of ImageNet-C, and what the hosts' own papers do."""
  column = 'CIFAR-10-C'
  found = [
    claims.Claim(
      f'{host} above the baseline',
      f'paper of {host}',
      claims.mean_higher([(host, column)], [('baseline', column)]),
    )
    for host in ('AugMix', 'ANT')
  ]
  found += [
    claims.Claim(
      f'NoiseOut raises the accuracy of {host}',
      'Table 2, of ImageNet-C',
      claims.mean_higher([(host + _SUFFIX, column)], [(host, column)]),
    )
    for host in ('ANT', 'DeepAugment + AugMix')
  ]
  return tuple(found)


TABLES = {'2': _table_2(), 'cifar10': _cifar10()}
