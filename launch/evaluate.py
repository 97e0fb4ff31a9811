"""Measures a trained classifier on a benchmark of corrupted images.

  python launch/evaluate.py --workdir=DIR --benchmark=mnist_c

Writes a table and a figure to DIR/evaluation, and prints the table.
"""

import functools
import pathlib
import platform

from absl import flags
import jax

import command_line
import robustjax
from robustjax import data
from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import report
from robustjax.evaluation import statistics
from robustjax.training import run_config

_WORKDIR = flags.DEFINE_string(
  'workdir', None, 'Folder launch/train.py wrote to.', required=True
)
_BENCHMARK = flags.DEFINE_enum(
  'benchmark',
  'mnist_c',
  evaluation.BENCHMARKS,
  'mnist_c: the 16 sets of mnist_corrupted. degradations: noise and blur of'
  ' rising strength on the test images of the data set the run was trained on.',
)
_STEP = flags.DEFINE_string(
  'step', 'latest', 'Checkpoint: a step, latest or best.'
)
_BATCH_SIZE = flags.DEFINE_integer(
  'batch_size', 128, 'Images per call; larger is faster on GPU, not on CPU.'
)
_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)


def _step() -> int | str:
  """The flag --step as `restore` takes it."""
  if _STEP.value in ('latest', 'best'):
    return _STEP.value
  try:
    return int(_STEP.value)
  except ValueError as error:
    expected = 'a step, latest or best'
    raise errors.InputError('step', expected, _STEP.value) from error


def _gate_details(restored) -> dict[str, str]:
  """What the gates do on the clean test images; nothing without gates."""
  config = restored.config
  if config.gate.kind == 'none':
    return {}

  def call(method):
    apply = functools.partial(restored.model.apply, method=method)
    jitted = jax.jit(apply)
    return lambda x: jitted(restored.variables, x)

  try:
    clean = data.load(config.dataset, 'test', data_dir=_DATA_DIR.value)
  except errors.InputError as error:
    return {'gates': f'not measured: {error}'}
  found = evaluation.gate_activity(
    call('forward'), call('classify'), clean, batch_size=_BATCH_SIZE.value
  )
  return {
    'gates on clean images': f'mean {found.mean:.3f},'
    f' {found.share_decided:.1%} outside [0.1, 0.9]',
    'clean accuracy': f'{found.accuracy:.2%}; with every gate replaced by its'
    f' mean {found.accuracy_with_mean_gates:.2%}',
  }


def _restore_all() -> dict[str, robustjax.training.Restored]:
  """The run's classifier, or one per seed, by the name of its column."""
  workdir, step = _WORKDIR.value, _step()
  config = run_config.read(workdir)
  if config.num_seeds == 1:
    return {config.variant: robustjax.restore(workdir, step)}
  seeds = range(config.seed, config.seed + config.num_seeds)
  return {
    f'{config.variant}, seed {seed}': robustjax.restore(
      run_config.seed_folder(workdir, seed), step
    )
    for seed in seeds
  }


def _over_seeds(table) -> dict[str, str]:
  """Mean, deviation and interval over seeds; nothing for a single run."""
  if len(table) == 1:
    return {}
  shown = {}
  for what, name in (
    ('all sets', 'accuracy'),
    ('the corrupted sets', 'corrupted_accuracy'),
  ):
    values = [100 * getattr(found, name) for found in table.values()]
    one = statistics.summarize(values)
    shown[f'mean of {what}'] = (
      f'{one.mean:.2f} ± {one.deviation:.2f} %'
      f' (95 % ±{one.half_width:.2f}, n {one.n})'
    )
  return shown


def main(unused_names):
  classifiers = _restore_all()
  first = next(iter(classifiers.values()))
  config = first.config
  source = None
  if _BENCHMARK.value != 'mnist_c':
    source = data.load(config.dataset, 'test', data_dir=_DATA_DIR.value)
  table = {
    name: robustjax.evaluate(
      restored.predict,
      source,
      benchmark=_BENCHMARK.value,
      data_dir=_DATA_DIR.value,
      batch_size=_BATCH_SIZE.value,
    )
    for name, restored in classifiers.items()
  }
  seeds = ', '.join(str(one.config.seed) for one in classifiers.values())
  steps = sorted({one.step for one in classifiers.values()})
  details = {
    'trained on': f'{config.dataset}, seed {seeds}',
    'step': ', '.join(map(str, steps)),
    'devices': ', '.join(sorted({d.device_kind for d in jax.devices()})),
    'versions': f'JAX {jax.__version__}, Python {platform.python_version()}',
  }
  details |= _over_seeds(table)
  for name, restored in classifiers.items():
    of_seed = '' if len(table) == 1 else f', {name}'
    for what, value in _gate_details(restored).items():
      details[what + of_seed] = value
  folder = pathlib.Path(_WORKDIR.value).expanduser() / 'evaluation'
  paths = report.save(table, folder, details=details)
  print(evaluation.to_markdown(table))
  print('\n'.join(f'{name}: {value}' for name, value in details.items()))
  print('saved', ', '.join(path.name for path in paths), 'in', folder)


if __name__ == '__main__':
  command_line.run(main)
