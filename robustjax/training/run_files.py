"""What a run's folder says of it: its config, and the shape of its images."""

from collections.abc import Mapping
import os
import pathlib
from typing import Any

import ml_collections

from robustjax import errors
from robustjax import files
from robustjax.training import run_config

GROWING = ('num_epochs', 'num_seeds')  # More of them leave those there as is.
_FILE = 'config.json'
_DATASET_FILE = 'dataset.json'
_GLOB = frozenset('*?[]\\')  # Orbax looks for its own files by patterns.
_LARGEST_SIDE = 2**14


def read(workdir: str | os.PathLike) -> ml_collections.ConfigDict:
  """The config of the run in a working directory.

  Args:
    workdir: where `train` wrote.

  Returns:
    The config, locked.

  Raises:
    errors.InputError: if there is no run, or its config cannot be read.
  """
  path = files.local_path('workdir', workdir) / _FILE
  if not path.exists():
    expected = 'a folder that robustjax.train wrote'
    raise errors.InputError('workdir', expected, f'{workdir}: no {_FILE}')
  content = files.read_json(path)
  try:
    config = ml_collections.ConfigDict(run_config.as_tuples(content))
  except (ValueError, TypeError, KeyError, AttributeError) as error:
    got = str(error).splitlines()[0]
    raise errors.InputError(str(path), 'a config', got) from error
  run_config.validate(config)
  return config.lock()


def check_new(field: str, path: str | os.PathLike) -> pathlib.Path:
  """The folder a run, or several, can be written to.

  Args:
    field: name to report.
    path: as it was given; not made here.

  Returns:
    It, with ~ replaced.

  Raises:
    errors.InputError: if it is no path on this machine, a file, or has
      characters in its name that Orbax takes for a pattern.
  """
  folder = files.local_path(field, path)
  with files.writing(folder):
    is_file = folder.exists() and not folder.is_dir()
    whole = str(folder.resolve())
  if is_file:
    raise errors.InputError(field, 'a folder', repr(str(path)))
  if _GLOB & set(whole):
    expected = f'a folder without {" ".join(sorted(_GLOB))} in its path'
    raise errors.InputError(field, expected, repr(whole))
  return folder


def check(
  workdir: str | os.PathLike, config: ml_collections.ConfigDict
) -> None:
  """Makes sure that a working directory is this config's, or nobody's yet.

  Args:
    workdir: need not be there.
    config: a validated config. In a folder that holds a run already, the fields
      in `run_config.CHANGEABLE` may differ, and those in `GROWING` be larger;
      not so num_seeds in the folder of a single model.

  Raises:
    errors.InputError: if it holds the run of another config, or none that can
      be read.
  """
  folder = check_new('workdir', workdir)
  with files.writing(folder):
    has_config = (folder / _FILE).exists()
    has_checkpoints = (folder / 'checkpoints').exists()
  if has_config:
    _check_same(
      workdir, run_config.flatten(read(workdir)), run_config.flatten(config)
    )
  elif has_checkpoints:
    got = f'{workdir}: checkpoints, but no {_FILE}'
    raise errors.InputError('workdir', 'a new folder, or a run to resume', got)


def claim(
  workdir: str | os.PathLike, config: ml_collections.ConfigDict
) -> None:
  """Makes a working directory this config's. To be called under its lock.

  Args:
    workdir: created if need be.
    config: a validated config.

  Raises:
    errors.InputError: as `check`, or if it cannot be written to.
  """
  check(workdir, config)
  path = files.local_path('workdir', workdir) / _FILE
  files.write_json(path, config.to_dict())


def _check_same(workdir, there: dict[str, Any], here: dict[str, Any]) -> None:
  for field in {**there, **here}:
    if field not in here or field not in there:
      got = f'{workdir}, a run of another model or optimizer ({field})'
      raise errors.InputError('workdir', 'a new folder', got)
    has_grown = field in GROWING and here[field] > there[field]
    if field == 'num_epochs':  # Phases are shares of a run's length.
      has_grown = has_grown and not run_config.has_phases(here)
    if field == 'num_seeds':  # A single model is in the workdir itself.
      has_grown = has_grown and there[field] > 1
    if (
      there[field] != here[field]
      and field not in run_config.CHANGEABLE
      and not has_grown
    ):
      raise errors.InputError(
        'workdir',
        f'a new folder, or the run of this config ({field}={here[field]})',
        f'{workdir}, a run with {field}={there[field]}',
      )


def seed_folder(workdir: str | os.PathLike, seed: int) -> pathlib.Path:
  """Where the model of one seed is, in the workdir of several."""
  return pathlib.Path(workdir).expanduser() / f'seed-{seed}'


def describe_dataset(
  workdir: str | os.PathLike,
  image_shape: tuple[int, int, int],
  num_classes: int,
) -> None:
  """Writes what `restore` has to know of the data set besides its name."""
  path = files.local_path('workdir', workdir) / _DATASET_FILE
  content = {'image_shape': list(image_shape), 'num_classes': num_classes}
  files.write_json(path, content)


def read_dataset(
  workdir: str | os.PathLike,
) -> tuple[tuple[int, int, int], int]:
  """Image shape (H, W, C) and number of classes a run was trained with.

  Args:
    workdir: where `train` wrote.

  Returns:
    Both.

  Raises:
    errors.InputError: if the file that says so is missing or damaged.
  """
  path = files.local_path('workdir', workdir) / _DATASET_FILE
  entries = {'image_shape': 'a list', 'num_classes': 'an integer'}
  content = files.read_json(path, entries)
  shape, num_classes = content['image_shape'], content['num_classes']
  if len(shape) != 3:
    expected = 'the shape of its images (H, W, C)'
    raise errors.InputError(f'{path}, image_shape', expected, str(shape)[:60])
  for name, value in (
    *zip(('image_shape',) * 3, shape, strict=True),
    ('num_classes', num_classes),
  ):
    errors.check_integer(f'{path}, {name}', value, low=1, high=_LARGEST_SIDE)
  return tuple(shape), num_classes


def about(
  config: ml_collections.ConfigDict,
  image_shape: tuple[int, int, int],
  num_classes: int,
) -> Mapping[str, Any]:
  """What a run's checkpoints are kept together with.

  Args:
    config: of the run of one model.
    image_shape: (H, W, C).
    num_classes: number of logits.

  Returns:
    All fields of the config that may not differ when it goes on, and both of
    the others; JSON.
  """
  flat = run_config.flatten(config)
  free = {*run_config.CHANGEABLE, 'num_seeds'}
  if not run_config.has_phases(flat):
    free.add('num_epochs')
  kept = {name: value for name, value in flat.items() if name not in free}
  return kept | {'image_shape': image_shape, 'num_classes': num_classes}
