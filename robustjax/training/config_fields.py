"""The fields a config has, and what each of them accepts."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import re
from typing import Any

import jax
import numpy as np

from robustjax import attribution
from robustjax import errors
from robustjax import files
from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax.models import spatial_layer
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
_LONGEST_NAME = 100
_VARIANT = re.compile(r'[A-Za-z0-9_-][A-Za-z0-9_.-]*')
_DATASET = re.compile(r'\w[\w.:+-]*(/[\w.:+-]+)*', re.ASCII)


def _variant(field: str, value: Any) -> None:
  # It becomes part of the names of files.
  is_name = isinstance(value, str) and _VARIANT.fullmatch(value)
  if not is_name or len(value) > _LONGEST_NAME:
    expected = 'a name of letters, digits, - _ and ., the last not first'
    raise errors.InputError(field, expected, repr(value))


def _dataset(field: str, value: Any) -> None:
  is_name = isinstance(value, str) and _DATASET.fullmatch(value)
  if not is_name or '..' in value or len(value) > _LONGEST_NAME:
    expected = "a name, as 'mnist' or 'imagenet2012_corrupted/fog_1'"
    raise errors.InputError(field, expected, repr(value))


def _names(field: str, value: Any) -> None:
  if not isinstance(value, str):
    expected = "names with commas between, or ''"
    raise errors.InputError(field, expected, repr(value))


def _path(field: str, value: Any) -> None:
  if not isinstance(value, str):
    raise errors.InputError(field, "a path, or ''", repr(value))
  if value:
    files.local_path(field, value)


def _among(choices) -> Callable[[str, Any], None]:
  return lambda field, value: errors.check_choice(field, value, choices)


def _within(
  low: float, high: float, *, open_low: bool = False
) -> Callable[[str, Any], None]:
  def check(field, value):
    if np.ndim(value):
      expected = f'a number in [{low:g}, {high:g}]'
      raise errors.InputError(field, expected, repr(value))
    errors.check_range(field, value, low=low, high=high, open_low=open_low)

  return check


def _below_one(field: str, value: Any) -> None:
  _within(0, 1)(field, value)
  if value == 1:
    raise errors.InputError(field, 'a number in [0, 1)', repr(value))


def _count(low: int, high: int) -> Callable[[str, Any], None]:
  return lambda field, value: errors.check_integer(
    field, value, low=low, high=high
  )


def _each(
  check: Callable[[str, Any], None], *, at_most: int
) -> Callable[[str, Any], None]:
  """Of several values, in a tuple: at least one of them."""

  def check_each(field, values):
    if not isinstance(values, tuple) or not 1 <= len(values) <= at_most:
      expected = f'from 1 to {at_most} values in brackets, as (1, 2)'
      raise errors.InputError(field, expected, repr(values)[:60])
    for value in values:
      check(field, value)

  return check_each


def _either(
  is_one: Callable[[Any], bool],
  one: Callable[[str, Any], None],
  other: Callable[[str, Any], None],
) -> Callable[[str, Any], None]:
  return lambda field, value: (one if is_one(value) else other)(field, value)


def _per_channel(check: Callable[[str, Any], None]):
  is_several = lambda value: isinstance(value, tuple)
  return _either(is_several, _each(check, at_most=3), check)


def _kernel_size(field: str, value: Any) -> None:
  if type(value) is not int or value not in (1, 3):
    raise errors.InputError(field, '1 or 3', repr(value))


def _dtype(field: str, value: Any) -> None:
  errors.check_choice(field, value, DTYPES)
  if value == 'float64' and not jax.config.jax_enable_x64:
    expected = 'JAX_ENABLE_X64=1 in the environment for float64'
    raise errors.InputError(field, expected, 'JAX_ENABLE_X64=0')


_direction = _among(progression.DIRECTIONS)
_learning_rate = _within(0, 1e3, open_low=True)
_stddev = _within(0, 1e3)
_weight = _within(0, 1e6)
_flag = errors.check_flag

# Upper bounds are far above what anyone wants, and below what fills a disk or
# a memory, or what arithmetic in float32 does not bear.
#
# Those of every config. A config's model section has the options of its model
# besides, its optimizer section those of its optimizer.
FIELDS: dict[str, Callable[[str, Any], None]] = {
  'variant': _variant,
  'seed': random_keys.check_seed,
  'num_seeds': _count(1, 1000),
  'dataset': _dataset,
  'train_share': _within(0, 1, open_low=True),
  'validation_share': _within(0, 1),
  'selection': _among(SELECTIONS),
  'crop_padding': _count(0, 256),
  'flip': _flag,
  'input.side': _count(1, 4096),
  'input.skip_damaged': _flag,
  'augmix.severity': _within(0, 10),
  'augmix.width': _count(1, 64),
  'augmix.depth': _count(0, 64),
  'augmix.alpha': _within(0, 1e3, open_low=True),
  'augmix.jsd_weight': _weight,
  'ant.epsilon': _within(0, 1e4),
  'ant.kernel_size': _kernel_size,
  'ant.clean_share': _within(0, 1),
  'ant.current_share': _within(0, 1),
  'ant.learning_rate': _learning_rate,
  'ant.warmup_steps': _count(0, 10**6),
  'ant.warmup_learning_rate': _learning_rate,
  'deep_augment.kind': _among(DISTORTIONS),
  'deep_augment.share': _within(0, 1, open_low=True),
  'deep_augment.autoencoder': _path,
  'initial_weights': _path,
  'blur.sigma': _within(0, 100),
  'blur.progression': _direction,
  'input_noise.stddev': _stddev,
  'input_noise.progression': _direction,
  'model.name': _among(models.MODELS),
  'model.dtype': _dtype,
  'loss': _among(losses.LOSSES),
  'noise.rate': _within(0, 1),
  'noise.strategy': _among(layers.STRATEGIES),
  'noise.gradient': _flag,
  'noise.progression': _direction,
  'gate.kind': _among(GATES),
  'gate.maximum': _within(0, 1e3, open_low=True),
  'fig.weight': _weight,
  'fig.progression': _direction,
  'fig.score': _among(attribution.SCORES),
  'fig.through_gate': _flag,
  'fig.num_steps': _count(1, 10**4),
  'fig.rule': _among(attribution.RULES),
  'fig.reduction': _among(attribution.REDUCTIONS),
  'fig.hidden': _among(losses.HIDDEN),
  'penultimate_noise.stddev': _stddev,
  'penultimate_noise.progression': _direction,
  'snr_noise.variance_ratio': _within(0, 1e3),
  'snr_noise.progression': _direction,
  'snr_noise.per': _among(layers.VARIANCES),
  'snr_noise.gradient': _flag,
  'snr_noise.skip': _names,
  'noisy_dropout.rate': _within(0, 1),
  'noisy_dropout.stddev': _stddev,
  'noisy_dropout.progression': _direction,
  'noisy_dropout.where': _among(layers.PLACES),
  'noisy_dropout.rescale': _flag,
  'noisy_dropout.relative': _flag,
  'noisy_dropout.correlation': _within(0, 100),
  'progression.shape': _among(progression.SHAPES),
  'progression.first_phase': _within(0, 1),
  'progression.second_phase': _within(0, 1),
  'optimizer.name': _among(optimizer.METHODS),
  'optimizer.learning_rate': _learning_rate,
  'optimizer.schedule': _among(optimizer.SCHEDULES),
  'optimizer.decay': _within(0, 1, open_low=True),
  'optimizer.decay_epochs': _count(1, 10**6),
  'optimizer.reference_batch': _count(0, 10**6),
  'mesh.data': _count(0, 10**6),
  'mesh.parameters': _count(1, 10**6),
  'mesh.seeds': _count(0, 10**6),
  'mesh.rules': sharding.check_rules,
  'batch_size': _count(1, 10**6),
  'num_epochs': _count(1, 10**5),
  'log_every': _count(1, 10**9),
  'checkpoint_every': _count(1, 10**9),
}
OPTIMIZER_FIELDS: dict[str, Callable[[str, Any], None]] = {
  'rho': _below_one,
  'epsilon': _within(0, 1, open_low=True),
  'momentum': _below_one,
  'nesterov': _flag,
  'weight_decay': _within(0, 10),
  'beta1': _below_one,
  'beta2': _below_one,
}
_SPATIAL = {
  'layer': _among(spatial_layer.LAYER_KINDS),
  'alternating': _flag,
  'batch_norm': _flag,
  'normalize': _flag,
}
_channels = _count(1, 4096)
_blocks = _each(_count(1, 256), at_most=16)
# Of each model, beside mean and deviation.
MODEL_FIELDS: dict[str, dict[str, Callable[[str, Any], None]]] = {
  'alexnet': {'width': _within(0, 16, open_low=True)},
  'cifar10_net': {},
  'mnist_cnn': {'hidden_size': _count(0, 10**6)},
  'resnet50': {
    'blocks': _blocks,
    'width': _channels,
    'statistics_groups': _count(1, 10**6),
  },
  'weight_map_cnn': {
    'variant': _among(models.WEIGHT_MAP_CNNS),
    'channels': _either(
      lambda value: value is None,
      lambda field, value: None,
      _each(_channels, at_most=3),
    ),
    'normalize': _flag,
  },
  'weight_map_densenet': {
    **_SPATIAL,
    'channels': _channels,
    'growth': _channels,
    'blocks': _blocks,
  },
  'weight_map_resnet': {
    **_SPATIAL,
    'channels': _each(_channels, at_most=16),
    'blocks': _blocks,
  },
}
_PIXELS = {
  'mean': _per_channel(_within(-1e3, 1e3)),
  'deviation': _per_channel(_within(0, 1e3, open_low=True)),
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
    known = _PIXELS | MODEL_FIELDS[model]
    found |= {
      f'model.{option}': known[option] for option in model_options(model)
    }
  if method in optimizer.METHODS:
    found |= {
      f'optimizer.{option}': OPTIMIZER_FIELDS[option]
      for option in optimizer.METHODS[method].options
    }
  return found
