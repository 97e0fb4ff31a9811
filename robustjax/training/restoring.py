"""Restores the classifier that a run trained."""

from collections.abc import Sequence
import os
from typing import Any
from typing import NamedTuple

import flax.linen as nn
import jax
import ml_collections

from robustjax import array_types
from robustjax import errors
from robustjax.training import checkpointing
from robustjax.training import programs
from robustjax.training import run_config
from robustjax.training import sharding


class Restored(NamedTuple):
  """A trained classifier.

  Attributes:
    config: of the run that trained it.
    model: the linen module.
    variables: what `model.apply` takes: {'params': ...}.
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
    step: a step that was saved, 'latest' (the default), or 'best' for the one
      with the highest test accuracy (chosen on test images: its accuracy on
      them is optimistic).
    devices: where to put it; all devices by default, each a copy.

  Returns:
    A `Restored`.

  Raises:
    errors.InputError: if there is no run, no such step, or the checkpoint is
      not as it was written; the message names the steps that are.

  Example:
    restored = robustjax.restore('/tmp/noiseout')
    logits = restored.predict(images)
  """
  config = run_config.read(workdir)
  if config.num_seeds > 1:
    expected = (
      f'the folder of one of its seeds, such as {workdir}/seed-{config.seed}'
    )
    raise errors.InputError('workdir', expected, str(workdir))
  shape, num_classes = run_config.read_dataset(workdir)
  model = run_config.build_model(config, num_classes)
  # How long an epoch was matters to the learning rate only.
  optimizer = run_config.build_optimizer(config, steps_per_epoch=1)
  mesh = sharding.make_mesh(devices)
  init = programs.compile_init(model, optimizer, shape, mesh)
  abstract = programs.abstract_state(init, mesh)
  with checkpointing.Checkpoints(workdir, read_only=True) as checkpoints:
    step = _choose(checkpoints, step, workdir)
    try:
      state = checkpoints.restore(step, abstract)
    except checkpointing.DamagedCheckpointError as error:
      intact = checkpoints.intact_steps(abstract)
      got = f'{error.got}; intact steps: {intact or "none"}'
      raise errors.InputError(error.field, error.expected, got) from error
  predict = _checked(programs.compile_predict(model, mesh), state.params, shape)
  variables = {'params': state.params}
  return Restored(config, model, variables, step, predict)


def _checked(predict, params, shape) -> array_types.Predict:
  """The function users call: it names images of another shape."""

  def predict_checked(images):
    if images.ndim != 4 or tuple(images.shape[1:]) != shape:
      expected = f'[B, {", ".join(map(str, shape))}], as in training'
      raise errors.InputError('images', expected, f'shape {images.shape}')
    return predict(params, images)

  return predict_checked


def _choose(checkpoints, step, workdir) -> int:
  steps = checkpoints.steps()
  if not steps:
    raise errors.InputError('workdir', 'a run with checkpoints', str(workdir))
  if step in (None, 'latest'):
    return steps[-1]
  if step == 'best':
    best = checkpoints.best_step()
    if best is None:
      expected = 'a step, since no epoch has been finished'
      raise errors.InputError('step', expected, "'best'")
    return best
  if step not in steps:
    raise errors.InputError(
      'step', f'one of {steps}, latest or best', repr(step)
    )
  return step
