import pytest

from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import noiseout_hosts

TABLE_2 = noiseout_hosts.TABLES['2']
CIFAR10 = noiseout_hosts.TABLES['cifar10']


def test_published_figures_of_table_2():
  published = {
    row: cell.mean for (row, _), cell in TABLE_2.cells.items() if cell.mean
  }
  assert published == {
    'baseline': 76.7,
    'ANT': 62.51,
    'ANT + NoiseOut': 61.62,
    'DeepAugment + AugMix': 53.6,
    'DeepAugment + AugMix + NoiseOut': 53.4,
  }
  assert TABLE_2.rows == [
    *('baseline', 'baseline + NoiseOut', 'ANT', 'ANT + NoiseOut'),
    *('DeepAugment + AugMix', 'DeepAugment + AugMix + NoiseOut'),
  ]
  assert {cell.measure.benchmark for cell in TABLE_2.cells.values()} == {
    measures.IMAGENET_C
  }
  assert TABLE_2.shows == 'mCE'


@pytest.mark.parametrize(
  ('table', 'file'), [(TABLE_2, 'imagenet.py'), (CIFAR10, 'cifar10.py')]
)
def test_noiseout_is_compared_with_its_host(table, file):
  configs = {row: cell.config for (row, _), cell in table.cells.items()}
  for row, config in configs.items():
    host = table.reference_of(row)
    if row.endswith(' + NoiseOut'):
      assert config == f'{configs[host]}_noiseout'
    else:
      assert host == 'baseline'
  assert configs['DeepAugment + AugMix'] == f'{file}:deepaugment_augmix'
  assert configs['ANT'] == f'{file}:ant'


def test_the_table_on_cifar10_is_ours():
  assert len(CIFAR10.rows) == 8
  assert not CIFAR10.has_published_values
  assert {cell.measure.benchmark for cell in CIFAR10.cells.values()} == {
    measures.CIFAR10_C
  }


def test_a_lower_mce_is_what_the_paper_claims():
  published = {
    place: {0: cell.mean / 100, 1: cell.mean / 100 + 1e-4}
    for place, cell in TABLE_2.cells.items()
    if cell.mean
  }
  assert [one.judge(published).answer for one in TABLE_2.claims] == [
    claims.HOLDS,
    claims.HOLDS,
  ]


def test_a_higher_accuracy_is_what_is_claimed_on_cifar10():
  values = {
    'baseline': 0.7, 'AugMix': 0.8, 'ANT': 0.75, 'ANT + NoiseOut': 0.74,
    'DeepAugment + AugMix': 0.8, 'DeepAugment + AugMix + NoiseOut': 0.81,
  }  # fmt: skip
  found = {
    (row, 'CIFAR-10-C'): {0: value, 1: value + 1e-4}
    for row, value in values.items()
  }
  answers = [one.judge(found).answer for one in CIFAR10.claims]
  assert answers == [claims.HOLDS, claims.HOLDS, claims.FAILS, claims.HOLDS]
