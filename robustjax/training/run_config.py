"""What a run's config may hold, and what is built from it.

A config is an `ml_collections.ConfigDict`, as the files in configs/ make them.
Every field is checked before anything else happens; nothing has a default here.
"""

from collections.abc import Callable
from collections.abc import Mapping
import functools
import hashlib
import json
import os
import pathlib
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections
import optax

from robustjax import attribution
from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax.training import losses
from robustjax.training import optimizer as optimizer_lib

GATES = ('none', *layers.GATE_KINDS)
DTYPES = ('float32', 'bfloat16', 'float64')
_FILE = 'config.json'
_DATASET_FILE = 'dataset.json'


def _text(field: str, value: Any) -> None:
  if not isinstance(value, str) or not value:
    raise errors.InputError(field, 'a name', repr(value))


def _among(choices) -> Callable[[str, Any], None]:
  return lambda field, value: errors.check_choice(field, value, choices)


def _within(low: float, high: float, *, open_low: bool = False):
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


_infinity = float('inf')

FIELDS: dict[str, Callable[[str, Any], None]] = {
  'variant': _text,
  'seed': random_keys.check_seed,
  'num_seeds': _at_least(1),
  'dataset': _text,
  'model.name': _among(models.MODELS),
  'model.dtype': _dtype,
  'model.hidden_size': _at_least(0),
  'noise.rate': _within(0, 1),
  'noise.strategy': _among(layers.STRATEGIES),
  'gate.kind': _among(GATES),
  'gate.maximum': _within(0, _infinity, open_low=True),
  'fig.weight': _within(0, _infinity),
  'fig.score': _among(losses.SCORES),
  'fig.through_gate': _flag,
  'fig.num_steps': _at_least(1),
  'fig.rule': _among(attribution.RULES),
  'fig.reduction': _among(losses.REDUCTIONS),
  'fig.hidden': _among(losses.HIDDEN),
  'optimizer.learning_rate': _within(0, _infinity, open_low=True),
  'optimizer.decay_per_epoch': _within(0, 1, open_low=True),
  'optimizer.rho': _within(0, 1),
  'optimizer.epsilon': _within(0, _infinity, open_low=True),
  'batch_size': _at_least(1),
  'num_epochs': _at_least(1),
  'log_every': _at_least(1),
  'checkpoint_every': _at_least(1),
}


CHANGEABLE = ('log_every', 'checkpoint_every')  # No step depends on them.
GROWING = ('num_epochs', 'num_seeds')  # More of them leave those there as is.


def flatten(config: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """{'noise': {'rate': .2}} to {'noise.rate': .2}."""
  flat = {}
  for name, value in config.items():
    if isinstance(value, Mapping | ml_collections.ConfigDict):
      flat |= flatten(value, f'{prefix}{name}.')
    else:
      flat[prefix + name] = value
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
  for field in flat:
    errors.check_choice('config field', field, FIELDS)
  for field, check in FIELDS.items():
    if field not in flat:
      raise errors.InputError(field, 'a value in the config', 'none')
    check(field, flat[field])
  if config.fig.weight > 0 and config.gate.kind == 'none':
    expected = '0 without gates to teach (gate.kind is none)'
    raise errors.InputError('fig.weight', expected, f'{config.fig.weight}')
  random_keys.check_seed('seed + num_seeds', config.seed + config.num_seeds - 1)


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
    value = {'True': True, 'False': False}[text] if kind is bool else kind(text)
  except (KeyError, ValueError) as error:
    expected = f'a value of type {kind.__name__}'
    raise errors.InputError(field, expected, repr(text)) from error
  config.update_from_flattened_dict({field: value})


def name(config: ml_collections.ConfigDict) -> str:
  """A name for runs of this config, whatever their seeds: `cnn-1f0c...`.

  What no parameter depends on is left out, so runs that end alike share it.
  """
  flat = flatten(config)
  for field in ('variant', 'seed', 'num_seeds', *CHANGEABLE):
    del flat[field]
  if not flat['noise.rate']:
    del flat['noise.strategy']
  if not flat['fig.weight']:
    flat = {f: v for f, v in flat.items() if not f.startswith('fig.')}
  content = json.dumps(flat, sort_keys=True).encode()
  return f'{config.variant}-{hashlib.sha256(content).hexdigest()[:12]}'


def build_model(
  config: ml_collections.ConfigDict, num_classes: int
) -> nn.Module:
  """The classifier a config describes, with its layers on hidden states."""
  injection = layers.NoiseInjection(config.noise.rate, config.noise.strategy)
  if config.gate.kind != 'none':
    gate = layers.Gate(config.gate.kind, config.gate.maximum)
    flattened = layers.NoiseOut(config.noise.rate, config.noise.strategy, gate)
  else:
    flattened = injection if config.noise.rate > 0 else None
  return models.create(
    config.model.name,
    flattened=flattened,
    num_classes=num_classes,
    dtype=jnp.dtype(config.model.dtype),
    hidden_size=config.model.hidden_size or None,
  )


def build_fig(config: ml_collections.ConfigDict) -> losses.FigLoss | None:
  """The FIG loss a config describes; None if its weight is 0."""
  return losses.FigLoss(**config.fig) if config.fig.weight > 0 else None


@functools.lru_cache
def _adadelta(steps_per_epoch, *, has_projection: bool, **options):
  """One object per set of values, so that compiled programs are found again."""
  trained = optimizer_lib.adadelta(steps_per_epoch=steps_per_epoch, **options)
  if not has_projection:
    return trained
  return optimizer_lib.leave_alone(trained, models.FIXED_PARAMETERS)


def build_optimizer(
  config: ml_collections.ConfigDict, steps_per_epoch: int
) -> optax.GradientTransformation:
  """The optimizer a config describes."""
  return _adadelta(
    steps_per_epoch,
    has_projection=config.model.hidden_size > 0,
    learning_rate=config.optimizer.learning_rate,
    decay=config.optimizer.decay_per_epoch,
    rho=config.optimizer.rho,
    epsilon=config.optimizer.epsilon,
  )


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
  for field in here:
    has_grown = field in GROWING and here[field] > there[field]
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
