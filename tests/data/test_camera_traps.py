"""On folders the tests write, in the layout of the competition."""

import csv
import functools

import numpy as np
from PIL import Image
import pytest

from robustjax import data
from robustjax import errors
from robustjax.data import camera_traps

PER_CLASS = 10
COLUMNS = ('category_id', 'date_captured', 'file_name', 'location')


def _write_csv(folder, rows, columns=COLUMNS):
  with (folder / 'train.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows(rows)


def _write_photograph(path, category, number):
  """46 x 64 in colour; its median tells category and number."""
  level = 12 * category + number
  colour = np.random.default_rng(level).integers(-2, 3, size=(46, 64, 3))
  Image.fromarray((colour + level).clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
  """Twelve photographs of each class, and some of animals not asked for."""
  root = tmp_path_factory.mktemp('sets')
  folder = root / 'iwildcam'
  (folder / 'train_images').mkdir(parents=True)
  rows = []
  for category in (0, 8, *camera_traps.CATEGORIES.values()):
    for number in range(12):
      name = f'{number}-{category}.png'
      rows.append((category, '2011-05-13 23:43:18', name, 33))
      path = folder / 'train_images' / name
      _write_photograph(path, category, number)
  _write_csv(folder, rows)
  return root


def _load(data_dir, split='train', **options):
  options = {'images_per_class': PER_CLASS} | options
  return camera_traps.load(split, data_dir=data_dir, **options)


def test_the_classes_are_those_of_the_paper_with_their_published_ids():
  # Copied from the competition's page.
  published = [
      'empty', 'deer', 'moose', 'squirrel', 'rodent', 'small_mammal', 'elk',
      'pronghorn_antelope', 'rabbit', 'bighorn_sheep', 'fox', 'coyote',
      'black_bear', 'raccoon', 'skunk', 'wolf', 'bobcat', 'cat', 'dog',
      'opossum', 'bison', 'mountain_goat', 'mountain_lion',
  ]  # fmt: skip
  assert all(published[i] == n for n, i in camera_traps.CATEGORIES.items())
  assert camera_traps.CLASSES == (
      'deer', 'squirrel', 'rodent', 'fox', 'coyote', 'raccoon', 'skunk', 'cat',
      'dog', 'opossum')  # fmt: skip


def test_parts_are_balanced_and_hold_every_photograph_once(data_dir):
  parts = {split: _load(data_dir, split) for split in camera_traps.SHARES}
  for split, count in (('train', 7), ('validation', 2), ('test', 1)):
    part = parts[split]
    assert part.images.shape == (10 * count, 23, 32, 1)
    assert part.images.dtype == np.uint8
    assert np.bincount(part.labels).tolist() == [count] * 10
    assert (part.name, part.split, part.num_classes) == ('iwildcam', split, 10)
  images = np.concatenate([part.images for part in parts.values()])
  labels = np.concatenate([part.labels for part in parts.values()])
  levels = np.median(images, axis=(1, 2, 3)).astype(int)
  assert len(np.unique(levels)) == 10 * PER_CLASS
  ids = np.array(list(camera_traps.CATEGORIES.values()))
  numbers = levels - 12 * ids[labels]
  assert ((numbers >= 0) & (numbers < 12)).all()


def test_a_pixel_is_the_mean_grey_of_those_it_covers(tmp_path, rng):
  colour = rng.integers(0, 256, size=(46, 64, 3), dtype=np.uint8)
  Image.fromarray(colour).save(tmp_path / 'one.png')
  grey = colour @ np.array([0.299, 0.587, 0.114])
  expected = grey.reshape(23, 2, 32, 2).mean(axis=(1, 3))
  found = camera_traps._read(tmp_path / 'one.png')
  # Rounded to a level twice: grey, and reduced.
  np.testing.assert_allclose(found, expected, rtol=0, atol=1.01)
  assert abs(found.mean() - expected.mean()) < 0.1


def test_the_seed_chooses(data_dir):
  def every(seed):
    parts = [_load(data_dir, split, seed=seed) for split in camera_traps.SHARES]
    return {image.tobytes() for part in parts for image in part.images}

  first, other = every(0), every(1)
  assert len(first) == len(other) == 10 * PER_CLASS
  assert first != other


def test_the_seed_splits_and_the_order_of_the_file_does_not(data_dir, tmp_path):
  first, other = (_load(data_dir, seed=seed) for seed in (0, 1))
  assert not np.array_equal(first.images, other.images)
  source = data_dir / 'iwildcam'
  folder = tmp_path / 'iwildcam'
  folder.mkdir()
  (folder / 'train_images').symlink_to(source / 'train_images')
  lines = (source / 'train.csv').read_text().splitlines()
  (folder / 'train.csv').write_text('\n'.join([lines[0], *lines[:0:-1]]))
  reversed_file = _load(tmp_path)
  np.testing.assert_array_equal(first.images, reversed_file.images)


def test_photographs_are_decoded_once(data_dir, monkeypatch):
  first = _load(data_dir)
  monkeypatch.setattr(camera_traps, '_decode', None)
  again = _load(data_dir)
  assert isinstance(again.images, np.memmap)
  np.testing.assert_array_equal(first.images, again.images)
  np.testing.assert_array_equal(first.labels, again.labels)


def test_is_loaded_by_its_name(data_dir, monkeypatch):
  load = functools.partial(camera_traps.load, images_per_class=PER_CLASS)
  monkeypatch.setattr(camera_traps, 'load', load)
  found = data.load('iwildcam', 'validation', data_dir=data_dir)
  assert found.split == 'validation'
  expected = _load(data_dir, 'validation')
  np.testing.assert_array_equal(found.images, expected.images)


def test_a_thousand_of_each_class_are_wanted(data_dir):
  with pytest.raises(errors.InputError) as caught:
    data.load('iwildcam', 'validation', data_dir=data_dir)
  message = str(caught.value)
  assert '1000 photographs of each of ten classes, got 12 of deer' in message
  assert '12 of opossum' in message
  assert '\n' not in message


def _bad(tmp_path, rows=(), columns=COLUMNS):
  folder = tmp_path / 'iwildcam'
  (folder / 'train_images').mkdir(parents=True)
  _write_csv(folder, rows, columns)
  return folder


def _rows(count=PER_CLASS):
  return [
    (category, '', f'{category}-{number}.jpg', 1)
    for category in camera_traps.CATEGORIES.values()
    for number in range(count)
  ]


def test_a_folder_without_the_files_is_named(tmp_path):
  with pytest.raises(
    errors.InputError, match='data_dir: .*iwildcam-2019-fgvc6'
  ):
    data.load('iwildcam', 'train', data_dir=tmp_path)


def test_missing_columns_are_named(tmp_path):
  _bad(tmp_path, columns=('category', 'file_name'))
  with pytest.raises(errors.InputError, match='category_id, got .*category, '):
    _load(tmp_path)


@pytest.mark.parametrize('row', [('deer', '', 'a.jpg', 1), ('',)])
def test_a_damaged_csv_is_named(tmp_path, row):
  _bad(tmp_path, [*_rows(), row])
  with pytest.raises(
    errors.InputError, match=r'an intact train\.csv'
  ) as caught:
    _load(tmp_path)
  assert '\n' not in str(caught.value)


def test_missing_and_short_classes_are_listed(tmp_path):
  rows = [row for row in _rows() if row[0] != camera_traps.CATEGORIES['fox']]
  _bad(tmp_path, rows[:-3])
  with pytest.raises(errors.InputError, match='got 0 of fox, 7 of opossum$'):
    _load(tmp_path)


def test_a_missing_and_a_damaged_photograph_are_named(tmp_path):
  folder = _bad(tmp_path, _rows())
  with pytest.raises(errors.InputError, match=r'no file .*\.jpg'):
    _load(tmp_path)
  for category in camera_traps.CATEGORIES.values():
    for number in range(PER_CLASS):
      path = folder / 'train_images' / f'{category}-{number}.jpg'
      _write_photograph(path, category, number)
  damaged = folder / 'train_images' / '10-3.jpg'
  damaged.write_bytes(damaged.read_bytes()[:300])
  found = []
  for split in camera_traps.SHARES:
    try:
      _load(tmp_path, split)
    except errors.InputError as error:
      found.append(str(error))
  (message,) = found  # It is in one part only.
  assert 'can be decoded, got' in message
  assert '10-3.jpg: ' in message


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'split': 'valid'}, "split: .*'validation'"),
    ({'images_per_class': 0}, 'images_per_class: '),
    ({'seed': -1}, 'seed: '),
    ({'images_per_class': 4}, 'shares: .*4 images of class 0'),
  ],
)
def test_bad_options_are_named(data_dir, options, message):
  with pytest.raises(errors.InputError, match=message):
    _load(data_dir, **options)


def test_a_deep_photograph_is_named(tmp_path):
  """Pillow would cut more than 8 bits: all but the darkest would be white."""
  path = tmp_path / 'deep.png'
  Image.fromarray(np.full((40, 40), 300, np.uint16)).save(path)
  with pytest.raises(errors.InputError, match='deep.png: ValueError'):
    camera_traps._read(path)


def test_a_file_name_stays_in_its_folder(tmp_path):
  _bad(tmp_path, rows=[(1, '', '../../secret.jpg', 1)])
  with pytest.raises(errors.InputError, match='names of files in train_images'):
    _load(tmp_path)
