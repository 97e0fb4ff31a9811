"""Trains classifiers from a config; resumes where an earlier run stopped."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import os
import pathlib
import platform
import time
from typing import Any

import jax
import ml_collections

from robustjax import errors
from robustjax import files
from robustjax import progress
from robustjax.training import checkpointing
from robustjax.training import interruption
from robustjax.training import loop
from robustjax.training import metric_writers
from robustjax.training import preparing
from robustjax.training import processes
from robustjax.training import run_config
from robustjax.training import run_data
from robustjax.training import run_files
from robustjax.training import seeds
from robustjax.training import sharding
from robustjax.training import workdir_lock

_SUMMARY = 'summary.json'
_TIMED = {'step': 'an integer', 'seconds': 'a number'}
_ENTRIES = _TIMED | {
  'variant': 'text',
  'dataset': 'text',
  'seed': 'an integer',
  'finished': 'true or false',
  'num_steps': 'an integer',
  'steps_per_epoch': 'an integer',
  'test_accuracy': 'a number or null',
  'num_parameters': 'an integer',
  'seeds_at_once': 'an integer',
  'input_wait_share': 'a number',
  'devices': 'text',
  'processes': 'an integer',
}


def train(
  config: ml_collections.ConfigDict,
  workdir: str | os.PathLike,
  *,
  data_dir: str | os.PathLike | None = None,
  devices: Sequence[jax.Device] | None = None,
) -> dict[str, Any]:
  """Trains a classifier, or goes on training it; or several with other seeds.

  Called again with the same config and workdir, it resumes from the newest
  checkpoint that is intact; N steps in one go and N steps with interruptions
  end with the same parameters, bit for bit, on the same devices and versions.
  Ctrl-C and SIGTERM save and return.

  With `config.num_seeds` above 1 the models of seeds seed, seed + 1, ... are
  trained, each in the folder `seed-N` of the workdir: a run of its own, with
  the draws and the order it would have alone. On CPU they are trained in turn,
  each on all devices; elsewhere at once, by one program, each on one device.

  On several JAX processes every one of them calls this with the same arguments,
  and all see the same workdir. The first one writes; each reads its part of a
  batch, and classifies its part of the test images. Seeds are trained in turn.

  Args:
    config: a config as in configs/; every field is checked.
    workdir: receives config.json, dataset.json, checkpoints/, metrics.jsonl,
      tensorboard/ and summary.json; with several seeds, a folder with these for
      each seed, and a summary.json of all.
    data_dir: folder of prepared TFDS data sets; see `data.load`.
    devices: the devices to use; all by default. They must divide the batch
      size, unless several seeds are trained at once.

  Returns:
    The summary: whether training finished, the last step, its test accuracy,
    number of parameters, seconds spent, the share of this call's training time
    in which it waited for images, devices and versions. With several seeds:
    whether all finished, and the list `runs` of their summaries.

  Raises:
    errors.InputError: on a bad config, an unprepared data set, a mesh that does
      not fit the devices, processes with different configs, a photograph that
      does not decode, a workdir with the run of another config, one whose
      checkpoints are all damaged, one another run is writing to, or one that
      cannot be written to. On several processes, on every one.
    errors.DivergedError: if loss or parameters are not finite; it names the
      step.
  """
  with processes.fail_together():
    devices = list(devices) if devices is not None else jax.devices()
    folder = processes.agree(lambda: run_files.check_new('workdir', workdir))
    data = processes.agree(
      lambda: preparing.check_and_load(config, data_dir, devices)
    )
    processes.check_same('config', run_config.flatten(config))
    processes.check_same('workdir', {'path': str(folder.resolve())})
    processes.agree(lambda: run_files.check(folder, config))
    with interruption.Interruption() as interrupted:
      if config.num_seeds == 1:
        return _train_group([(config, folder)], data, devices, interrupted)[0]
      with _hold(folder, config):
        return _train_seeds(config, folder, data, devices, interrupted)


@contextlib.contextmanager
def _hold(folder: pathlib.Path, config) -> Iterator[None]:
  """Locks a folder, then makes it this run's; one process does, for all."""
  with contextlib.ExitStack() as stack:

    def claim():
      if processes.is_first():
        stack.enter_context(workdir_lock.workdir_lock(folder))
        run_files.claim(folder, config)

    processes.agree(claim)
    yield


def _train_seeds(config, folder, data: run_data.RunData, devices, interrupted):
  """Trains every seed in a folder of its own; returns the summary of all."""
  runs = []
  for seed in range(config.seed, config.seed + config.num_seeds):
    single = ml_collections.ConfigDict(config.to_dict())
    single.seed, single.num_seeds = seed, 1
    runs.append((single.lock(), run_files.seed_folder(folder, seed)))
  # Before the first of them is trained.
  processes.agree(lambda: [run_files.check(own, one) for one, own in runs])
  at_once = preparing.are_seeds_at_once(config, data, devices)
  groups = [runs] if at_once else [[run] for run in runs]
  summaries = []
  for group in groups:
    summaries += _train_group(group, data, devices, interrupted)
    if interrupted.agreed():
      break
  summary = {
    'variant': config.variant,
    'dataset': config.dataset,
    'finished': len(summaries) == len(runs)
    and all(one['finished'] for one in summaries),
    'step': min(one['step'] for one in summaries),
    'runs': summaries,
  }
  _write_summary(folder, summary)
  return summary


