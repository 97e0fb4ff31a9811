"""What a run's config may hold, and what is built from it.

A config is an `ml_collections.ConfigDict`, as the files in configs/ make them.
Every field is checked before anything else happens; nothing has a default here.
"""

import ast
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

import jax
import ml_collections

from robustjax import attribution
from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax.training import losses
from robustjax.training import optimizer
from robustjax.training import progression

GATES = ('none', *layers.GATE_KINDS)
DTYPES = ('float32', 'bfloat16', 'float64')
SELECTIONS = ('last', 'best')
_FILE = 'config.json'
_DATASET_FILE = 'dataset.json'
# What the other fields of a config put there, or the data set does.
_NOT_OPTIONS = (
  'name', 'parent', 'dtype', 'num_classes', 'flattened', 'penultimate',
  'dropout',
)  # fmt: skip
_infinity = float('inf')


def _text(field: str, value: Any) -> None:
  if not isinstance(value, str) or not value:
    raise errors.InputError(field, 'a name', repr(value))


def _names(field: str, value: Any) -> None:
  if not isinstance(value, str):
    expected = "names with commas between, or ''"
    raise errors.InputError(field, expected, repr(value))


def _among(choices) -> Callable[[str, Any], None]:
  return lambda field, value: errors.check_choice(field, value, choices)


def _within(low: float, high: float = _infinity, *, open_low: bool = False):
  def check(field, value):
    errors.check_range(field, value, low=low, high=high, open_low=open_low)

  return check


def _at_least(low: int) -> Callable[[str, Any], None]:
  return lambda field, value: errors.check_integer(field, value, low=low)


def _flag(field: str, value: Any) -> None:
  if not isinstance(value, bool):
    raise errors.InputError(field, 'True or False', repr(value))


def _dtype(field: str, value: Any) -> None:
  errors.check_choice(field, value, DTYPES)
  if value == 'float64' and not jax.config.jax_enable_x64:
    expected = 'JAX_ENABLE_X64=1 in the environment for float64'
    raise errors.InputError(field, expected, 'JAX_ENABLE_X64=0')


_direction = _among(progression.DIRECTIONS)
_positive = _within(0, open_low=True)

# Those of every config. A config's model section has the options of its model
# besides, its optimizer section those of its optimizer.
FIELDS: dict[str, Callable[[str, Any], None]] = {
  'variant': _text,
  'seed': random_keys.check_seed,
  'num_seeds': _at_least(1),
  'dataset': _text,
  'train_share': _within(0, 1, open_low=True),
  'validation_share': _within(0, 1),
  'selection': _among(SELECTIONS),
  'crop_padding': _at_least(0),
  'blur.sigma': _within(0),
  'blur.progression': _direction,
  'input_noise.stddev': _within(0),
  'input_noise.progression': _direction,
  'model.name': _among(models.MODELS),
  'model.dtype': _dtype,
  'loss': _among(losses.LOSSES),
  'noise.rate': _within(0, 1),
  'noise.strategy': _among(layers.STRATEGIES),
  'noise.progression': _direction,
  'gate.kind': _among(GATES),
  'gate.maximum': _positive,
  'fig.weight': _within(0),
  'fig.progression': _direction,
  'fig.score': _among(losses.SCORES),
  'fig.through_gate': _flag,
  'fig.num_steps': _at_least(1),
  'fig.rule': _among(attribution.RULES),
  'fig.reduction': _among(losses.REDUCTIONS),
  'fig.hidden': _among(losses.HIDDEN),
  'penultimate_noise.stddev': _within(0),
  'penultimate_noise.progression': _direction,
  'snr_noise.variance_ratio': _within(0),
  'snr_noise.progression': _direction,
  'snr_noise.per': _among(layers.VARIANCES),
  'snr_noise.skip': _names,
  'noisy_dropout.rate': _within(0, 1),
  'noisy_dropout.stddev': _within(0),
  'noisy_dropout.progression': _direction,
  'noisy_dropout.where': _among(layers.PLACES),
  'noisy_dropout.rescale': _flag,
  'noisy_dropout.relative': _flag,
  'noisy_dropout.correlation': _within(0),
  'progression.shape': _among(progression.SHAPES),
  'progression.first_phase': _within(0, 1),
  'progression.second_phase': _within(0, 1),
  'optimizer.name': _among(optimizer.METHODS),
  'optimizer.learning_rate': _positive,
  'optimizer.schedule': _among(optimizer.SCHEDULES),
  'optimizer.decay': _within(0, 1, open_low=True),
  'batch_size': _at_least(1),
  'num_epochs': _at_least(1),
  'log_every': _at_least(1),
  'checkpoint_every': _at_least(1),
}
OPTIMIZER_FIELDS: dict[str, Callable[[str, Any], None]] = {
  'rho': _within(0, 1),
  'epsilon': _positive,
  'momentum': _within(0, 1),
  'beta1': _within(0, 1),
  'beta2': _within(0, 1),
}
# Fields that say nothing where another one, named first, is as given.
_IDLE = {
  ('noise.rate', 0): ('noise.strategy', 'noise.progression'),
  ('gate.kind', 'none'): ('gate.maximum',),
  ('fig.weight', 0): (
    'fig.progression', 'fig.score', 'fig.through_gate', 'fig.num_steps',
    'fig.rule', 'fig.reduction', 'fig.hidden',
  ),
  ('blur.sigma', 0): ('blur.progression',),
  ('input_noise.stddev', 0): ('input_noise.progression',),
  ('penultimate_noise.stddev', 0): ('penultimate_noise.progression',),
  ('snr_noise.variance_ratio', 0): (
    'snr_noise.progression', 'snr_noise.per', 'snr_noise.skip',
  ),
  ('noisy_dropout.rate', 0): (
    'noisy_dropout.stddev', 'noisy_dropout.progression', 'noisy_dropout.where',
    'noisy_dropout.rescale', 'noisy_dropout.relative',
    'noisy_dropout.correlation',
  ),
  ('noisy_dropout.stddev', 0): (
    'noisy_dropout.progression', 'noisy_dropout.where',
    'noisy_dropout.relative', 'noisy_dropout.correlation',
  ),
}  # fmt: skip
_PHASES = ('progression.shape', 'progression.first_phase',
           'progression.second_phase')  # fmt: skip


