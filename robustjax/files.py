"""Files that appear whole or not at all, and JSON that is checked when read.

Whatever the library writes goes through here, so that a killed process or a
full disk never leaves half a file under a name that something reads later; and
whatever it reads back may be missing, empty, cut, edited, or a folder.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import json
import os
import pathlib
import re
from typing import Any
from typing import BinaryIO

from robustjax import errors

_URL = re.compile(r'[A-Za-z][\w+.-]*://')
# The types JSON has, by what a message calls them.
_KINDS = {
  'text': str,
  'an integer': int,
  'a number': (int, float),
  'true or false': bool,
  'a list': list,
  'an object': dict,
}


def local_path(field: str, path: Any) -> pathlib.Path:
  """The path a user gives, with ~ replaced.

  Args:
    field: name to report.
    path: a `str` or `os.PathLike`.

  Returns:
    A path; nothing needs to be there.

  Raises:
    errors.InputError: if it is empty, no text, a URL such as gs://bucket, has
      characters that do not print, or names a home folder that is not there.
  """
  expected = 'a path on this machine'
  if not isinstance(path, str | os.PathLike):
    raise errors.InputError(field, expected, errors.shown(path))
  text = os.fspath(path)
  if not isinstance(text, str) or not text.isprintable() or not text:
    raise errors.InputError(field, expected, repr(text))
  if _URL.match(text):
    raise errors.InputError(field, expected, repr(text))
  try:
    path = pathlib.Path(text).expanduser()
    with contextlib.suppress(PermissionError):
      path.exists()
    return path
  except OSError as error:  # A name that is too long, links in a circle.
    got = f'{text[:40]}... ({error.strerror})'
    raise errors.InputError(field, expected, got) from error
  except RuntimeError as error:
    expected = 'a home folder that there is'
    raise errors.InputError(field, expected, repr(text)) from error


def check_file(field: str, path: Any) -> None:
  """Raises errors.InputError unless there is such a file.

  Args:
    field: name to report.
    path: what came.

  Raises:
    errors.InputError: if there is none.
  """
  try:
    is_there = local_path(field, path).is_file()
  except errors.InputError:
    is_there = False
  if not is_there:
    raise errors.InputError(field, 'a file', errors.shown(path))


def set_aside(
  path: str | os.PathLike, folder: str | os.PathLike | None = None
) -> pathlib.Path:
  """Renames what is damaged to `damaged-NAME`, so that nothing is lost.

  Args:
    path: of a file or folder.
    folder: where to; by default where it is.

  Returns:
    Its new path.

  Raises:
    errors.InputError: if it cannot be renamed.
  """
  path = pathlib.Path(path)
  folder = path.parent if folder is None else pathlib.Path(folder)
  target, number = folder / f'damaged-{path.name}', 1
  while target.exists():
    number += 1
    target = folder / f'damaged-{path.name}-{number}'
  with writing(path):
    path.rename(target)
  return target


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
  """Names a path whose writing fails, in one line.

  Args:
    path: of what is written.

  Yields:
    None.

  Raises:
    errors.InputError: in the place of an OSError: a full disk, a folder that is
      read-only.
  """
  try:
    yield
  except OSError as error:
    expected = 'a path that can be written to'
    got = error.strerror or str(error)
    raise errors.InputError(str(path), expected, got) from error


def write_whole(
  path: str | os.PathLike, write: Callable[[BinaryIO], object]
) -> None:
  """Writes beside, then renames: the file is the old one or the whole new one.

  Args:
    path: of the file; its folder is made if need be.
    write: writes all of it to an open binary file.

  Raises:
    errors.InputError: if it cannot be written (a full disk, a read-only
      folder). What was there before is there still.
  """
  path = pathlib.Path(path)
  beside = path.with_name(f'.{path.name}.{os.getpid()}.writing')
  with writing(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      with beside.open('wb') as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
      beside.replace(path)
    except BaseException:
      beside.unlink(missing_ok=True)
      raise


def write_text(path: str | os.PathLike, text: str) -> None:
  """`write_whole` of a text, in UTF-8."""
  write_whole(path, lambda file: file.write(text.encode()))


def write_json(path: str | os.PathLike, content: Any) -> None:
  """`write_whole` of what JSON can hold, indented."""
  write_text(path, json.dumps(content, indent=2) + '\n')


def read_json(
  path: str | os.PathLike, entries: Mapping[str, str] | None = None
) -> dict[str, Any]:
  """The object in a JSON file, with the entries it must have.

  Args:
    path: of the file.
    entries: name -> what it must be: 'text', 'an integer', 'a number', 'true or
      false', 'a list', 'an object', or two of them with ' or ' between, or
      'null'. Others may be beside them.

  Returns:
    All entries of the object.

  Raises:
    errors.InputError: named after the file, if there is none, it is no file, no
      JSON, no object, or lacks an entry of that kind.
  """
  path = pathlib.Path(path)
  try:
    content = json.loads(path.read_text(encoding='utf-8'))
  except (OSError, ValueError, RecursionError) as error:
    got = getattr(error, 'strerror', None) or f'damaged ({error})'
    raise errors.InputError(str(path), 'a file of JSON', got) from error
  if not isinstance(content, dict):
    got = type(content).__name__
    raise errors.InputError(str(path), 'an object in JSON', got)
  for name, kinds in (entries or {}).items():
    if name not in content or not _is(content[name], kinds):
      got = repr(content[name])[:60] if name in content else 'nothing'
      raise errors.InputError(f'{path}, {name}', kinds, got)
  return content


def _is(value: Any, kinds: str) -> bool:
  names = [name for name in _KINDS if name in kinds]
  if value is None:
    return 'null' in kinds
  if isinstance(value, bool):
    return 'true or false' in names
  return any(isinstance(value, _KINDS[name]) for name in names)
