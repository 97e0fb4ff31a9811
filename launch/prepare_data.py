"""Downloads TFDS data sets and prepares them for reading without TensorFlow.

  python launch/prepare_data.py mnist [--data_dir=DIR]

Some data sets can only be prepared where TensorFlow is installed,
mnist_corrupted among them: pip install -e '.[tfds-build]'. Reading never needs
it.
"""

from collections.abc import Sequence

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
  except tfds.core.DatasetNotFoundError as error:
    raise errors.InputError('data set', 'a TFDS name', repr(name)) from error
  configs = [config.name for config in builder_class.BUILDER_CONFIGS]
  if '/' in name or not configs:
    return [tfds.builder(name, **options)]
  return [tfds.builder(f'{name}/{config}', **options) for config in configs]


def main(argv: Sequence[str]):
  names = argv[1:]
  if not names:
    raise errors.InputError('arguments', 'names of TFDS data sets', 'none')
  data_dir = _DATA_DIR.value or str(sources.default_data_dir())
  for name in names:
    for builder in _builders(name, data_dir):
      builder.download_and_prepare()
      print('prepared', builder.info.full_name, 'in', builder.data_dir)


if __name__ == '__main__':
  command_line.run(main)