def model_options(model: str) -> list[str]:
  """The fields of a config's model section that are a model's own."""
  fields = dataclasses.fields(models.MODELS[model])
  return [one.name for one in fields if one.name not in _NOT_OPTIONS]


def checks(flat: Mapping[str, Any]) -> dict[str, Callable[[str, Any], None]]:
  """The check of every field that a config with these values has."""
  found = dict(FIELDS)
  model, method = flat.get('model.name'), flat.get('optimizer.name')
  if model in models.MODELS:
    # Their values are checked by the model when it is built.
    found |= {
      f'model.{option}': lambda field, value: None
      for option in model_options(model)
    }
  if method in optimizer.METHODS:
    found |= {
      f'optimizer.{option}': OPTIMIZER_FIELDS[option]
      for option in optimizer.METHODS[method].options
    }
  return found


_ROUNDING = 1e-9
CHANGEABLE = ('log_every', 'checkpoint_every')  # No step depends on them.
GROWING = ('num_epochs', 'num_seeds')  # More of them leave those there as is.


def flatten(config: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """{'noise': {'rate': .2}} to {'noise.rate': .2}."""
  flat = {}
  for name, value in config.items():
    if isinstance(value, Mapping | ml_collections.ConfigDict):
      flat |= flatten(value, f'{prefix}{name}.')
    else:
      # JSON has lists only.
      is_list = isinstance(value, list)
      flat[prefix + name] = tuple(value) if is_list else value
  return flat


def validate(config: ml_collections.ConfigDict) -> None:
  """Checks every field of a config.

  Args:
    config: a run's config.

  Raises:
    errors.InputError: on the first field that is unknown, missing or bad.
  """
  if not isinstance(config, ml_collections.ConfigDict):
    expected = 'an ml_collections.ConfigDict'
    raise errors.InputError('config', expected, type(config).__name__)
  flat = flatten(config)
  for field in ('model.name', 'optimizer.name'):  # They decide on others.
    FIELDS[field](field, flat.get(field))
  known = checks(flat)
  for field in flat:
    _check_known(field, known)
  for field, check in known.items():
    if field not in flat:
      raise errors.InputError(field, 'a value in the config', 'none')
    check(field, flat[field])
  _check_together(config)


def _check_known(field: str, known: Iterable[str]) -> None:
  """Raises errors.InputError unless there is such a field."""
  section = field.rpartition('.')[0]
  alike = [one for one in known if one.rpartition('.')[0] == section]
  errors.check_choice('config field', field, alike or known)


def _check_together(config: ml_collections.ConfigDict) -> None:
  """What single fields do not show."""
  if config.fig.weight > 0 and config.gate.kind == 'none':
    expected = '0 without gates to teach (gate.kind is none)'
    raise errors.InputError('fig.weight', expected, f'{config.fig.weight}')
  progression.check_phases(
    'progression.first_phase + progression.second_phase', phases(config)
  )
  if config.train_share + config.validation_share > 1 + _ROUNDING:
    expected = f'at most 1 - train_share = {1 - config.train_share:g}'
    got = f'{config.validation_share:g}'
    raise errors.InputError('validation_share', expected, got)
  random_keys.check_seed('seed + num_seeds', config.seed + config.num_seeds - 1)


def phases(config: ml_collections.ConfigDict) -> tuple[float, float]:
  """Shares of the run that its first and second phase take."""
  return config.progression.first_phase, config.progression.second_phase


def has_phases(flat: Mapping[str, Any]) -> bool:
  """Whether a step depends on how long the whole run is."""
  idle = _idle_fields(flat)
  return flat['optimizer.schedule'] == 'two_phase' or any(
    value != 'constant'
    for field, value in flat.items()
    if field.endswith('.progression') and field not in idle
  )


def _idle_fields(flat: Mapping[str, Any]) -> set[str]:
  return {
    field
    for (condition, value), fields in _IDLE.items()
    if flat[condition] == value
    for field in fields
  }


def _parsed(text: str, kind: type) -> Any:
  """A text as a value of the type of the one it takes the place of."""
  if kind is bool:
    return {'True': True, 'False': False}[text]
  if kind in (tuple, type(None)):  # The latter stand for tuples.
    return tuple(ast.literal_eval(text))
  return kind(text)


def override(config: ml_collections.ConfigDict, field: str, text: str) -> None:
  """Changes one field of a config, given as on a command line.

  Args:
    config: changed in place.
    field: its name, such as `noise.rate`.
    text: the new value.

  Raises:
    errors.InputError: on an unknown field, or a text that is no such value.
  """
  flat = flatten(config)
  errors.check_choice('config field', field, flat)
  kind = type(flat[field])
  try:
    value = _parsed(text, kind)
  except (KeyError, TypeError, ValueError, SyntaxError) as error:
    expected = f'a value of type {kind.__name__}'
    raise errors.InputError(field, expected, repr(text)) from error
  config.update_from_flattened_dict({field: value})


def name(config: ml_collections.ConfigDict) -> str:
  """A name for runs of this config, whatever their seeds: `cnn-1f0c...`.

  What no parameter depends on is left out, so runs that end alike share it.
  """
  flat = flatten(config)
  idle = {'variant', 'seed', 'num_seeds', *CHANGEABLE, *_idle_fields(flat)}
  if not has_phases(flat):
    idle.update(_PHASES)
  flat = {field: value for field, value in flat.items() if field not in idle}
  content = json.dumps(flat, sort_keys=True).encode()
  return f'{config.variant}-{hashlib.sha256(content).hexdigest()[:12]}'


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
    config = ml_collections.ConfigDict(json.loads(path.read_text()))
  except ValueError as error:
    got = f'{path} ({error})'
    raise errors.InputError('workdir', 'a config in JSON', got) from error
  validate(config)
  return config.lock()


def claim(
  workdir: str | os.PathLike, config: ml_collections.ConfigDict
) -> None:
  """Makes a working directory this config's, or makes sure that it is.

  Args:
    workdir: created if need be.
    config: a validated config. In a folder that holds a run already, the fields
      in `CHANGEABLE` may differ, and those in `GROWING` be larger; not so
      num_seeds in the folder of a single model.

  Raises:
    errors.InputError: if it holds the run of another config, or cannot be
      written to.
  """
  if not os.fspath(workdir):
    raise errors.InputError('workdir', 'a folder', repr(workdir))
  folder = pathlib.Path(workdir).expanduser()
  path = folder / _FILE
  if path.is_file():
    _check_same(workdir, flatten(read(workdir)), flatten(config))
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
      has_grown = has_grown and not has_phases(here)
    if field == 'num_seeds':  # A single model is in the workdir itself.
      has_grown = has_grown and there[field] > 1
    if (
      there[field] != here[field] and field not in CHANGEABLE and not has_grown
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
