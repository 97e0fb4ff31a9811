"""What the launch scripts share: configs by path, and errors in one line."""

from collections.abc import Callable
from collections.abc import Sequence
import errno
import os
import pathlib
import runpy
import sys
import traceback

from absl import app
from absl import flags
from absl import logging
import jax
import ml_collections
from ml_collections import config_flags

from robustjax import errors
from robustjax import files
from robustjax import host_memory
from robustjax.training import processes
from robustjax.training import run_config

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTERRUPTED = 130  # exit code, as shells give it after Ctrl-C
# A disk that is full, a folder that may not be written to: no bug of ours.
_UNWRITABLE = (
  errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES,
)  # fmt: skip


def _make_importable() -> None:
  """Lets the files in configs/ import one another."""
  if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def load_config(path: os.PathLike, *variant: str) -> ml_collections.ConfigDict:
  """The config a file in configs/ gives, for a variant or by default."""
  _make_importable()
  return runpy.run_path(str(path))['get_config'](*variant)


def define_config() -> flags.FlagHolder:
  """The flag --config=FILE[:VARIANT], with --config.FIELD=VALUE beside it."""
  _make_importable()
  try:
    return config_flags.DEFINE_config_file(
      'config',
      None,
      'FILE[:VARIANT], such as configs/noiseout.py:noiseout; any of its fields'
      ' can be changed with --config.FIELD=VALUE.',
      lock_config=True,
    )
  except flags.Error as error:  # It looks into a --flagfile at once.
    print(f'error: {error}', file=sys.stderr)
    sys.exit(2)


def define_data_dir() -> flags.FlagHolder:
  """The flag --data_dir."""
  return flags.DEFINE_string(
    'data_dir',
    None,
    'Folder of prepared TFDS data sets; by default $TFDS_DATA_DIR, else'
    ' ~/tensorflow_datasets.',
  )


_PROCESSES = ('coordinator', 'num_processes', 'process_id')


def define_processes() -> None:
  """The flags by which the processes of one run find one another."""
  flags.DEFINE_bool(
    'distributed',
    False,
    'One run on several processes, which find one another by what the cluster'
    ' says of them (Slurm, Cloud TPU, GKE, Open MPI).',
  )
  flags.DEFINE_string(
    'coordinator', None, 'HOST:PORT of process 0, where no cluster says so.'
  )
  flags.DEFINE_integer('num_processes', None, 'How many there are, beside it.')
  flags.DEFINE_integer('process_id', None, 'Which one this is, from 0.')


def join_processes() -> None:
  """Joins the other processes of this run, if the flags say there are any.

  To be called before JAX is used.

  Raises:
    errors.InputError: if only some of the flags are given, or nothing says
      where the others are.
  """
  given = {name: flags.FLAGS[name].value for name in _PROCESSES}
  missing = [name for name, value in given.items() if value is None]
  if len(missing) == len(given) and not flags.FLAGS.distributed:
    return
  if missing and len(missing) < len(given):
    expected = f'a value beside the others of {", ".join(_PROCESSES)}'
    raise errors.InputError(missing[0], expected, 'none')
  if not missing:
    host, _, port = given['coordinator'].rpartition(':')
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
      got = repr(given['coordinator'])
      raise errors.InputError('coordinator', 'HOST:PORT', got)
    count = given['num_processes']
    errors.check_integer('num_processes', count, low=1, high=10**6)
    errors.check_integer('process_id', given['process_id'], high=count - 1)
  try:
    jax.distributed.initialize(
      given['coordinator'], given['num_processes'], given['process_id']
    )
  except (ValueError, RuntimeError) as error:
    expected = 'processes that can reach one another'
    got = str(error).splitlines()[0]
    raise errors.InputError('distributed', expected, got) from error


def _config_arguments(argv: Sequence[str]) -> tuple[list[str], list[str]]:
  """What is given for --config, and the names of fields changed beside it."""
  values, fields = [], []
  for place, argument in enumerate(argv[1:], start=1):
    name, has_value, value = argument.partition('=')
    name = name.lstrip('-') if argument.startswith('-') else ''
    if name == 'config':
      values += [value] if has_value else argv[place + 1 : place + 2]
    elif name.startswith('config.'):
      fields.append(name.removeprefix('config.'))
  return values, fields


def _check_config(argv: Sequence[str]) -> None:
  """Reports in one line what config_flags reports in fifty, or not at all."""
  values, fields = _config_arguments(argv)
  if fields and not values:
    expected = '--config=FILE[:VARIANT] beside --config.FIELD=VALUE'
    raise errors.InputError('config', expected, 'none')
  for value in values:
    path, _, variant = value.partition(':')
    if not os.path.isfile(path):
      raise errors.InputError('config', 'a config file', repr(path))
    try:
      config = load_config(path, *([variant] if variant else []))
      known = run_config.flatten(config)
    except (Exception, SystemExit) as error:  # Whatever a file does when run.
      expected = 'a file whose get_config gives a config'
      got = f'{value}: {type(error).__name__}: {error}'.splitlines()[0]
      raise errors.InputError('config', expected, got) from error
    for field in fields:
      errors.check_choice('config field', field, known)


def _parse(argv: Sequence[str]) -> list[str]:
  _check_config(argv)
  try:
    left = flags.FLAGS(argv)
  except SystemExit as error:  # Of --help, which is no failure.
    raise SystemExit(0) from error
  except Exception as error:  # What a value raises where it is made a number.
    message = str(error.args[0]) if error.args else str(error)
    got = (message.strip() or type(error).__name__).splitlines()[-1]
    raise errors.InputError('flags', 'as --help says', got) from error
  if 'data_dir' in flags.FLAGS and flags.FLAGS.data_dir is not None:
    files.local_path('data_dir', flags.FLAGS.data_dir)
  return left


def run(
  main: Callable[[Sequence[str]], int | None],
  *,
  takes_names: bool = False,
  resumes: bool = True,
) -> None:
  """Parses the flags and runs `main`; bad input ends in one line and code 2.

  So does a training that diverges: it is its config that has to change.

  Args:
    main: takes what is left of the command line after the flags.
    takes_names: whether there may be more left than the program's name.
    resumes: whether the same command goes on where Ctrl-C stopped it.
  """
  # Libraries log pages about what they also raise, and we name in a line.
  logging.set_verbosity(logging.FATAL)
  host_memory.keep_freed()

  def checked(argv):
    if argv[1:] and not takes_names:
      expected = 'flags only, each beginning with --'
      raise errors.InputError('arguments', expected, ' '.join(argv[1:]))
    return main(argv[1:])

  try:
    app.run(checked, flags_parser=_parse)
  except (errors.InputError, errors.DivergedError) as error:
    line = ' '.join(str(error).split())
    print(f'error: {line}', file=sys.stderr)
    processes.leave(2)
  except OSError as error:
    if error.errno not in _UNWRITABLE:
      raise
    print(f'error: {error}', file=sys.stderr)
    processes.leave(2)
  except KeyboardInterrupt:
    what = 'resumes' if resumes else 'begins anew'
    print(f'interrupted; the same command {what}', file=sys.stderr)
    processes.leave(INTERRUPTED)
  except Exception:
    if not processes.are_several():
      raise
    traceback.print_exc()
    processes.leave(1)


def say_interrupted(step: int) -> int:
  """Says what an interrupted run left; returns the exit code."""
  print(f'interrupted after step {step}; the same command resumes')
  return INTERRUPTED
