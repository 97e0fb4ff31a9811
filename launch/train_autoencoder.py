"""Trains the autoencoder that DeepAugment sends images through.

  python launch/train_autoencoder.py --dataset=cifar10 --out=FILE.npz
  python launch/train_autoencoder.py --dataset=imagenet2012 --side=224 \
    --batch_size=32 --out=FILE.npz

Then give the file to launch/train.py, as --config.deep_augment.autoencoder=FILE
beside --config.deep_augment.kind=autoencoder.
The EDSR and CAE of the paper are other networks, with other weights: a result
should say that it comes from this one.
"""

import tempfile

from absl import flags

import command_line
from robustjax import augmentation
from robustjax import errors
from robustjax import files
from robustjax import random_keys
from robustjax.training import autoencoder_training
from robustjax.training import config_fields

_DATASET = flags.DEFINE_string(
  'dataset', 'cifar10', 'Name of a data set, as in a config.'
)
_OUT = flags.DEFINE_string(
  'out', None, 'File for the weights, an .npz.', required=True
)
_NUM_STEPS = flags.DEFINE_integer('num_steps', 1000, 'Steps of training.')
_BATCH_SIZE = flags.DEFINE_integer('batch_size', 32, 'Images per step.')
_SEED = flags.DEFINE_integer(
  'seed', 0, 'Of the first weights, the order and the crops.'
)
_SIDE = flags.DEFINE_integer(
  'side', None, 'H and W of the crops of photographs, and only there.'
)
_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)


def _check_out() -> None:
  """Minutes before the file is written, not after."""
  path = files.local_path('out', _OUT.value)
  try:  # What the system says of rights is not so for every folder.
    with tempfile.TemporaryFile(dir=path.parent):
      is_writable = True
  except OSError:
    is_writable = False
  if path.is_dir() or not is_writable:
    expected = 'a file in a folder that can be written to'
    raise errors.InputError('out', expected, repr(_OUT.value))


def main(unused_names):
  _check_out()
  config_fields.FIELDS['dataset']('dataset', _DATASET.value)
  random_keys.check_seed('seed', _SEED.value)
  for flag, high in ((_NUM_STEPS, 10**7), (_BATCH_SIZE, 10**6), (_SIDE, 4096)):
    if flag.value is not None:
      errors.check_integer(flag.name, flag.value, low=1, high=high)
  where = {'data_dir': _DATA_DIR.value, 'side': _SIDE.value}
  batches = autoencoder_training.read_images(
    _DATASET.value, seed=_SEED.value, batch_size=_BATCH_SIZE.value, **where
  )
  test = autoencoder_training.held_out(_DATASET.value, **where)
  untrained = autoencoder_training.init(_SEED.value, test.shape[-1])
  trained = autoencoder_training.fit(
    untrained, batches, num_steps=_NUM_STEPS.value
  )
  augmentation.save_autoencoder(_OUT.value, trained.variables)
  before, after = (
    autoencoder_training.reconstruction_error(network, test)
    for network in (untrained, trained)
  )
  print(
    f'off by {before:.1f} grey levels before and {after:.1f} after'
    f' {_NUM_STEPS.value} steps (root mean square, {len(test)} test images)'
  )
  print('saved', _OUT.value)


if __name__ == '__main__':
  command_line.run(main, resumes=False)
