"""The fields a config has, and what each of them accepts."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

import jax

from robustjax import attribution
from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax.training import losses
from robustjax.training import optimizer
from robustjax.training import progression
from robustjax.training import sharding

GATES = ('none', *layers.GATE_KINDS)
DTYPES = ('float32', 'bfloat16', 'float64')
SELECTIONS = ('last', 'best')
DISTORTIONS = ('none', 'noise2net', 'autoencoder')
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


def _path(field: str, value: Any) -> None:
  if not isinstance(value, str):
    raise errors.InputError(field, "a path, or ''", repr(value))


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
  'flip': _flag,
  'input.side': _at_least(1),
  'input.skip_damaged': _flag,
  'augmix.severity': _within(0, 10),
  'augmix.width': _at_least(1),
  'augmix.depth': _at_least(0),
  'augmix.alpha': _positive,
  'augmix.jsd_weight': _within(0),
  'ant.epsilon': _within(0),
  'ant.kernel_size': _among((1, 3)),
  'ant.clean_share': _within(0, 1),
  'ant.current_share': _within(0, 1),
  'ant.learning_rate': _positive,
  'ant.warmup_steps': _at_least(0),
  'ant.warmup_learning_rate': _positive,
  'deep_augment.kind': _among(DISTORTIONS),
  'deep_augment.share': _within(0, 1, open_low=True),
  'deep_augment.autoencoder': _path,
  'initial_weights': _path,
  'blur.sigma': _within(0),
  'blur.progression': _direction,
  'input_noise.stddev': _within(0),
  'input_noise.progression': _direction,
  'model.name': _among(models.MODELS),
  'model.dtype': _dtype,
  'loss': _among(losses.LOSSES),
  'noise.rate': _within(0, 1),
  'noise.strategy': _among(layers.STRATEGIES),
  'noise.gradient': _flag,
  'noise.progression': _direction,
  'gate.kind': _among(GATES),
  'gate.maximum': _positive,
  'fig.weight': _within(0),
  'fig.progression': _direction,
  'fig.score': _among(attribution.SCORES),
  'fig.through_gate': _flag,
  'fig.num_steps': _at_least(1),
  'fig.rule': _among(attribution.RULES),
  'fig.reduction': _among(attribution.REDUCTIONS),
  'fig.hidden': _among(losses.HIDDEN),
  'penultimate_noise.stddev': _within(0),
  'penultimate_noise.progression': _direction,
  'snr_noise.variance_ratio': _within(0),
  'snr_noise.progression': _direction,
  'snr_noise.per': _among(layers.VARIANCES),
  'snr_noise.gradient': _flag,
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
  'optimizer.decay_epochs': _at_least(1),
  'optimizer.reference_batch': _at_least(0),
  'mesh.data': _at_least(0),
  'mesh.parameters': _at_least(1),
  'mesh.seeds': _at_least(0),
  'mesh.rules': sharding.check_rules,
  'batch_size': _at_least(1),
  'num_epochs': _at_least(1),
  'log_every': _at_least(1),
  'checkpoint_every': _at_least(1),
}
OPTIMIZER_FIELDS: dict[str, Callable[[str, Any], None]] = {
  'rho': _within(0, 1),
  'epsilon': _positive,
  'momentum': _within(0, 1),
  'nesterov': _flag,
  'weight_decay': _within(0),
  'beta1': _within(0, 1),
  'beta2': _within(0, 1),
}


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
