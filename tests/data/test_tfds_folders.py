import types

import numpy as np
import pytest

from robustjax import errors
from robustjax.data import tfds_folders


def test_the_newest_version_is_taken(tmp_path):
  for version in ('3.0.9', '3.0.10', 'incomplete.3.0.11'):
    folder = tmp_path / 'mnist' / version
    folder.mkdir(parents=True)
    (folder / 'dataset_info.json').write_text('{}')
  found = tfds_folders.prepared_folder('mnist', data_dir=tmp_path)
  assert found.name == '3.0.10'


def test_data_dir_defaults_to_the_environment(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  assert tfds_folders.default_data_dir() == tmp_path
  monkeypatch.delenv('TFDS_DATA_DIR')
  assert tfds_folders.default_data_dir().name == 'tensorflow_datasets'


def test_a_missing_config_is_named_with_those_there_are(tmp_path):
  folder = tmp_path / 'mnist_corrupted' / 'fog' / '1.0.0'
  folder.mkdir(parents=True)
  (folder / 'dataset_info.json').write_text('{}')
  with pytest.raises(errors.InputError, match='with the configs fog'):
    tfds_folders.prepared_folder('mnist_corrupted', data_dir=tmp_path)


def test_data_dir_may_begin_with_the_home_folder(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  folder = tmp_path / 'sets' / 'mnist' / '3.0.1'
  folder.mkdir(parents=True)
  (folder / 'dataset_info.json').write_text('{}')
  assert tfds_folders.prepared_folder('mnist', data_dir='~/sets') == folder


def _builder(splits):
  """As much of one as `split_of` reads."""
  return types.SimpleNamespace(info=types.SimpleNamespace(splits=splits))


@pytest.mark.parametrize(
  ('name', 'split', 'splits', 'expected'),
  [
    ('a', 'test', ('train', 'test', 'validation'), 'test'),
    ('a', 'test', ('train', 'validation'), 'validation'),
    ('a', 'validation', ('train', 'validation'), 'validation'),
    # Its test labels are not public: they are all -1.
    ('imagenet2012', 'test', ('train', 'validation', 'test'), 'validation'),
    ('imagenet2012', 'train', ('train', 'validation', 'test'), 'train'),
  ],
)
def test_test_may_be_the_validation_images(name, split, splits, expected):
  assert tfds_folders.split_of(name, split, _builder(splits)) == expected


def test_a_split_that_is_not_there_is_named():
  for split, splits in (('test', ('train',)), ('all', ('train', 'test'))):
    with pytest.raises(errors.InputError, match=f'split of a: .*{split!r}'):
      tfds_folders.split_of('a', split, _builder(splits))


def test_records_are_files_labels_and_names(photograph_dir, photograph_files):
  records = tfds_folders.Records('shapes', 'train', data_dir=photograph_dir)
  assert (len(records), records.num_classes) == (13, 13)
  for i in (0, 6, 7, 12):  # Two shards, of seven and six.
    content, label, name = records.read(i)
    assert (content, label) == (photograph_files[i], i)
    assert name == f'train_{i}.jpg (record {i} of shapes train)'
  np.testing.assert_array_equal(records.labels(), np.arange(13))
  pixels = records.decode(3)
  assert pixels.dtype == np.uint8


def test_records_need_no_file_names(
  tmp_path, write_photographs, photograph_files
):
  pairs = {'train': [(photograph_files[0], 0)]}
  write_photographs(
    tmp_path, 'one', pairs, num_classes=1, named=False, num_shards=1
  )
  records = tfds_folders.Records('one', 'train', data_dir=tmp_path)
  assert records.read(0).name == 'record 0 of one train'


def test_labels_outside_the_classes_are_named(
  tmp_path, write_photographs, photograph_files
):
  pairs = {'train': [(photograph_files[0], 0), (photograph_files[0], 7)]}
  write_photographs(tmp_path, 'two', pairs, num_classes=2)
  records = tfds_folders.Records('two', 'train', data_dir=tmp_path)
  with pytest.raises(
    errors.InputError, match=r'0 to 1 \(2 classes\), got 7: train_1.jpg'
  ):
    records.labels()


def test_a_damaged_shard_is_named(
  tmp_path, write_photographs, photograph_files
):
  pairs = {'train': [(file, 0) for file in photograph_files]}
  folder = write_photographs(tmp_path, 'some', pairs, num_classes=1)
  (shard,) = folder.glob('*00001-of*')
  records = tfds_folders.Records('some', 'train', data_dir=tmp_path)
  shard.write_bytes(shard.read_bytes()[:100])
  assert records.read(0).label == 0
  with pytest.raises(errors.InputError, match='intact record 12 of some') as e:
    records.read(12)
  assert '\n' not in str(e.value)


_UNLIMITED = -1  # resource.RLIM_INFINITY, where there is such a module


@pytest.mark.parametrize(
  ('limits', 'expected'),
  [
    ((1024, 20_000), [(2224, 20_000)]),
    ((1024, 2000), [(2000, 2000)]),
    ((1024, _UNLIMITED), [(2224, _UNLIMITED)]),
    ((4096, 20_000), []),
    ((_UNLIMITED, _UNLIMITED), []),
    ((2000, 2000), []),
  ],
)
def test_the_limit_of_open_files_is_raised_where_shards_need_it(
  monkeypatch, limits, expected
):
  resource = pytest.importorskip('resource')
  found = []
  monkeypatch.setattr(resource, 'RLIM_INFINITY', _UNLIMITED)
  monkeypatch.setattr(resource, 'getrlimit', lambda _: limits)
  monkeypatch.setattr(resource, 'setrlimit', lambda _, to: found.append(to))
  tfds_folders._allow_open_files(1200)
  assert found == expected


@pytest.mark.parametrize(
  'name',
  ['', '/etc', '../mnist', 'a/../b', 'a/b/c', '.hidden', 'a\0b', 3, None],
)
def test_a_name_that_would_leave_the_folder_is_refused(tmp_path, name):
  with pytest.raises(errors.InputError, match='dataset: expected a name of'):
    tfds_folders.prepared_folder(name, data_dir=tmp_path)


@pytest.mark.parametrize('data_dir', ['~nobody-of-this-name/x', 3, 'a\0b'])
def test_what_is_no_folder_is_named(data_dir):
  with pytest.raises(errors.InputError, match='data_dir: '):
    tfds_folders.prepared_folder('mnist', data_dir=data_dir)
