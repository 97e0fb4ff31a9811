import json
import os
import pathlib

import pytest

from robustjax import errors
from robustjax.evaluation import published

_TFDS = os.environ.get('TFDS_DATA_DIR', '')


def _needs(name):
  return pytest.mark.skipif(
    not (pathlib.Path(_TFDS) / name).is_dir(),
    reason=f'TFDS_DATA_DIR names no folder with a prepared {name}',
  )


def _prepare(folder, name, split, num_shards=2):
  """What a prepared data set looks like from outside."""
  folder = folder / name / '1.0.0'
  folder.mkdir(parents=True)
  splits = [{'name': split, 'shardLengths': ['5'] * num_shards}]
  (folder / 'dataset_info.json').write_text(json.dumps({'splits': splits}))
  for i in range(num_shards):
    end = f'array_record-{i:05}-of-{num_shards:05}'
    (folder / f'{name.split("/")[0]}-{split}.{end}').write_text('')
  return folder


def test_configurations_have_tfds_s_names(tmp_path):
  _prepare(tmp_path, 'cifar10_corrupted/frosted_glass_blur_3', 'test')
  _prepare(tmp_path, 'cifar10_corrupted/elastic_3', 'test')
  _prepare(tmp_path, 'cifar10_corrupted/fog_3', 'test')
  _prepare(tmp_path, 'imagenet2012_corrupted/glass_blur_5', 'validation')
  find = lambda name: published.find(name, data_dir=tmp_path)
  find('cifar10_c').check(['glass_blur', 'elastic_transform', 'fog'], [3])
  find('imagenet_c').check(['glass_blur'], [5])
  assert find('imagenet_c').description == 'TFDS imagenet2012_corrupted 1.0.0'
  assert find('mnist_c').description == 'TFDS mnist_corrupted'
  with pytest.raises(errors.InputError, match='imagenet2012_corrupted/fog_5'):
    find('imagenet_c').check(['glass_blur', 'fog'], [5])


def test_incomplete_data_sets_are_named(tmp_path):
  folder = _prepare(tmp_path, 'mnist_corrupted/fog', 'test')
  sets = published.find('mnist_c', data_dir=tmp_path)
  sets.check(['fog'])
  next(folder.glob('*00000-of*')).unlink()
  with pytest.raises(errors.InputError, match='1 of 2 array_record files'):
    sets.check(['fog'])
  for content in ('{}', '{"splits": [', '{"splits": [{"name": "train"}]}'):
    (folder / 'dataset_info.json').write_text(content)
    with pytest.raises(errors.InputError, match='json without split test'):
      sets.check(['fog'])


@_needs('mnist_corrupted')
def test_the_regenerated_mnist_c_is_whole():
  sets = published.find('mnist_c')
  sets.check()
  assert sets.description == 'TFDS mnist_corrupted 1.0.0'


def test_a_damaged_data_set_is_named(tmp_path):
  _prepare(tmp_path, 'imagenet2012_corrupted/fog_1', 'validation')
  sets = published.find('imagenet_c', data_dir=tmp_path)
  with pytest.raises(errors.InputError, match='intact data set .*fog_1') as e:
    sets.open('fog', 1)
  assert '\n' not in str(e.value)
