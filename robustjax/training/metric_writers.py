"""Where a run's metrics go: JSON lines, TensorBoard, the terminal."""

from collections.abc import Mapping
import json
import os
import pathlib

import tqdm

from robustjax.training import processes

_FILE = 'metrics.jsonl'


def say(line: str) -> None:
  """Prints a line without breaking a progress bar; one process does."""
  if processes.is_first():
    tqdm.tqdm.write(line)


def _lines_until(path: pathlib.Path, step: int) -> list[str]:
  """The lines of steps up to `step`; a killed run may have left half a one."""
  kept = []
  for line in path.read_text().splitlines() if path.is_file() else ():
    try:
      entry = json.loads(line)
    except ValueError:
      continue
    if entry['step'] <= step:
      kept.append(line)
  return kept


class MetricWriters:
  """Writes scalars by step to metrics.jsonl and to TensorBoard.

  What an earlier run wrote for steps after `step` is dropped: it was done after
  the checkpoint this run resumes from, and is done again.

  Args:
    workdir: the working directory.
    step: the step this run starts from.
  """

  def __init__(self, workdir: str | os.PathLike, step: int):
    import tensorboardX  # pylint: disable=g-import-not-at-top

    folder = pathlib.Path(workdir).expanduser()
    path = folder / _FILE
    kept = _lines_until(path, step)
    beside = folder / f'{_FILE}.writing'
    beside.write_text(''.join(line + '\n' for line in kept))
    beside.replace(path)
    self._lines = path.open('a')
    self._board = tensorboardX.SummaryWriter(
      str(folder / 'tensorboard'), purge_step=step + 1
    )

  def __enter__(self) -> 'MetricWriters':
    return self

  def __exit__(self, *unused_exception) -> None:
    self._lines.close()
    self._board.close()

  def write(self, step: int, metrics: Mapping[str, float]) -> None:
    """Writes one line and one point per metric."""
    self._lines.write(json.dumps({'step': step, **metrics}) + '\n')
    self._lines.flush()
    for name, value in metrics.items():
      self._board.add_scalar(name, value, step)
