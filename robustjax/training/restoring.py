"""Restores the classifier that a run trained."""

from collections.abc import Sequence
import numbers
import os
from typing import Any
from typing import NamedTuple

import flax.linen as nn
import jax
import ml_collections

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys
from robustjax.training import building
from robustjax.training import checkpointing
from robustjax.training import losses
from robustjax.training import programs
from robustjax.training import run_files
from robustjax.training import sharding

_BY_SELECTION = {'last': 'latest', 'best': 'best'}


class Restored(NamedTuple):
  """A trained classifier.

  Attributes:
    config: of the run that trained it.
    model: the linen module.
    variables: what `model.apply` takes: {'params': ...}, and {'batch_stats':
      ...} of a model with batch normalisation.
    step: number of steps it was trained for.
    predict: images float [B, H, W, C] in [0, 1] to logits [B, C]; jitted,
      without noise or dropout.
  """

  config: ml_collections.ConfigDict
  model: nn.Module
  variables: dict[str, Any]
  step: int
  predict: array_types.Predict


def restore(
  workdir: str | os.PathLike,
  step: int | str | None = None,
  *,
  devices: Sequence[jax.Device] | None = None,
) -> Restored:
  """Restores a classifier from the folder `train` wrote to.

  Args:
    workdir: the working directory of a run.
    step: a step that was saved, 'latest', or 'best' for the one with the
      highest accuracy on validation images (without any, on test images: its
      accuracy on them is optimistic). By default what `selection` in the config
      says.
    devices: where to put it; all devices by default, each a copy.

  Returns:
    A `Restored`.

  Raises:
    errors.InputError: if there is no run, no such step, the config is not the
      one it was trained with, or the checkpoint is not as it was written; the
      message names the steps that are.

  Example:
    restored = robustjax.restore('/tmp/noiseout')
    logits = restored.predict(images)
  """
  config = run_files.read(workdir)
  if config.num_seeds > 1:
    expected = (
      f'the folder of one of its seeds, such as {workdir}/seed-{config.seed}'
    )
    raise errors.InputError('workdir', expected, str(workdir))
  shape, num_classes = run_files.read_dataset(workdir)
  # How long an epoch was does not matter to the shape of a state.
  recipe = building.build_recipe(config, num_classes, steps_per_epoch=1)
  mesh = sharding.make_mesh(devices)
  layout = sharding.Layout(mesh)
  init = programs.compile_init(recipe, shape, layout)
  abstract = programs.abstract_state(init, layout)
  about = run_files.about(config, shape, num_classes)
  if step is None:
    step = _BY_SELECTION[config.selection]
  with checkpointing.Checkpoints(workdir, about, read_only=True) as checkpoints:
    try:
      step = _choose(checkpoints, step, workdir)
      state = checkpoints.restore(step, abstract)
    except checkpointing.DamagedCheckpointError as error:
      intact = checkpoints.intact_steps(abstract)
      got = f'{error.got}; intact steps: {intact or "none"}'
      raise errors.InputError(error.field, error.expected, got) from error
  variables = state.variables
  predict = _checked(
    programs.compile_predict(recipe.model, mesh), variables, shape
  )
  return Restored(config, recipe.model, variables, step, predict)


def keep_noise(
  restored: Restored, *, num_passes: int = 10, seed: int = 0
) -> array_types.Predict:
  """A classifier that drops and adds noise at test as it last did in training.

  Args:
    restored: from `restore`.
    num_passes: draws that logits are the mean of.
    seed: of the draws, which are the same for every batch of a size.

  Returns:
    Images float [B, H, W, C] in [0, 1] to logits [B, C];
    differentiable: an attack on it is one on the expectation over its noise.
    Batch normalisation goes by the batch at hand, as in training.

  Raises:
    errors.InputError: if the number of passes is no positive integer.

  References:
    Noisy dropout: dropout and noise left on at test. The mean is ours.
  """
  errors.check_integer('num_passes', num_passes, low=1)
  recipe = building.build_recipe(
    restored.config, restored.model.num_classes, steps_per_epoch=1
  )
  schedule = building.build_schedule(restored.config, num_steps=2)
  recipe = recipe.with_strengths(schedule.at(1))
  noisy = losses.with_layer_noise(recipe.model, recipe.layer_noise)
  # Apart already: within a trace, as an attack's, keys cannot be iterated.
  keys = list(jax.random.split(random_keys.root_key(seed), num_passes))

  @jax.jit
  def one_pass(key, images):
    rngs = dict(zip(('dropout', 'noise'), jax.random.split(key), strict=True))
    logits, _ = noisy.apply(
      restored.variables, images, train=True, rngs=rngs, mutable=['batch_stats']
    )
    return logits

  # Passes are unrolled: XLA on CPU is slow at convolutions in a loop.
  return lambda images: sum(one_pass(key, images) for key in keys) / num_passes


def _checked(predict, variables, shape) -> array_types.Predict:
  """The function users call: it names images of another shape."""

  def predict_checked(images):
    if images.ndim != 4 or tuple(images.shape[1:]) != shape:
      expected = f'[B, {", ".join(map(str, shape))}], as in training'
      raise errors.InputError('images', expected, f'shape {images.shape}')
    return predict(variables, images)

  return predict_checked


def _choose(checkpoints, step, workdir) -> int:
  steps = checkpoints.steps()
  if not steps:
    raise errors.InputError('workdir', 'a run with checkpoints', str(workdir))
  if step == 'latest':
    return steps[-1]
  if step == 'best':
    best = checkpoints.best_step()
    if best is None:
      expected = 'a step, since no epoch has been finished'
      raise errors.InputError('step', expected, "'best'")
    return best
  is_number = isinstance(step, numbers.Integral) and not isinstance(step, bool)
  if not is_number or step not in steps:
    raise errors.InputError(
      'step', f'one of {steps}, latest or best', repr(step)
    )
  return int(step)
