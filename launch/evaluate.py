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


def main(unused_names):
  restored = robustjax.restore(_WORKDIR.value, _step())
  config = restored.config
  source = None
  if _BENCHMARK.value != 'mnist_c':
    source = data.load(config.dataset, 'test', data_dir=_DATA_DIR.value)
  found = robustjax.evaluate(
    restored.predict,
    source,
    benchmark=_BENCHMARK.value,
    data_dir=_DATA_DIR.value,
    batch_size=_BATCH_SIZE.value,
  )
  details = {
    'trained on': f'{config.dataset}, seed {config.seed}',
    'step': restored.step,
    'devices': ', '.join(sorted({d.device_kind for d in jax.devices()})),
    'versions': f'JAX {jax.__version__}, Python {platform.python_version()}',
  }
  details |= _gate_details(restored)
  folder = pathlib.Path(_WORKDIR.value).expanduser() / 'evaluation'
  paths = report.save({config.variant: found}, folder, details=details)
  print(found.to_markdown(config.variant))
  print('\n'.join(f'{name}: {value}' for name, value in details.items()))
  print('saved', ', '.join(path.name for path in paths), 'in', folder)


if __name__ == '__main__':
  command_line.run(main)
