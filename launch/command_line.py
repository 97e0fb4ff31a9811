"""What the launch scripts share: configs by path, and errors in one line."""

from collections.abc import Callable
from collections.abc import Sequence
import os
import pathlib
import runpy
import sys

from absl import app
from absl import flags
from absl import logging
import ml_collections
from ml_collections import config_flags

from robustjax import errors

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTERRUPTED = 130  # exit code, as shells give it after Ctrl-C


def load_config(path: os.PathLike, variant: str) -> ml_collections.ConfigDict:
  """The config a file in configs/ gives for a variant."""
  return runpy.run_path(str(path))['get_config'](variant)


def define_config() -> flags.FlagHolder:
  """The flag --config=FILE[:VARIANT], with --config.FIELD=VALUE beside it."""
  return config_flags.DEFINE_config_file(
    'config',
    None,
    'FILE[:VARIANT], such as configs/noiseout.py:noiseout; any of its fields'
    ' can be changed with --config.FIELD=VALUE.',
    lock_config=True,
  )


def define_data_dir() -> flags.FlagHolder:
  """The flag --data_dir."""
  return flags.DEFINE_string(
    'data_dir',
    None,
    'Folder of prepared TFDS data sets; by default $TFDS_DATA_DIR, else'
    ' ~/tensorflow_datasets.',
  )


def _check_config_file(argv: Sequence[str]) -> None:
  """config_flags reports a missing file in fifty lines; this does in one."""
  names = [argument.lstrip('-').partition('=') for argument in argv[1:]]
  is_used = any(name.startswith('config.') for name, _, _ in names)
  paths = [
    value.partition(':')[0] for name, _, value in names if name == 'config'
  ]
  if is_used and not paths:
    expected = '--config=FILE[:VARIANT] beside --config.FIELD=VALUE'
    raise errors.InputError('config', expected, 'none')
  for path in paths:
    if path and not os.path.isfile(path):
      raise errors.InputError('config', 'a config file', path)


def _parse(argv: Sequence[str]) -> list[str]:
  _check_config_file(argv)
  try:
    return flags.FLAGS(argv)
  except (flags.Error, AttributeError, KeyError, TypeError) as error:
    # ml_collections reports an unknown field or a value of another type by the
    # last three, and wraps what a config file raised in the first.
    raise errors.InputError('flags', 'as --help says', _cause(error)) from error


def _cause(error: Exception) -> str:
  """The last line of the message: above it may stand a config's traceback."""
  message = str(error.args[0]) if error.args else str(error)
  return message.strip().splitlines()[-1].removeprefix('ValueError: ')


def run(main: Callable[[Sequence[str]], int | None]) -> None:
  """Parses the flags and runs `main`; bad input ends in one line and code 2."""
  logging.set_verbosity(logging.ERROR)
  try:
    app.run(main, flags_parser=_parse)
  except errors.InputError as error:
    print(f'error: {error}', file=sys.stderr)
    sys.exit(2)
