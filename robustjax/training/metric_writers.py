"""Where a run's metrics go: JSON lines, TensorBoard, the terminal."""

from collections.abc import Mapping
import json
import os
import pathlib

import tqdm

from robustjax import files
from robustjax.training import processes

_FILE = 'metrics.jsonl'


def say(line: str) -> None:
  """Prints a line without breaking a progress bar; one process does."""
  if processes.is_first():
    tqdm.tqdm.write(line)


def _step(line: bytes) -> int | None:
  """The step a line is about; None if it is damaged."""
  try:
    step = json.loads(line)['step']
  except (ValueError, LookupError, TypeError, RecursionError):
    return None
  is_step = isinstance(step, int) and not isinstance(step, bool)
  return step if is_step else None


def _kept_lines(path: pathlib.Path, step: int) -> list[bytes]:
  """The lines of steps up to `step`; what is damaged is set aside, and said.

  A killed run may have left half a line at the end, which is dropped.
  """
  if path.is_dir():
    say(f'{path} is a folder: it is now {files.set_aside(path).name}')
  if not path.exists():
    return []
  content = path.read_bytes()
  lines = content.splitlines()
  steps = [_step(line) for line in lines]
  is_cut = lines and steps[-1] is None and not content.endswith(b'\n')
  damaged = steps.count(None) - bool(is_cut)
  if damaged:
    aside = files.set_aside(path).name
    say(f'{path} has {damaged} damaged lines, left out; it is now {aside}')
  pairs = zip(lines, steps, strict=True)
  return [line for line, at in pairs if at is not None and at <= step]


class MetricWriters:
  """Writes scalars by step to metrics.jsonl and to TensorBoard.

  What an earlier run wrote for steps after `step` is dropped: it was done after
  the checkpoint this run resumes from, and is done again.

  Args:
    workdir: the working directory.
    step: the step this run starts from.

  Raises:
    errors.InputError: here or in `write`, if they cannot be written.
  """

  def __init__(self, workdir: str | os.PathLike, step: int):
    import tensorboardX  # pylint: disable=g-import-not-at-top

    folder = files.local_path('workdir', workdir)
    self._path, board = folder / _FILE, folder / 'tensorboard'
    with files.writing(self._path):
      lines = _kept_lines(self._path, step)
      text = b''.join(line + b'\n' for line in lines)
      files.write_whole(self._path, lambda file: file.write(text))
      self._lines = self._path.open('a')
    with files.writing(board):
      if board.exists() and not board.is_dir():
        say(f'{board} is no folder: it is now {files.set_aside(board).name}')
      self._board = tensorboardX.SummaryWriter(str(board), purge_step=step + 1)

  def __enter__(self) -> 'MetricWriters':
    return self

  def __exit__(self, *unused_exception) -> None:
    with files.writing(self._path):
      self._lines.close()
      self._board.close()

  def write(self, step: int, metrics: Mapping[str, float]) -> None:
    """Writes one line and one point per metric."""
    with files.writing(self._path):
      self._lines.write(json.dumps({'step': step, **metrics}) + '\n')
      self._lines.flush()
      for name, value in metrics.items():
        self._board.add_scalar(name, value, step)
