"""Trains a classifier from a config; resumes where an earlier run stopped."""

from collections.abc import Callable
from collections.abc import Sequence
import functools
import json
import os
import pathlib
import platform
import time
from typing import Any
from typing import NamedTuple

import flax.linen as nn
import jax
import ml_collections
import numpy as np
import optax
import tqdm

from robustjax import array_types
from robustjax import progress
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.data import sources
from robustjax.evaluation import metrics as metrics_lib
from robustjax.training import checkpointing
from robustjax.training import interruption
from robustjax.training import metric_writers
from robustjax.training import programs
from robustjax.training import run_config
from robustjax.training import sharding
from robustjax.training import workdir_lock


class Run(NamedTuple):
  """What stays the same from the first step to the last."""

  config: ml_collections.ConfigDict
  mesh: jax.sharding.Mesh
  train_data: pipeline.DeviceData
  test_data: sources.DataSet
  model: nn.Module
  optimizer: optax.GradientTransformation
  root: array_types.Key
  steps_per_epoch: int
  predict: Callable[[array_types.Parameters, array_types.Array], Any]

  @property
  def image_shape(self) -> tuple[int, int, int]:
    return self.train_data.images.shape[1:]

  @property
  def num_classes(self) -> int:
    return self.test_data.num_classes

  @property
  def num_examples(self) -> int:
    return len(self.train_data.labels)

  @property
  def num_steps(self) -> int:
    return self.config.num_epochs * self.steps_per_epoch


def train(
  config: ml_collections.ConfigDict,
  workdir: str | os.PathLike,
  *,
  data_dir: str | os.PathLike | None = None,
  devices: Sequence[jax.Device] | None = None,
) -> dict[str, Any]:
  """Trains a classifier, or goes on training it.

  Called again with the same config and workdir, it resumes from the newest
  checkpoint that is intact; N steps in one go and N steps with interruptions
  end with the same parameters, bit for bit, on the same devices and versions.
  Ctrl-C and SIGTERM save and return.

  Args:
    config: a config as in configs/; every field is checked.
    workdir: receives config.json, dataset.json, checkpoints/, metrics.jsonl,
      tensorboard/ and summary.json.
    data_dir: folder of prepared TFDS data sets; see `data.load`.
    devices: the devices to use; all by default. They must divide the batch
    size.

  Returns:
    The summary: whether training finished, the last step, test accuracy, number
    of parameters, seconds of this call, devices and versions.

  Raises:
    errors.InputError: on a bad config, an unprepared data set, a workdir with
      the run of another config, one whose checkpoints are all damaged, or one
      another run is writing to.
    FloatingPointError: if loss or parameters are not finite; it names the step.
  """
  start = time.monotonic()
  run_config.validate(config)
  sharding.check_one_process()
  mesh = sharding.make_mesh(devices)
  sharding.check_batch_size(mesh, config.batch_size)
  run = _prepare(config, mesh, data_dir)
  run_config.claim(workdir, config)
  with (
    workdir_lock.workdir_lock(workdir),
    checkpointing.Checkpoints(workdir) as checkpoints,
    interruption.Interruption() as interrupted,
  ):
    run_config.describe_dataset(workdir, run.image_shape, run.num_classes)
    state = _first_or_restored_state(run, checkpoints, workdir)
    step = int(state.step)
    with (
      metric_writers.MetricWriters(workdir, step) as writers,
      progress.bar(run.num_steps, 'training', initial=step) as shown,
    ):
      outputs = Outputs(checkpoints, writers, interrupted, shown)
      state, accuracy = _run_epochs(run, state, outputs)
    summary = _summarize(run, state, accuracy, time.monotonic() - start)
    path = pathlib.Path(workdir).expanduser() / 'summary.json'
    path.write_text(json.dumps(summary, indent=2) + '\n')
  return summary


def _prepare(config, mesh, data_dir) -> Run:
  """Loads the data and builds what the config describes."""
  train_data = sources.load(config.dataset, 'train', data_dir=data_dir)
  test_data = sources.load(config.dataset, 'test', data_dir=data_dir)
  steps_per_epoch = pipeline.steps_per_epoch(
    len(train_data.labels), config.batch_size
  )
  model = run_config.build_model(config, train_data.num_classes)
  return Run(
    config=config,
    mesh=mesh,
    train_data=pipeline.to_device(train_data, sharding.replicated(mesh)),
    test_data=test_data,
    model=model,
    optimizer=run_config.build_optimizer(config, steps_per_epoch),
    root=random_keys.root_key(config.seed),
    steps_per_epoch=steps_per_epoch,
    predict=programs.compile_predict(model, mesh),
  )


def _first_or_restored_state(run: Run, checkpoints, workdir):
  init = programs.compile_init(
    run.model, run.optimizer, run.image_shape, run.mesh
  )
  abstract = programs.abstract_state(init, run.mesh)
  state = checkpoints.restore_newest_intact(abstract, metric_writers.say)
  if state is None:
    return init(run.root)
  done = f'step {int(state.step)} of {run.num_steps}'
  metric_writers.say(f'resuming from {done} in {workdir}')
  return state


