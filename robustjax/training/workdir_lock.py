"""One run at a time in a working directory."""

from collections.abc import Iterator
import contextlib
import fcntl
import os

from robustjax import errors
from robustjax import files

_FILE = '.lock'


@contextlib.contextmanager
def workdir_lock(workdir: str | os.PathLike) -> Iterator[None]:
  """Holds a working directory; let go even when the process is killed.

  Args:
    workdir: created if need be.

  Yields:
    None.

  Raises:
    errors.InputError: if another run holds it, or it cannot be written to.
  """
  path = files.local_path('workdir', workdir) / _FILE
  with files.writing(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open('w')
  with file:
    with files.writing(path):  # Some network folders have no locks.
      try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError as error:
        expected = 'a folder no other run is writing to'
        raise errors.InputError('workdir', expected, str(workdir)) from error
    yield
