"""What a run's config may hold, and what it is called by.

A config is an `ml_collections.ConfigDict`, as the files in configs/ make them.
Every field is checked before anything else happens; nothing has a default here.
"""

import ast
from collections.abc import Iterable
from collections.abc import Mapping
import hashlib
import json
from typing import Any

import ml_collections

from robustjax import errors
from robustjax import random_keys
from robustjax.training import config_fields
from robustjax.training import progression

_ROUNDING = 1e-9
# No step depends on them, but for how sums are rounded.
CHANGEABLE = (
  'log_every', 'checkpoint_every', 'mesh.data', 'mesh.parameters',
  'mesh.seeds', 'mesh.rules',
)  # fmt: skip
# Fields that say nothing where another one, named first, is as given.
_IDLE = {
  ('noise.rate', 0): (
    'noise.strategy', 'noise.gradient', 'noise.progression',
  ),
  ('gate.kind', 'none'): ('gate.maximum',),
  ('fig.weight', 0): (
    'fig.progression', 'fig.score', 'fig.through_gate', 'fig.num_steps',
    'fig.rule', 'fig.reduction', 'fig.hidden',
  ),
  ('blur.sigma', 0): ('blur.progression',),
  ('input_noise.stddev', 0): ('input_noise.progression',),
  ('penultimate_noise.stddev', 0): ('penultimate_noise.progression',),
  ('snr_noise.variance_ratio', 0): (
    'snr_noise.progression', 'snr_noise.per', 'snr_noise.gradient',
    'snr_noise.skip',
  ),
  ('noisy_dropout.rate', 0): (
    'noisy_dropout.stddev', 'noisy_dropout.progression', 'noisy_dropout.where',
    'noisy_dropout.rescale', 'noisy_dropout.relative',
    'noisy_dropout.correlation',
  ),
  ('augmix.severity', 0): (
    'augmix.width', 'augmix.depth', 'augmix.alpha', 'augmix.jsd_weight',
  ),
  ('ant.epsilon', 0): (
    'ant.kernel_size', 'ant.clean_share', 'ant.current_share',
    'ant.learning_rate', 'ant.warmup_steps', 'ant.warmup_learning_rate',
  ),
  ('deep_augment.kind', 'none'): (
    'deep_augment.share', 'deep_augment.autoencoder',
  ),
  ('deep_augment.kind', 'noise2net'): ('deep_augment.autoencoder',),
  ('optimizer.schedule', 'constant'): (
    'optimizer.decay', 'optimizer.decay_epochs',
  ),
  ('optimizer.schedule', 'cosine'): (
    'optimizer.decay', 'optimizer.decay_epochs',
  ),
  ('optimizer.schedule', 'two_phase'): ('optimizer.decay_epochs',),
  ('optimizer.schedule', 'thirds'): ('optimizer.decay_epochs',),
  ('noisy_dropout.stddev', 0): (
    'noisy_dropout.progression', 'noisy_dropout.where',
    'noisy_dropout.relative', 'noisy_dropout.correlation',
  ),
}  # fmt: skip
_PHASES = ('progression.shape', 'progression.first_phase',
           'progression.second_phase')  # fmt: skip


def flatten(config: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """{'noise': {'rate': .2}} to {'noise.rate': .2}."""
  flat = {}
  for name, value in config.items():
    if isinstance(value, Mapping | ml_collections.ConfigDict):
      flat |= flatten(value, f'{prefix}{name}.')
    else:
      flat[prefix + name] = as_tuples(value)
  return flat


def as_tuples(value: Any) -> Any:
  """Lists, which is all that JSON has, as the tuples they were; also in it."""
  if isinstance(value, list | tuple):
    return tuple(as_tuples(one) for one in value)
  if isinstance(value, dict):
    return {name: as_tuples(one) for name, one in value.items()}
  return value


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
    config_fields.FIELDS[field](field, flat.get(field))
  known = config_fields.checks(flat)
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
  shares = config.ant.clean_share + config.ant.current_share
  if shares > 1 + _ROUNDING:
    expected = f'at most 1 - ant.clean_share = {1 - config.ant.clean_share:g}'
    got = f'{config.ant.current_share:g}'
    raise errors.InputError('ant.current_share', expected, got)
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
  # The latter has a generator for each epoch.
  is_timed = flat['optimizer.schedule'] in ('two_phase', 'thirds', 'cosine')
  return (
    is_timed
    or flat['ant.epsilon'] > 0
    or any(
      value != 'constant'
      for field, value in flat.items()
      if field.endswith('.progression') and field not in idle
    )
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
  except (
    KeyError, TypeError, ValueError, SyntaxError, RecursionError, MemoryError,
  ) as error:  # fmt: skip
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
