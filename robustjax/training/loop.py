"""The training loop, for one model or for many at once."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
from typing import Any
from typing import NamedTuple

import jax
import ml_collections
import numpy as np
import tqdm

from robustjax import array_types
from robustjax import errors
from robustjax import progress
from robustjax.data import lazy_images
from robustjax.data import sources
from robustjax.evaluation import metrics as metrics_lib
from robustjax.training import checkpointing
from robustjax.training import feeds
from robustjax.training import interruption
from robustjax.training import metric_writers
from robustjax.training import processes
from robustjax.training import seeds
from robustjax.training import sharding
from robustjax.training import state as state_lib
from robustjax.training import strengths

_ADVICE = (
  'a smaller optimizer.learning_rate, or weaker noise, may train; checkpoints'
  ' of earlier steps are kept'
)


class Run(NamedTuple):
  """What stays the same from the first step to the last.

  Attributes:
    config: of the run; its seed is that of the first model.
    feed: what hands out the batches.
    watched_data: on the host; measured after every epoch, to select a
      checkpoint by: validation images, or else the test images.
    test_data: on the host.
    mesh: along 'data' for one model, along 'seed' for many.
    root: key of the model, or keys of the models.
    schedule: strengths of the disturbances, with the same leading axis.
    step_fn: from `programs.compile_step`.
    renew_fn: from `programs.compile_renew`; None without an adversary.
    warm_up_fn: from `programs.compile_warm_up`; the same.
    predict: (variables, images) -> logits, of one model, on this process's
      devices.
  """

  config: ml_collections.ConfigDict
  feed: feeds.Feed
  watched_data: sources.DataSet
  test_data: sources.DataSet
  mesh: jax.sharding.Mesh
  root: array_types.Key
  schedule: strengths.Schedule
  step_fn: Callable[..., Any]
  renew_fn: Callable[..., Any] | None
  warm_up_fn: Callable[..., Any] | None
  predict: Callable[[Mapping[str, Any], array_types.Array], Any]

  @property
  def steps_per_epoch(self) -> int:
    return self.feed.steps_per_epoch

  @property
  def is_validated(self) -> bool:
    """Whether images are held back to select a checkpoint by."""
    return self.watched_data is not self.test_data

  @property
  def num_steps(self) -> int:
    return self.config.num_epochs * self.steps_per_epoch


class Member(NamedTuple):
  """One of the models that are trained: its seed, and where it is written.

  Of several processes one has writers, all others None.
  """

  seed: int
  checkpoints: checkpointing.Checkpoints
  writers: metric_writers.MetricWriters | None

  def write(self, step: int, metrics: Mapping[str, float]) -> None:
    """Writes metrics, where this process does."""
    if self.writers is not None:
      self.writers.write(step, metrics)


class Outputs(NamedTuple):
  """Where the loop writes, and what can stop it."""

  members: list[Member]
  interrupted: interruption.Interruption
  shown: tqdm.tqdm


def members_of(run: Run, tree: array_types.PyTree) -> list[array_types.PyTree]:
  """What belongs to each model, one by one."""
  if not sharding.is_over_seeds(run.mesh):
    return [tree]
  return seeds.unstack(tree, len(run.root))


def step_of(state: state_lib.State) -> int:
  """The step of a state, which all its models share."""
  return int(np.ravel(state.step)[0])


def run_epochs(
  run: Run, state: state_lib.State, outputs: Outputs
) -> tuple[state_lib.State, list[float] | None]:
  """Trains until the last epoch's end or an interruption, and saves.

  Args:
    run: what to train.
    state: of the model, or of the models with a leading axis.
    outputs: one member per model.

  Returns:
    The last state, and each model's accuracy on the watched images at the end
    of the last epoch done here, None if there was none.

  Raises:
    errors.DivergedError: if a loss or parameters are not finite.
  """
  found = None
  while step_of(state) < run.num_steps and not outputs.interrupted.agreed():
    first = step_of(state)
    state = _run_epoch(run, state, outputs)
    step = step_of(state)
    if step == first:  # Interrupted before the first of an epoch.
      break
    if step % run.steps_per_epoch == 0:
      found = accuracies(run, state, run.watched_data)
      _report_epoch(run, step, found, outputs)
      metrics = [{'accuracy': accuracy} for accuracy in found]
      _save(run, state, metrics, outputs)
    else:
      _save(run, state, None, outputs)
  return state, found


def accuracies(
  run: Run, state: state_lib.State, data: sources.DataSet
) -> list[float]:
  """Top-1 accuracy of each model on a data set, in [0, 1].

  Each process classifies its share of the images.
  """
  share, count = _share(data), len(data.labels)
  return [
    _accuracy(functools.partial(run.predict, variables), share, count)
    for variables in _variables(run, state)
  ]


def _share(data: sources.DataSet) -> sources.DataSet:
  """The images that this process classifies."""
  if not processes.are_several():
    return data
  here = slice(jax.process_index(), None, jax.process_count())
  images = data.images
  is_lazy = isinstance(images, lazy_images.LazyImages)
  images = images.subset(here) if is_lazy else images[here]
  return data._replace(images=images, labels=data.labels[here])


def _variables(run: Run, state: state_lib.State) -> list[dict[str, Any]]:
  """Those of each model, on this process's devices."""
  if sharding.is_over_seeds(run.mesh):
    return members_of(run, state.variables)
  return [sharding.on_this_process(state.variables, run.mesh)]


