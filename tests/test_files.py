import json
import os
import pathlib

import pytest

from robustjax import errors
from robustjax import files


def _left(folder):
  return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
  'path',
  [
    '', None, 3, b'x', 'a\0', 'a\nb', '~nobody-of-this-name/x', 'gs://bucket/x',
    'file:///x', 'a' * 5000,
  ],
)  # fmt: skip
def test_what_is_no_path_here_is_named(path):
  for check in (files.local_path, files.check_file):
    with pytest.raises(errors.InputError, match='workdir: expected a ') as one:
      check('workdir', path)
    assert '\n' not in str(one.value)


def test_a_path_begins_at_home_and_need_not_be_there(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  assert files.local_path('workdir', '~/x') == tmp_path / 'x'
  assert files.local_path('workdir', pathlib.Path('x')) == pathlib.Path('x')
  (tmp_path / 'x').write_text('')
  files.check_file('file', '~/x')
  with pytest.raises(errors.InputError, match='file: expected a file, got'):
    files.check_file('file', tmp_path)


def test_what_is_set_aside_takes_no_other_s_place(tmp_path):
  for number in range(3):
    path = tmp_path / 'log.txt'
    path.write_text(str(number))
    files.set_aside(path)
  assert not path.exists()
  found = {one.name: one.read_text() for one in tmp_path.iterdir()}
  assert found == {
    'damaged-log.txt': '0', 'damaged-log.txt-2': '1', 'damaged-log.txt-3': '2',
  }  # fmt: skip
  with pytest.raises(errors.InputError, match='log.txt: .*No such file'):
    files.set_aside(path)


def test_a_file_is_written_with_its_folder(tmp_path):
  path = tmp_path / 'new' / 'deep' / 'a.json'
  files.write_json(path, {'step': 3})
  assert json.loads(path.read_text()) == {'step': 3}
  assert _left(path.parent) == ['a.json']


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path):
  path = tmp_path / 'a.txt'
  files.write_text(path, 'old')

  def fail(file):
    file.write(b'half')
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    files.write_whole(path, fail)
  assert path.read_text() == 'old'
  assert _left(tmp_path) == ['a.txt']


def test_a_full_disk_is_named_and_leaves_the_old_file():
  """/dev/full refuses every write, as a full disk does."""

  def to_full_disk(file):
    file.write(b'half')
    with open('/dev/full', 'wb', buffering=0) as full:
      full.write(b'x')

  with pytest.raises(errors.InputError, match='No space left on device'):
    files.write_whole('/tmp/robustjax-never-written', to_full_disk)
  assert not os.path.exists('/tmp/robustjax-never-written')


def test_a_place_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(errors.InputError, match='file/a.json: .*written'):
    files.write_json(tmp_path / 'file' / 'a.json', {})
  (tmp_path / 'folder').mkdir()
  with pytest.raises(errors.InputError, match='folder: .*directory'):
    files.write_json(tmp_path / 'folder', {})
  assert _left(tmp_path) == ['file', 'folder']


ENTRIES = {
  'step': 'an integer', 'accuracy': 'a number or null', 'is_last':
  'true or false', 'name': 'text', 'shape': 'a list', 'config': 'an object',
}  # fmt: skip
GOOD = {
  'step': 3, 'accuracy': 0.5, 'is_last': True, 'name': 'cnn', 'shape': [1, 2],
  'config': {}, 'other': None,
}  # fmt: skip


def test_json_with_all_entries_is_read(tmp_path):
  path = tmp_path / 'a.json'
  for content in (GOOD, GOOD | {'accuracy': None}, GOOD | {'accuracy': 1}):
    files.write_json(path, content)
    assert files.read_json(path, ENTRIES) == content


@pytest.mark.parametrize(
  ('name', 'value'),
  [
    ('step', 3.5), ('step', True), ('step', None), ('accuracy', 'high'),
    ('accuracy', False), ('is_last', 1), ('name', 3), ('shape', {}),
    ('config', []),
  ],
)  # fmt: skip
def test_an_entry_of_another_kind_is_named(tmp_path, name, value):
  path = tmp_path / 'a.json'
  files.write_json(path, GOOD | {name: value})
  with pytest.raises(errors.InputError, match=f'a.json, {name}: expected'):
    files.read_json(path, ENTRIES)


@pytest.mark.parametrize(
  ('content', 'got'),
  [
    (b'', 'damaged'),
    (b'{"step": 3', 'damaged'),
    (b'5', 'int'),
    (b'[' * 100_000, 'damaged'),
    (b'\xff\xfe', 'damaged'),
    (b'{}', 'nothing'),
  ],
)
def test_what_is_no_such_json_is_named_with_its_file(tmp_path, content, got):
  path = tmp_path / 'a.json'
  path.write_bytes(content)
  with pytest.raises(errors.InputError, match=f'a.json.*, got {got}'):
    files.read_json(path, {'step': 'an integer'})


def test_no_file_and_a_folder_are_named(tmp_path):
  with pytest.raises(errors.InputError, match='none.json: .*No such file'):
    files.read_json(tmp_path / 'none.json')
  with pytest.raises(errors.InputError, match='Is a directory'):
    files.read_json(tmp_path)
