"""What a config describes: model, optimizer, and the strengths of a run."""

from collections.abc import Sequence
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.training import adversary
from robustjax.training import augmenting
from robustjax.training import config_fields
from robustjax.training import losses
from robustjax.training import optimizer as optimizer_lib
from robustjax.training import progression
from robustjax.training import run_config
from robustjax.training import sharding
from robustjax.training import steps
from robustjax.training import strengths

# The fields a strength and its direction are in.
_STRENGTHS = {
  'noise_rate': ('noise.rate', 'noise.progression'),
  'fig_weight': ('fig.weight', 'fig.progression'),
  'penultimate_stddev': (
    'penultimate_noise.stddev',
    'penultimate_noise.progression',
  ),
  'variance_ratio': ('snr_noise.variance_ratio', 'snr_noise.progression'),
  'dropout_rate': ('noisy_dropout.rate', None),
  'dropout_stddev': ('noisy_dropout.stddev', 'noisy_dropout.progression'),
  'blur_sigma': ('blur.sigma', 'blur.progression'),
  'input_stddev': ('input_noise.stddev', 'input_noise.progression'),
}


def build_model(
  config: ml_collections.ConfigDict, num_classes: int
) -> nn.Module:
  """The classifier a config describes, with its layers on hidden states.

  Noisy dropout takes the places where the model drops; in a model that does
  not, it is on what the first dense layer reads.

  Args:
    config: a validated config.
    num_classes: number of logits.

  Returns:
    A linen module.

  Raises:
    errors.InputError: on an option that is none of the model's, or if two
      layers would have to be in one place.
  """
  name = config.model.name
  hooks = {
    'flattened': _noise_and_gate(config),
    'penultimate': _penultimate(config),
  }
  dropout = _dropout(config)
  if dropout is not None:
    has_place = hasattr(models.MODELS[name], 'dropout')
    hook = 'dropout' if has_place else 'flattened'
    if hooks.get(hook) is not None:
      expected = (
        f'0 on {name} beside noise.rate or gate.kind: one place for all'
      )
      got = f'{config.noisy_dropout.rate:g}'
      raise errors.InputError('noisy_dropout.rate', expected, got)
    hooks[hook] = dropout
  flat = run_config.flatten(config)
  options = {
    option: flat[f'model.{option}']
    for option in config_fields.model_options(name)
  }
  return models.create(
    name,
    num_classes=num_classes,
    dtype=jnp.dtype(config.model.dtype),
    **hooks,
    **options,
  )


def _noise_and_gate(config) -> nn.Module | None:
  noise = config.noise.to_dict()
  del noise['progression']
  if config.gate.kind != 'none':
    gate = layers.Gate(config.gate.kind, config.gate.maximum)
    return layers.NoiseOut(gate=gate, **noise)
  return layers.NoiseInjection(**noise) if noise['rate'] > 0 else None


def _penultimate(config) -> nn.Module | None:
  stddev = config.penultimate_noise.stddev
  return layers.PenultimateNoise(stddev) if stddev > 0 else None


def _dropout(config) -> nn.Module | None:
  if config.noisy_dropout.rate == 0:
    return None
  options = config.noisy_dropout.to_dict()
  del options['progression']
  return layers.NoisyDropout(**options)


def build_recipe(
  config: ml_collections.ConfigDict, num_classes: int, steps_per_epoch: int
) -> steps.Recipe:
  """What a step of the run consists of.

  Args:
    config: a validated config.
    num_classes: number of logits.
    steps_per_epoch: number of steps in an epoch.

  Returns:
    A `Recipe`.

  Raises:
    errors.InputError: as `build_model`.
  """
  return steps.Recipe(
    build_model(config, num_classes),
    build_optimizer(config, steps_per_epoch),
    config.loss,
    build_fig(config),
    _layer_noise(config),
    _augmentation(config, steps_per_epoch),
    _adversary(config),
    config.num_epochs,
  )


