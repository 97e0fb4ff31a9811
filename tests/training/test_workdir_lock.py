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
