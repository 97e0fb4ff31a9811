"""Downloads TFDS data sets and prepares them for reading without TensorFlow.

  python launch/prepare_data.py mnist [--data_dir=DIR]

Some data sets can only be prepared where TensorFlow is installed,
mnist_corrupted among them: pip install -e '.[tfds-build]'. Reading never needs
it.
"""

from collections.abc import Sequence
import pathlib

from absl import flags

import command_line
from robustjax import errors
from robustjax.data import sources

_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)


def _builders(name: str, data_dir: str) -> list:
  """One builder, or one per config of a data set named without one."""
  import tensorflow_datasets as tfds

  options = {'data_dir': data_dir, 'file_format': 'array_record'}
  try:
    builder_class = tfds.builder_cls(name.partition('/')[0])
  except (tfds.core.DatasetNotFoundError, ValueError) as error:
    raise errors.InputError('data set', 'a TFDS name', repr(name)) from error
  configs = [config.name for config in builder_class.BUILDER_CONFIGS]
  if '/' in name:
    config = name.partition('/')[2]
    errors.check_choice(f'config of {name.partition("/")[0]}', config, configs)
    return [tfds.builder(name, **options)]
  names = [f'{name}/{config}' for config in configs] or [name]
  return [tfds.builder(each, **options) for each in names]


def main(names: Sequence[str]):
  if not names:
    raise errors.InputError('arguments', 'names of TFDS data sets', 'none')
  data_dir = str(_DATA_DIR.value or sources.default_data_dir())
  data_dir = str(pathlib.Path(data_dir).expanduser())
  for name in names:
    for builder in _builders(name, data_dir):
      builder.download_and_prepare()
      print('prepared', builder.info.full_name, 'in', builder.data_dir)


if __name__ == '__main__':
  command_line.run(main, takes_names=True)