def _augmentation(config, steps_per_epoch: int) -> augmenting.Augmentation:
  deep_augment, augmix = None, None
  if config.deep_augment.kind != 'none':
    deep_augment = augmenting.DeepAugment(
      **config.deep_augment, steps_per_epoch=steps_per_epoch
    )
  if config.augmix.severity > 0:
    augmix = augmenting.AugMix(**config.augmix)
  return augmenting.Augmentation(
    config.crop_padding,
    config.flip,
    config.blur.sigma > 0,
    config.input_noise.stddev > 0,
    deep_augment,
    augmix,
  )


def _adversary(config) -> adversary.Options | None:
  options = config.ant.to_dict()
  del options['warmup_steps']  # The loop counts them.
  return adversary.Options(**options) if config.ant.epsilon > 0 else None


def build_fig(config: ml_collections.ConfigDict) -> losses.FigLoss | None:
  """The FIG loss a config describes; None if its weight is 0."""
  options = config.fig.to_dict()
  del options['progression']
  return losses.FigLoss(**options) if config.fig.weight > 0 else None


def _layer_noise(config) -> losses.LayerNoise | None:
  if config.snr_noise.variance_ratio == 0:
    return None
  options = config.snr_noise.to_dict()
  del options['progression']
  names = [name.strip() for name in options.pop('skip').split(',')]
  skip = tuple(name for name in names if name)
  return losses.LayerNoise(skip=skip, **options)


def build_optimizer(
  config: ml_collections.ConfigDict, steps_per_epoch: int
) -> optax.GradientTransformation:
  """The optimizer a config describes."""
  num_steps = config.num_epochs * steps_per_epoch
  timing = optimizer_lib.Timing(
    steps_per_epoch,
    progression.first_steps(num_steps, run_config.phases(config)),
    num_steps,
  )
  has_fixed = bool(config.model.get('hidden_size'))
  options = config.optimizer.to_dict()
  reference = options.pop('reference_batch')
  if reference:
    options['learning_rate'] *= config.batch_size / reference
  return _optimizer(has_fixed=has_fixed, timing=timing, **options)


@functools.lru_cache
def _optimizer(*, has_fixed: bool, **options):
  """One object per set of values, so that compiled programs are found again."""
  trained = optimizer_lib.make(**options)
  if not has_fixed:
    return trained
  return optimizer_lib.leave_alone(trained, models.FIXED_PARAMETERS)


def build_layout(
  config: ml_collections.ConfigDict, devices: Sequence[jax.Device]
) -> sharding.Layout:
  """How one model of a config lies on devices.

  Args:
    config: a validated config.
    devices: all that are to be used.

  Returns:
    A `Layout`.

  Raises:
    errors.InputError: if the mesh does not fit the devices.
  """
  mesh = sharding.make_mesh(
    devices, data=config.mesh.data, parameters=config.mesh.parameters
  )
  rules = run_config.flatten(config)['mesh.rules']
  return sharding.Layout(mesh, tuple(sharding.Rule(*one) for one in rules))


def build_schedule(
  config: ml_collections.ConfigDict, num_steps: int
) -> strengths.Schedule:
  """The strengths of a run, step by step.

  Args:
    config: a validated config.
    num_steps: number of steps of the whole run.

  Returns:
    A `Schedule` of NumPy scalars.
  """
  flat = run_config.flatten(config)
  ends = [
    progression.ends(flat[amount], flat[direction] if direction else 'constant')
    for amount, direction in (
      _STRENGTHS[name] for name in strengths.Strengths._fields
    )
  ]
  course = progression.make_course(
    config.progression.shape, num_steps, phases=run_config.phases(config)
  )
  first, last = (
    strengths.Strengths(*map(np.float32, values))
    for values in zip(*ends, strict=True)
  )
  return strengths.Schedule(jax.tree.map(np.int32, course), first, last)
