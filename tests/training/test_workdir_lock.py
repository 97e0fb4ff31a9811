import pytest

from robustjax import errors
from robustjax.training import workdir_lock


def test_one_holds_it_at_a_time(tmp_path):
  with workdir_lock.workdir_lock(tmp_path):
    refused = pytest.raises(errors.InputError, match='no other run is writing')
    with refused, workdir_lock.workdir_lock(tmp_path):
      pass
  with workdir_lock.workdir_lock(tmp_path):
    pass


def test_a_folder_is_made_and_one_that_cannot_be_is_named(tmp_path):
  with workdir_lock.workdir_lock(tmp_path / 'new' / 'run'):
    assert (tmp_path / 'new' / 'run').is_dir()
  (tmp_path / 'file').write_text('')
  (tmp_path / '.lock').mkdir()
  for folder in (tmp_path / 'file' / 'run', tmp_path):
    refused = pytest.raises(errors.InputError, match='.lock: .*written to')
    with refused, workdir_lock.workdir_lock(folder):
      pass
