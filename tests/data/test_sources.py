import io
import os
import pathlib

import numpy as np
from PIL import Image
import pytest
from sklearn.datasets import load_digits

import robustjax
from robustjax import data
from robustjax import errors
from robustjax.data import array_cache
from robustjax.data import lazy_images
from robustjax.data import photographs
from robustjax.data import sources

_TFDS = os.environ.get('TFDS_DATA_DIR', '')


def _needs(name):
  return pytest.mark.skipif(
    not (pathlib.Path(_TFDS) / name).is_dir(),
    reason=f'TFDS_DATA_DIR names no folder with a prepared {name}',
  )


needs_mnist, needs_imagenet = _needs('mnist'), _needs('imagenet2012')


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


@pytest.mark.parametrize('side', [8, 14])
def test_digits_have_the_side_that_is_asked_for(side):
  found = data.load(f'digits/{side}', 'test')
  assert found.images.shape == (360, side, side, 1)
  assert found.name == f'digits/{side}'
  assert not data.is_photographs(f'digits/{side}')
  usual = data.load('digits', 'test')
  np.testing.assert_array_equal(found.labels, usual.labels)
  if side == 8:  # As scikit-learn has them: no pixel between two.
    values = np.round(np.arange(17) / 16 * 255)
    assert np.isin(found.images, values).all()


@pytest.mark.parametrize('side', ['7', 'x', '1e2', '257'])
def test_a_side_that_digits_cannot_have_is_named(side):
  with pytest.raises(errors.InputError, match='dataset: .*from 8 to 256'):
    data.load(f'digits/{side}', 'test')


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


@pytest.fixture
def shapes(photograph_dir, photograph_files):
  """The test crops of 'shapes', one photograph after the other."""
  whole = [Image.open(io.BytesIO(file)) for file in photograph_files]
  return np.stack([photographs.centre_crop(image, 16) for image in whole])


def test_photographs_come_as_test_crops_when_asked_for(photograph_dir, shapes):
  found = data.load('shapes', 'train', data_dir=photograph_dir, side=16)
  assert found.labels.dtype == np.int32
  assert found.labels.tolist() == list(range(13))
  assert (found.name, found.split, found.num_classes) == ('shapes', 'train', 13)
  assert isinstance(found.images, lazy_images.LazyImages)
  assert found.images.shape == (13, 16, 16, 3)
  np.testing.assert_array_equal(found.images[3:9], shapes[3:9])
  np.testing.assert_array_equal(found.images[-1], shapes[-1])


def test_a_side_is_asked_for_where_sizes_vary_and_only_there(photograph_dir):
  with pytest.raises(errors.InputError, match='side: .*shapes vary.*None'):
    data.load('shapes', 'train', data_dir=photograph_dir)
  for side in (0, 1.5):
    with pytest.raises(errors.InputError, match='side: .*integer'):
      data.load('shapes', 'train', data_dir=photograph_dir, side=side)
  with pytest.raises(errors.InputError, match='side: expected None for digits'):
    data.load('digits', 'train', side=16)
  assert data.is_photographs('shapes', data_dir=photograph_dir)
  assert not data.is_photographs('digits')
  assert not data.is_photographs('iwildcam')
  with pytest.raises(errors.InputError, match='prepare_data.py none'):
    data.is_photographs('none', data_dir=photograph_dir)


def test_a_data_set_without_test_images_gives_its_validation_images(
  photograph_dir,
):
  found = data.load('shapes', 'test', data_dir=photograph_dir, side=8)
  assert (len(found.labels), found.split) == (5, 'validation')


def test_a_damaged_photograph_is_named_when_it_is_read(
  tmp_path, write_photographs, photograph_files
):
  pairs = [(photograph_files[0], 0), (b'nothing', 1)]
  write_photographs(tmp_path, 'few', {'train': pairs}, num_classes=2)
  found = data.load('few', 'train', data_dir=tmp_path, side=8)
  assert found.images[:1].shape == (1, 8, 8, 3)
  with pytest.raises(errors.InputError, match='train_1.jpg .record 1 of few'):
    found.images[:2]


@needs_imagenet
def test_imagenet_is_read_whole_whatever_the_split_is_called():
  found = data.load('imagenet2012', 'test', side=24)
  assert (found.split, found.num_classes) == ('validation', 1000)
  assert found.images[:3].shape == (3, 24, 24, 3)
  # One photograph each of 200 classes.
  assert len(np.unique(found.labels)) == len(found.labels) == 200


def test_a_classifier_is_swept_over_photographs(photograph_dir, shapes, rng):
  weights = rng.normal(size=(16 * 16 * 3, 13)).astype(np.float32)
  predict = lambda images: (images.reshape(-1, len(weights)) - 0.5) @ weights
  lazily = data.load('shapes', 'train', data_dir=photograph_dir, side=16)
  said = np.argmax(predict(shapes / np.float32(255)), axis=1).astype(np.int32)
  found, expected = (
    robustjax.evaluate(
      predict,
      source,
      benchmark='imagenet_c',
      corruptions=['contrast', 'pixelate'],
      severities=[5],
      batch_size=5,
    )
    for source in (lazily._replace(labels=said), (shapes, said))
  )
  assert found.per_set == expected.per_set
  assert len(found.per_set) == 3
  assert found.clean_accuracy == 1
  assert found.corrupted_accuracy < 1


@pytest.mark.slow
@needs_mnist
def test_images_decoded_when_asked_for_are_those_that_are_kept():
  found = sources.open_lazily('mnist_corrupted/fog', 'test')
  expected = data.load('mnist_corrupted/fog', 'test')
  np.testing.assert_array_equal(found.labels, expected.labels)
  assert found.images.shape == expected.images.shape
  for part in (slice(0, 3), slice(9_990, 10_010)):
    np.testing.assert_array_equal(found.images[part], expected.images[part])
  assert found.num_classes == 10


def test_images_of_several_sizes_are_not_opened_as_of_one(photograph_dir):
  with pytest.raises(errors.InputError, match='images of one size, got .*None'):
    sources.open_lazily('shapes', 'train', data_dir=photograph_dir)
