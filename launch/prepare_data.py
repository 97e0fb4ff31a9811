"""Downloads TFDS data sets and prepares them for reading without TensorFlow.

  python launch/prepare_data.py mnist [--data_dir=DIR]

Some data sets can only be prepared where TensorFlow is installed,
mnist_corrupted and imagenet2012 among them: pip install -e '.[tfds-build]'.
Reading never needs it.

The archives of imagenet2012 are downloaded by hand, from
https://image-net.org/download-images, into DIR/downloads/manual:
ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar.

iwildcam is not prepared: the files of the Kaggle competition
iwildcam-2019-fgvc6 go into DIR/iwildcam as they are.
"""

from collections.abc import Sequence
import pathlib

from absl import flags

import command_line
from robustjax import errors
from robustjax.data import camera_traps
from robustjax.data import sources

# What `data.load` reads beside TFDS's, and what takes the place of preparing.
_NOT_PREPARED = {
  camera_traps.NAME: 'the files of the Kaggle competition iwildcam-2019-fgvc6'
  ' go into {}/iwildcam as they are',
  'digits': 'they come with scikit-learn',
}

_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)


def _builders(name: str, data_dir: str) -> list:
  """One builder, or one per config of a data set named without one."""
  import tensorflow_datasets as tfds

  where = _NOT_PREPARED.get(name.partition('/')[0])
  if where:
    got = f'{name} ({where.format(data_dir)})'
    raise errors.InputError('data set', 'a TFDS name', got)
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


def _prepare(builder, data_dir: str) -> None:
  manual = pathlib.Path(data_dir) / 'downloads' / 'manual'
  instructions = ' '.join((builder.MANUAL_DOWNLOAD_INSTRUCTIONS or '').split())
  if instructions and not (manual.is_dir() and any(manual.iterdir())):
    expected = f'in {manual} what is downloaded by hand ({instructions})'
    raise errors.InputError(builder.name, expected, 'nothing there')
  try:
    builder.download_and_prepare()
  except ModuleNotFoundError as error:
    if error.name != 'tensorflow':
      raise
    expected = "TensorFlow, which only preparing needs (the extra 'tfds-build')"
    raise errors.InputError(builder.name, expected, 'none') from error
  except (OSError, AssertionError) as error:  # The latter from TFDS itself.
    expected = f'a data set that can be downloaded, and written to {data_dir}'
    got = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise errors.InputError(builder.name, expected, got) from error
  print('prepared', builder.info.full_name, 'in', builder.data_dir)


def main(names: Sequence[str]):
  if not names:
    raise errors.InputError('arguments', 'names of TFDS data sets', 'none')
  data_dir = str(_DATA_DIR.value or sources.default_data_dir())
  data_dir = str(pathlib.Path(data_dir).expanduser())
  for name in names:
    for builder in _builders(name, data_dir):
      _prepare(builder, data_dir)


if __name__ == '__main__':
  command_line.run(main, takes_names=True)
