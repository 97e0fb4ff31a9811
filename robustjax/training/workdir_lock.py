"""One run at a time in a working directory."""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import pathlib

from robustjax import errors

_FILE = '.lock'


@contextlib.contextmanager
def workdir_lock(workdir: str | os.PathLike) -> Iterator[None]:
  """Holds a working directory; let go even when the process is killed.

  Args:
    workdir: an existing folder.

  Yields:
    None.

  Raises:
    errors.InputError: if another run holds it.
  """
  path = pathlib.Path(workdir).expanduser() / _FILE
  with path.open('w') as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      expected = 'a folder no other run is writing to'
      raise errors.InputError('workdir', expected, str(workdir)) from error
    yield