def _train_group(runs, data: run_data.RunData, devices, interrupted):
  """Trains models that differ by seed; those at one step, at once.

  Models that were not saved at the same step, as when a process is killed
  between two of them, or a run gets more seeds, go on in groups of their own.
  """
  with contextlib.ExitStack() as stack:
    opened = []
    for config, folder in runs:
      stack.enter_context(_hold(folder, config))
      about = run_files.about(config, data.image_shape, data.test.num_classes)
      checkpoints = stack.enter_context(
        checkpointing.Checkpoints(folder, about)
      )
      opened.append((config, folder, checkpoints))
    started = [preparing.first_state(*one, data, devices) for one in opened]
    steps = [int(state.step) for state in started]  # Training donates states.
    summaries = {}
    for step in sorted(set(steps), reverse=True):
      start = time.monotonic()
      places = [place for place, other in enumerate(steps) if other == step]
      group = [(opened[place], started[place]) for place in places]
      found = _finished(group) or _train_together(
        group, data, devices, interrupted
      )
      seconds = time.monotonic() - start
      for ((config, folder, _), _), summary in zip(group, found, strict=True):
        total = _total_seconds(folder, step, summary, seconds)
        summary['seconds'] = round(total, 1)
        _write_summary(folder, summary)
        summaries[config.seed] = summary
  return [summaries[config.seed] for config, _ in runs]


def _finished(group) -> list[dict[str, Any]] | None:
  """The summaries of models that were trained to the end before, if all were.

  They name the devices and versions that trained them, not those at hand.
  """
  found = []
  for (config, folder, _), state in group:
    summary = _read_summary(folder, _ENTRIES)
    if summary is None or summary['steps_per_epoch'] < 1:
      return None
    epochs = summary['num_steps'] // summary['steps_per_epoch']
    is_last = summary['step'] == summary['num_steps'] == int(state.step)
    if not is_last or epochs != config.num_epochs:
      return None
    found.append(summary)
  return found


def _total_seconds(folder, first_step: int, summary, seconds: float) -> float:
  """Seconds of this call, and of those that ended where it began."""
  before = _read_summary(folder, _TIMED) or {}
  total = before.get('seconds', 0) if before.get('step') == first_step else 0
  if summary['step'] > first_step or not total:
    total += seconds
  return total


def _train_together(group, data: run_data.RunData, devices, interrupted):
  """Trains models that are at the same step; returns a summary for each."""
  configs = [config for (config, _, _), _ in group]
  states = [state for _, state in group]
  run = preparing.assemble(configs, data, devices)
  if sharding.is_over_seeds(run.mesh):
    stacked = seeds.stack(states)
    layout = sharding.Layout(run.mesh)
    state = jax.device_put(stacked, layout.of(stacked))
  else:
    state = states[0]
  step = loop.step_of(state)
  with contextlib.ExitStack() as stack:
    stack.callback(run.feed.close)
    members = [
      loop.Member(
        config.seed,
        checkpoints,
        _writers(stack, folder, step),
      )
      for (config, folder, checkpoints), _ in group
    ]
    what = 'training'
    if len(members) > 1:
      what += f' {len(members)} seeds'
    shown = progress.bar(run.num_steps, what, initial=step)
    outputs = loop.Outputs(members, interrupted, stack.enter_context(shown))
    start = time.monotonic()
    state, accuracies = loop.run_epochs(run, state, outputs)
    waited = run.feed.seconds_waited / (time.monotonic() - start)
  return _summarize(run, state, accuracies, configs, waited)


def _writers(stack, folder, step: int) -> metric_writers.MetricWriters | None:
  """Where metrics go; one process writes them."""
  if not processes.is_first():
    return None
  return stack.enter_context(metric_writers.MetricWriters(folder, step))


def _summarize(run: loop.Run, state, accuracies, configs, waited: float):
  """What `train` returns and summary.json holds, for each model."""
  step = loop.step_of(state)
  is_finished = step == run.num_steps
  if is_finished and (accuracies is None or run.is_validated):
    # An earlier run had finished it, or they are of other images.
    accuracies = loop.accuracies(run, state, run.test_data)
  accuracies = accuracies if is_finished or not run.is_validated else None
  sizes = [leaf.size for leaf in jax.tree.leaves(state.params)]
  accuracies = accuracies or [None] * len(configs)
  return [
    {
      'variant': config.variant,
      'dataset': config.dataset,
      'seed': config.seed,
      'finished': is_finished,
      'step': step,
      'num_steps': run.num_steps,
      'steps_per_epoch': run.steps_per_epoch,
      'test_accuracy': accuracy,
      'num_parameters': sum(sizes) // len(configs),
      'seeds_at_once': len(configs),
      'input_wait_share': round(waited, 4),
      'devices': f'{run.mesh.size} x {run.mesh.devices.flat[0].device_kind}',
      'processes': jax.process_count(),
      'jax': jax.__version__,
      'python': platform.python_version(),
    }
    for config, accuracy in zip(configs, accuracies, strict=True)
  ]


def _read_summary(
  folder: pathlib.Path, entries: Mapping[str, str]
) -> dict[str, Any] | None:
  """What an earlier call wrote; None if it did not, or not as we do."""
  try:
    return files.read_json(folder / _SUMMARY, entries)
  except errors.InputError:
    return None


def _write_summary(folder: pathlib.Path, summary: dict[str, Any]) -> None:
  if not processes.is_first():
    return
  path = folder / _SUMMARY
  if path.is_dir():
    aside = files.set_aside(path).name
    metric_writers.say(f'{path} is a folder: it is now {aside}')
  files.write_json(path, summary)
