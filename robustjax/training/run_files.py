"""What a run's folder says of it: its config, and the shape of its images."""

import json
import os
import pathlib
from typing import Any

import ml_collections

from robustjax import errors
from robustjax.training import run_config

GROWING = ('num_epochs', 'num_seeds')  # More of them leave those there as is.
_FILE = 'config.json'
_DATASET_FILE = 'dataset.json'


def read(workdir: str | os.PathLike) -> ml_collections.ConfigDict:
  """The config of the run in a working directory.

  Args:
    workdir: where `train` wrote.

  Returns:
    The config, locked.

  Raises:
    errors.InputError: if there is no run, or its config cannot be read.
  """
  path = pathlib.Path(workdir).expanduser() / _FILE
  if not path.is_file():
    expected = 'a folder that robustjax.train wrote'
    raise errors.InputError('workdir', expected, f'{workdir}: no {_FILE}')
  try:
    content = run_config.as_tuples(json.loads(path.read_text()))
    config = ml_collections.ConfigDict(content)
  except ValueError as error:
    got = f'{path} ({error})'
    raise errors.InputError('workdir', 'a config in JSON', got) from error
  run_config.validate(config)
  return config.lock()


def claim(
  workdir: str | os.PathLike, config: ml_collections.ConfigDict
) -> None:
  """Makes a working directory this config's, or makes sure that it is.

  Args:
    workdir: created if need be.
    config: a validated config. In a folder that holds a run already, the fields
      in `run_config.CHANGEABLE` may differ, and those in `GROWING` be larger;
      not so num_seeds in the folder of a single model.

  Raises:
    errors.InputError: if it holds the run of another config, or cannot be
      written to.
  """
  if not os.fspath(workdir):
    raise errors.InputError('workdir', 'a folder', repr(workdir))
  folder = pathlib.Path(workdir).expanduser()
  path = folder / _FILE
  if path.is_file():
    _check_same(
      workdir, run_config.flatten(read(workdir)), run_config.flatten(config)
    )
  elif (folder / 'checkpoints').exists():
    got = f'{workdir}: checkpoints, but no {_FILE}'
    raise errors.InputError('workdir', 'a new folder, or a run to resume', got)
  try:
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(path, config.to_dict())
  except OSError as error:
    expected = 'a folder that can be written to'
    raise errors.InputError('workdir', expected, f'{error}') from error


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
  path = pathlib.Path(workdir).expanduser() / _DATASET_FILE
  content = {'image_shape': list(image_shape), 'num_classes': num_classes}
  _write_json(path, content)


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
  path = pathlib.Path(workdir).expanduser() / _DATASET_FILE
  try:
    content = json.loads(path.read_text())
    return tuple(content['image_shape']), content['num_classes']
  except (OSError, ValueError, KeyError, TypeError) as error:
    expected = 'a run with the shape of its images'
    raise errors.InputError('workdir', expected, f'no sound {path}') from error


def _write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
  """Writes beside, then renames: a killed run leaves no half-written file."""
  beside = path.with_name(f'{path.name}.writing')
  beside.write_text(json.dumps(content, indent=2) + '\n')
  beside.replace(path)
