"""From nothing to a table in a minute or two, without a download.

Trains the plain CNN, NoiseOut and NoiseOut with the FIG loss on scikit-learn's
handwritten digits, 14 x 14 pixels, then tests all three on clean digits and
under corruptions of MNIST-C, made on the device.

  python launch/quickstart.py [--workdir=DIR]
"""

import pathlib
import platform
import tempfile

from absl import flags
import jax

import command_line
import robustjax
from robustjax import data
from robustjax import evaluation
from robustjax.evaluation import report
from robustjax.training import run_files

_WORKDIR = flags.DEFINE_string(
  'workdir',
  str(pathlib.Path(tempfile.gettempdir()) / 'robustjax_quickstart'),
  'Folder for checkpoints, the table and the figure.',
)
_NUM_EPOCHS = flags.DEFINE_integer('num_epochs', 12, 'Epochs per classifier.')

# Small enough for gates that see every hidden state: 1600 of them, not 9216.
_DATASET = 'digits/14'
_VARIANTS = ('cnn', 'noiseout', 'noiseout_fig')
_CORRUPTIONS = (
  'identity', 'shot_noise', 'impulse_noise', 'glass_blur', 'brightness',
  'stripe', 'fog', 'zigzag',
)  # fmt: skip
_NEXT = """\
Next, on real MNIST (noiseout: some hours on two CPU cores, minutes on a GPU):
  python launch/prepare_data.py mnist
  python launch/train.py --config=configs/noiseout.py:noiseout --workdir=DIR
  python launch/evaluate.py --workdir=DIR --benchmark=degradations
"""


def _config(variant: str):
  """The paper's config, for a data set with 23 steps in an epoch, not 938."""
  path = command_line.ROOT / 'configs' / 'noiseout.py'
  config = command_line.load_config(path, variant)
  config.dataset = _DATASET
  config.num_epochs = _NUM_EPOCHS.value
  config.optimizer.decay = 0.9
  return config


def main(unused_names):
  workdir = run_files.check_new('workdir', _WORKDIR.value)
  digits = data.load(_DATASET, 'test')
  table = {}
  for variant in _VARIANTS:
    folder = workdir / variant
    summary = robustjax.train(_config(variant), folder)
    if not summary['finished']:
      return command_line.say_interrupted(summary['step'])
    restored = robustjax.restore(folder)
    table[variant] = robustjax.evaluate(
      restored.predict, digits, benchmark='mnist_c', corruptions=_CORRUPTIONS
    )
  details = {
    'trained on': f'{_DATASET}, seed 0, one run each',
    'steps': summary['num_steps'],
    'devices': summary['devices'],
    'versions': f'JAX {jax.__version__}, Python {platform.python_version()}',
  }
  paths = report.save(table, workdir, details=details)
  print('\nAccuracy % on 360 digits, clean and corrupted:\n')
  print(evaluation.to_markdown(table))
  print('saved', ', '.join(path.name for path in paths), 'in', workdir)
  print('checkpoints in', ', '.join(str(workdir / v) for v in _VARIANTS), '\n')
  print(_NEXT)
  return None


if __name__ == '__main__':
  command_line.run(main)
