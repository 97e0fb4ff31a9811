import concurrent.futures
import os

import numpy as np
import pytest

from robustjax.data import array_cache

IMAGES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)
LABELS = np.arange(3)


def test_reads_what_was_written_as_a_map(tmp_path):
  array_cache.write(tmp_path / 'cache', IMAGES, LABELS)
  images, labels = array_cache.read(tmp_path / 'cache', 3)
  assert isinstance(images, np.memmap)
  np.testing.assert_array_equal(images, IMAGES)
  np.testing.assert_array_equal(labels, LABELS)


def test_what_is_absent_or_damaged_is_not_read_and_makes_way(tmp_path):
  cache = tmp_path / 'cache'
  assert array_cache.read(cache, 3) is None
  array_cache.write(cache, IMAGES, LABELS)
  assert array_cache.read(cache, 4) is None
  os.truncate(cache / 'images.npy', 20)
  assert array_cache.read(cache, 3) is None
  array_cache.write(cache, IMAGES, LABELS)
  assert array_cache.read(cache, 3) is not None
  assert os.listdir(tmp_path) == ['cache']


def test_writers_that_race_all_find_it(tmp_path):
  cache = tmp_path / 'cache'

  def write_then_read(_):
    array_cache.write(cache, IMAGES, LABELS)
    return array_cache.read(cache, 3) is not None

  with concurrent.futures.ThreadPoolExecutor(4) as pool:
    assert all(pool.map(write_then_read, range(200)))
  assert os.listdir(tmp_path) == ['cache']


def test_a_folder_that_cannot_be_written_to_raises(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(OSError, match='file'):
    array_cache.write(tmp_path / 'file' / 'cache', IMAGES, LABELS)


def test_a_changed_source_has_another_cache(tmp_path):
  folder = tmp_path / 'mnist' / '3.0.1'
  folder.mkdir(parents=True)
  shard = folder / 'mnist-test.array_record'
  shard.write_bytes(b'one')
  before = array_cache.folder_for('test', folder)
  shard.write_bytes(b'three')
  assert array_cache.folder_for('test', folder) != before
  assert array_cache.folder_for('train', folder) != before


def test_makes_once_and_again_only_where_it_cannot_be_kept(tmp_path, caplog):
  made = []

  def make():
    made.append(1)
    return IMAGES, LABELS

  for _ in range(2):
    images, labels = array_cache.read_or_make(tmp_path / 'cache', 3, make)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
  assert len(made) == 1
  (tmp_path / 'file').write_text('')
  images, _ = array_cache.read_or_make(tmp_path / 'file' / 'cache', 3, make)
  np.testing.assert_array_equal(images, IMAGES)
  assert len(made) == 2
  assert 'decoded again next time' in caplog.text


@pytest.mark.parametrize(
  'arrays',
  [
    (IMAGES.astype(np.float32), LABELS),
    (IMAGES[..., 0], LABELS),
    (IMAGES, LABELS.astype(np.float32)),
    (IMAGES, LABELS[:, None]),
  ],
)
def test_other_arrays_are_not_read(tmp_path, arrays):
  array_cache.write(tmp_path / 'cache', *arrays)
  assert array_cache.read(tmp_path / 'cache', 3) is None