def _bind_programs(run: Run):
  """(state, order, start, size) -> a step done; and epoch -> its order."""
  dtype = array_types.at_least_float32(run.config.model.dtype)
  step = programs.compile_step(run.model, run.optimizer, run.mesh, dtype)
  order = programs.compile_order(run.num_examples, run.mesh)

  def bound_step(state, epoch_order, start, size):
    start = np.int32(start)
    return step(state, run.train_data, epoch_order, start, run.root, size=size)

  return bound_step, lambda epoch: order(run.root, np.int32(epoch))


class Outputs(NamedTuple):
  """Where the loop writes, and what can stop it."""

  checkpoints: checkpointing.Checkpoints
  writers: metric_writers.MetricWriters
  interrupted: interruption.Interruption
  shown: tqdm.tqdm


def _run_epochs(run: Run, state, outputs: Outputs):
  """Trains until the last epoch's end or an interruption, and saves."""
  step_fn, order_fn = _bind_programs(run)
  step, accuracy = int(state.step), None
  while step < run.num_steps and not outputs.interrupted:
    order = order_fn(step // run.steps_per_epoch)
    state = _run_epoch(run, state, order, step_fn, outputs)
    step = int(state.step)
    if step % run.steps_per_epoch == 0:
      accuracy = _test_accuracy(run, state)
      _report_epoch(run, step, accuracy, outputs)
      _save(step, state, {'accuracy': accuracy}, outputs)
    elif step not in outputs.checkpoints.steps():
      _save(step, state, None, outputs)
  return state, accuracy


def _run_epoch(run: Run, state, order, step_fn, outputs: Outputs):
  """Trains until this epoch's end or an interruption."""
  batch_size = run.config.batch_size
  first = int(state.step)
  epoch_start = first - first % run.steps_per_epoch
  epoch_end = epoch_start + run.steps_per_epoch
  pending = []
  for step in range(first + 1, epoch_end + 1):
    start = (step - 1 - epoch_start) * batch_size
    size = min(batch_size, run.num_examples - start)
    state, metrics = step_fn(state, order, start, size)
    pending.append(metrics)
    outputs.shown.update(1)
    is_last = step == epoch_end or bool(outputs.interrupted)
    is_saved = step % run.config.checkpoint_every == 0
    if is_last or is_saved or step % run.config.log_every == 0:
      _write_metrics(step, pending, outputs)
      pending = []
    if is_last:
      break
    if is_saved:
      _save(step, state, None, outputs)
  return state


def _save(step: int, state, metrics, outputs: Outputs) -> None:
  """Saves a state that can be resumed from: its parameters are finite."""
  for leaf in jax.tree.leaves(state.params):
    if not np.isfinite(np.asarray(leaf, np.float32)).all():
      raise FloatingPointError(
        f'the parameters after step {step} are not finite'
      )
  outputs.checkpoints.save(step, state, metrics)


def _write_metrics(step: int, pending, outputs: Outputs) -> None:
  """Writes means over the steps since the last time; stops on a bad loss."""
  losses, accuracies = np.array(jax.device_get(pending)).T
  if not np.isfinite(losses).all():
    first = step - len(losses) + 1 + int(np.argmin(np.isfinite(losses)))
    raise FloatingPointError(f'the loss of step {first} is not finite')
  means = {'train_loss': losses.mean(), 'train_accuracy': accuracies.mean()}
  means = {name: float(value) for name, value in means.items()}
  outputs.writers.write(step, means)
  outputs.shown.set_postfix(loss=f'{means["train_loss"]:.4f}')


def _test_accuracy(run: Run, state) -> float:
  predict = functools.partial(run.predict, state.params)
  return metrics_lib.count_correct(predict, run.test_data).accuracy


def _report_epoch(run: Run, step: int, accuracy: float, outputs) -> None:
  outputs.writers.write(step, {'test_accuracy': accuracy})
  epoch = step // run.steps_per_epoch
  metric_writers.say(
    f'{run.config.variant} on {run.config.dataset}:'
    f' epoch {epoch}/{run.config.num_epochs}, step {step},'
    f' test accuracy {accuracy:.2%}'
  )


def _summarize(run: Run, state, accuracy, seconds: float) -> dict[str, Any]:
  """What `train` returns and summary.json holds."""
  step = int(state.step)
  is_finished = step == run.num_steps
  if is_finished and accuracy is None:  # An earlier run had finished it.
    accuracy = _test_accuracy(run, state)
  return {
    'variant': run.config.variant,
    'dataset': run.config.dataset,
    'seed': run.config.seed,
    'finished': is_finished,
    'step': step,
    'num_steps': run.num_steps,
    'test_accuracy': accuracy,
    'num_parameters': sum(leaf.size for leaf in jax.tree.leaves(state.params)),
    'seconds': round(seconds, 1),
  } | _environment(run.mesh)


def _environment(mesh: jax.sharding.Mesh) -> dict[str, Any]:
  return {
    'devices': f'{mesh.size} x {mesh.devices.flat[0].device_kind}',
    'jax': jax.__version__,
    'python': platform.python_version(),
  }