def _accuracy(predict, share: sources.DataSet, count: int) -> float:
  correct = metrics_lib.count_correct(predict, share).correct
  return sum(map(int, processes.exchange(str(correct)))) / count


def _run_epoch(run: Run, state, outputs: Outputs):
  """Trains until this epoch's end or an interruption."""
  first = step_of(state)
  epoch_end = (first // run.steps_per_epoch + 1) * run.steps_per_epoch
  if run.renew_fn is not None and first % run.steps_per_epoch == 0:
    state = _warm_up(run, state, outputs)
    if outputs.interrupted.agreed():
      return state
  pending = []
  for step, given in enumerate(run.feed.epoch_from(first), start=first + 1):
    state, metrics = run.step_fn(
      state, given.source, run.root, run.schedule, size=given.size
    )
    pending.append(metrics)
    outputs.shown.update(1)
    is_logged = step % run.config.log_every == 0
    is_saved = step % run.config.checkpoint_every == 0
    is_last = step == epoch_end or _is_interrupted(outputs, is_logged)
    if is_last or is_saved or is_logged:
      _write_metrics(step, pending, outputs)
      pending = []
    if is_last:
      break
    if is_saved:
      _save(run, state, None, outputs)
  return state


def _is_interrupted(outputs: Outputs, is_logged: bool) -> bool:
  """Whether to stop now; several processes ask one another now and then."""
  if processes.are_several():
    return is_logged and outputs.interrupted.agreed()
  return bool(outputs.interrupted)


def _warm_up(run: Run, state, outputs: Outputs):
  """The state with a fresh generator, trained while the classifier waits.

  Interrupted, it leaves the state as it was: the steps are done again.
  """
  first, count = step_of(state), run.config.ant.warmup_steps
  warmed = state
  if first:  # The first generator is fresh as it is.
    warmed = state._replace(adversary=run.renew_fn(state, run.root))
  with progress.bar(count, 'warming up a generator') as shown:
    for number, given in enumerate(feeds.cycled(run.feed, first, count)):
      if _is_interrupted(outputs, number % run.config.log_every == 0):
        return state
      adversary = run.warm_up_fn(
        warmed, given.source, run.root, np.int32(number), size=given.size
      )
      warmed = warmed._replace(adversary=adversary)
      shown.update(1)
  return warmed


def _named(members: list[Member], place: int) -> str:
  """Which of several models, for a message about it."""
  return f' of seed {members[place].seed}' if len(members) > 1 else ''


def _save(run: Run, state, metrics, outputs: Outputs) -> None:
  """Saves states that can be resumed from: their parameters are finite."""
  step = step_of(state)
  states = members_of(run, state)
  for place, one in enumerate(_variables(run, state)):
    for leaf in jax.tree.leaves(one):
      if not np.isfinite(np.asarray(leaf, np.float32)).all():
        of_seed = _named(outputs.members, place)
        raise errors.DivergedError(
          f'the parameters{of_seed} after step {step} are not finite; {_ADVICE}'
        )
  for place, (member, one) in enumerate(
    zip(outputs.members, states, strict=True)
  ):
    if step not in member.checkpoints.steps():
      member.checkpoints.save(step, one, metrics and metrics[place])


def _write_metrics(step: int, pending, outputs: Outputs) -> None:
  """Writes means over the steps since the last time; stops on a bad loss."""
  pending = jax.device_get(pending)
  rows = [one._asdict() for one in pending]
  columns = {
    f'train_{name}': np.stack([np.atleast_1d(row[name]) for row in rows])
    for name, value in rows[0].items()
    if value is not None
  }
  _check_finite(step, columns['train_loss'], outputs)
  for place, member in enumerate(outputs.members):
    means = {
      name: float(values[:, place].mean()) for name, values in columns.items()
    }
    member.write(step, means)
  loss = columns['train_loss'].mean()
  outputs.shown.set_postfix(loss=f'{loss:.4f}')


def _check_finite(step: int, losses: np.ndarray, outputs: Outputs) -> None:
  """Losses [steps, models], the last of them that of `step`."""
  if np.isfinite(losses).all():
    return
  back, place = np.argwhere(~np.isfinite(losses))[0]
  first = step - len(losses) + 1 + int(back)
  of_seed = _named(outputs.members, place)
  loss = losses[back, place]
  raise errors.DivergedError(
    f'the loss{of_seed} of step {first} is {loss}, not finite; {_ADVICE}'
  )


def _report_epoch(run: Run, step: int, found, outputs) -> None:
  what = 'validation' if run.is_validated else 'test'
  for member, accuracy in zip(outputs.members, found, strict=True):
    member.write(step, {f'{what}_accuracy': accuracy})
  epoch = step // run.steps_per_epoch
  shown = f'{found[0]:.2%}'
  if len(found) > 1:
    shown = f'{min(found):.2%} to {max(found):.2%}'
  metric_writers.say(
    f'{run.config.variant} on {run.config.dataset}:'
    f' epoch {epoch}/{run.config.num_epochs}, step {step},'
    f' {what} accuracy {shown}'
  )
