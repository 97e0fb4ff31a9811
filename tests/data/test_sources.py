import os
import pathlib

import numpy as np
import pytest
from sklearn.datasets import load_digits

from robustjax import data
from robustjax import errors
from robustjax.data import array_cache
from robustjax.data import sources

_TFDS = os.environ.get('TFDS_DATA_DIR', '')
needs_mnist = pytest.mark.skipif(
  not (pathlib.Path(_TFDS) / 'mnist').is_dir(),
  reason='TFDS_DATA_DIR names no folder with a prepared mnist',
)


def _bilinear(image, side):
  """Half-pixel centres, edges repeated, one pixel at a time."""
  size = len(image)
  found = np.zeros((side, side))
  for i in range(side):
    for j in range(side):
      y = min(max((i + 0.5) * size / side - 0.5, 0), size - 1)
      x = min(max((j + 0.5) * size / side - 0.5, 0), size - 1)
      top, left = int(y), int(x)
      bottom, right = min(top + 1, size - 1), min(left + 1, size - 1)
      v, u = y - top, x - left
      found[i, j] = (1 - v) * (
        (1 - u) * image[top, left] + u * image[top, right]
      ) + v * ((1 - u) * image[bottom, left] + u * image[bottom, right])
  return found


def test_digits_are_scikit_learn_s_enlarged_bilinearly():
  train, test = data.load('digits', 'train'), data.load('digits', 'test')
  assert train.images.shape == (1437, 28, 28, 1)
  assert test.images.shape == (360, 28, 28, 1)
  assert train.images.dtype == np.uint8
  assert train.num_classes == test.num_classes == 10
  originals = load_digits().images / 16
  expected = np.rint(_bilinear(originals[0], 28) * 255)
  every = np.concatenate([train.images, test.images])[..., 0].astype(int)
  # Present, up to rounding halves either way.
  assert np.abs(every - expected).max(axis=(1, 2)).min() <= 1


def test_digits_are_split_by_class_and_always_alike():
  first, second = data.load('digits', 'test'), data.load('digits', 'test')
  np.testing.assert_array_equal(first.images, second.images)
  counts = np.bincount(first.labels)
  assert counts.min() >= 34
  assert counts.max() <= 37


def test_an_unprepared_data_set_says_what_to_run(tmp_path):
  with pytest.raises(errors.InputError) as caught:
    data.load('mnist', 'train', data_dir=tmp_path)
  message = str(caught.value)
  assert '\n' not in message
  assert f'launch/prepare_data.py mnist --data_dir={tmp_path}' in message


def test_the_newest_version_is_taken(tmp_path):
  for version in ('3.0.9', '3.0.10', 'incomplete.3.0.11'):
    folder = tmp_path / 'mnist' / version
    folder.mkdir(parents=True)
    (folder / 'dataset_info.json').write_text('{}')
  found = data.prepared_folder('mnist', data_dir=tmp_path)
  assert found.name == '3.0.10'


def test_data_dir_defaults_to_the_environment(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  assert sources.default_data_dir() == tmp_path
  monkeypatch.delenv('TFDS_DATA_DIR')
  assert sources.default_data_dir().name == 'tensorflow_datasets'


def test_an_unknown_split_is_named():
  with pytest.raises(errors.InputError, match='split: .*train | test'):
    data.load('digits', 'validation')


@needs_mnist
def test_mnist_is_decoded_once_then_mapped(monkeypatch):
  first = data.load('mnist', 'test')
  assert first.images.shape == (10_000, 28, 28, 1)
  # The known class sizes of MNIST's test set.
  assert np.bincount(first.labels).tolist() == [
      980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
  ]  # fmt: skip

  def refuse(*unused_arguments):
    raise AssertionError('decoded again')

  monkeypatch.setattr(sources, '_decode', refuse)
  second = data.load('mnist', 'test')
  assert isinstance(second.images, np.memmap)
  np.testing.assert_array_equal(first.images, second.images)


@needs_mnist
def test_a_damaged_cache_is_made_again():
  first = data.load('mnist', 'test')
  folder = sources.prepared_folder('mnist')
  cache = array_cache.folder_for('test', folder)
  with (cache / 'images.npy').open('r+b') as file:
    file.truncate(1000)
  second = data.load('mnist', 'test')
  np.testing.assert_array_equal(first.labels, second.labels)
  assert second.images.shape == first.images.shape


@needs_mnist
def test_tfds_pixels_are_kept():
  import tensorflow_datasets as tfds

  folder = sources.prepared_folder('mnist')
  source = tfds.builder_from_directory(folder).as_data_source('test')
  found = data.load('mnist', 'test')
  for i in (0, 255, 256, 9999):
    np.testing.assert_array_equal(found.images[i], source[i]['image'])
    assert found.labels[i] == source[i]['label']


@needs_mnist
def test_a_cache_that_cannot_be_written_costs_only_a_warning(
  monkeypatch, tmp_path, caplog
):
  (tmp_path / 'file').write_text('')
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
  found = data.load('mnist_corrupted/identity', 'test')
  assert found.images.shape == (10_000, 28, 28, 1)
  assert 'decoded again next time' in caplog.text


@needs_mnist
@pytest.mark.parametrize('name', ['mnist-test', 'dataset_info', 'features'])
def test_a_damaged_data_set_is_named(tmp_path, name):
  folder = sources.prepared_folder('mnist')
  copy = tmp_path / 'mnist' / folder.name
  copy.mkdir(parents=True)
  for path in folder.iterdir():
    (copy / path.name).write_bytes(path.read_bytes())
  (damaged,) = copy.glob(f'{name}*')
  damaged.write_bytes(damaged.read_bytes()[:100])
  with pytest.raises(
    errors.InputError, match="an intact data set 'mnist'"
  ) as e:
    data.load('mnist', 'test', data_dir=tmp_path)
  assert '\n' not in str(e.value)


@needs_mnist
def test_another_format_is_named(tmp_path):
  folder = sources.prepared_folder('mnist')
  copy = tmp_path / 'mnist' / folder.name
  copy.mkdir(parents=True)
  for name in ('dataset_info.json', 'features.json'):
    content = (folder / name).read_text()
    (copy / name).write_text(content.replace('array_record', 'tfrecord'))
  with pytest.raises(
    errors.InputError, match='format array_record, .*tfrecord'
  ):
    data.load('mnist', 'test', data_dir=tmp_path)


def test_a_missing_config_is_named_with_those_there_are(tmp_path):
  folder = tmp_path / 'mnist_corrupted' / 'fog' / '1.0.0'
  folder.mkdir(parents=True)
  (folder / 'dataset_info.json').write_text('{}')
  with pytest.raises(errors.InputError, match='with the configs fog'):
    data.load('mnist_corrupted', 'test', data_dir=tmp_path)


def test_data_dir_may_begin_with_the_home_folder(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  folder = tmp_path / 'sets' / 'mnist' / '3.0.1'
  folder.mkdir(parents=True)
  (folder / 'dataset_info.json').write_text('{}')
  assert data.prepared_folder('mnist', data_dir='~/sets') == folder
