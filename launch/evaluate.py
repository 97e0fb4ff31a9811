"""Measures a trained classifier on a benchmark of corrupted images.

  python launch/evaluate.py --workdir=DIR --benchmark=mnist_c

Writes a table and a figure to DIR/evaluation, and prints the table.
"""

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


def _step() -> int | str | None:
  """The flag --step as `restore` takes it."""
  if _STEP.value == 'latest':
    return None
  if _STEP.value == 'best':
    return 'best'
  if not _STEP.value.isdigit():
    raise errors.InputError('step', 'a step, latest or best', _STEP.value)
  return int(_STEP.value)


def main(argv):
  del argv
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
  folder = pathlib.Path(_WORKDIR.value).expanduser() / 'evaluation'
  paths = report.save({config.variant: found}, folder, details=details)
  print(found.to_markdown(config.variant))
  print('saved', ', '.join(path.name for path in paths), 'in', folder)


if __name__ == '__main__':
  command_line.run(main)
