"""Bad input at the command line: one line, exit code 2, nothing written."""

import errno
import importlib
import subprocess
import sys

import pytest

from robustjax import errors

_CONFIG = '--config=configs/noiseout.py'


# By which ml_collections reads a config file.
_OLD_LOADER = 'ignore:the load_module:DeprecationWarning'
pytestmark = pytest.mark.filterwarnings(_OLD_LOADER)


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ([_CONFIG, '--config.noize.rate=1'], "did you mean 'noise.rate'"),
    ([_CONFIG, '--config.noise.rate=1.5'], 'noise.rate: expected a number'),
    ([_CONFIG, '--epochs=3'], "Unknown command line flag 'epochs'"),
    ([], 'config'),
    (['--config=configs/none.py'], "expected a config file, got 'configs/none"),
    ([f'{_CONFIG}:gated'], "cnn | noiseout | noiseout_fig, got 'gated'"),
    ([_CONFIG, '--config.noise.rate=a'], 'could not convert'),
    ([_CONFIG, '--config.noise.strategy=x'], 'noise.strategy: expected one of'),
    ([_CONFIG, '--config.gate.kind=dens'], "did you mean 'dense'"),
    ([_CONFIG, '--data_dir=/nonexistent'], 'launch/prepare_data.py mnist'),
    (['--config.seed=3'], 'expected --config=FILE'),
    (['--config', 'configs/none.py:cnn'], 'expected a config file'),
    (['--config='], 'expected a config file'),
    (['--config=README.md'], 'SyntaxError'),
    ([_CONFIG, 'config.seed=3'], 'arguments: expected flags only'),
    (
      [_CONFIG, '--config.dataset=digits', '--workdir='],
      'workdir: expected a path on this machine, got',
    ),
    ([_CONFIG, '--workdir=~no-such-user/x'], 'workdir: expected a home folder'),
    ([_CONFIG, '--workdir=gs://bucket/x'], 'workdir: expected a path'),
    ([_CONFIG, '--data_dir=~no-such-user'], 'data_dir: expected a home'),
    (['--flagfile=/no-such-file'], 'Unable to open flagfile'),
    (
      [_CONFIG, '--config.model.hidden_size=99999999999999999999'],
      'model.hidden_size: expected an integer',
    ),
    ([_CONFIG, '--config.ant.kernel_size=2'], 'ant.kernel_size: expected 1 or'),
    (
      [_CONFIG, '--coordinator=x', '--num_processes=2', '--process_id=0'],
      'coordinator: expected HOST:PORT',
    ),
  ],
)
def test_bad_input_ends_in_one_line(run_script, tmp_path, arguments, message):
  workdir = f'--workdir={tmp_path / "run"}'
  code, printed = run_script('launch/train.py', workdir, *arguments)
  assert code == 2
  assert message in printed
  assert printed.startswith('error: ')
  assert len(printed.strip().splitlines()) == 1
  assert not (tmp_path / 'run').exists()


def test_a_command_of_its_own_ends_so_too(root):
  """Nothing of Python, JAX or their libraries is printed beside the line."""
  done = subprocess.run(
    [sys.executable, 'launch/train.py', _CONFIG, '--config.noize.rate=1'],
    cwd=root,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 2
  assert done.stderr.startswith(
    "error: config field: did you mean 'noise.rate'"
  )
  assert done.stderr.count('\n') == 1
  assert not done.stdout


def test_help_shows_the_flags_and_is_no_failure(namespace, capsys):
  with pytest.raises(SystemExit) as caught:
    namespace('launch/train.py', ['--help'], run_name='__main__')
  assert caught.value.code == 0
  printed = capsys.readouterr().out
  for flag in ('--config', '--workdir', '--data_dir'):
    assert flag in printed


@pytest.fixture
def run_main(root, monkeypatch, capsys):
  """`command_line.run` of a main; returns the exit code and stderr."""
  monkeypatch.syspath_prepend(str(root / 'launch'))
  command_line = importlib.import_module('command_line')

  def run(main):
    monkeypatch.setattr(
      command_line.app, 'run', lambda checked, flags_parser: checked(['x'])
    )
    with pytest.raises(SystemExit) as caught:
      command_line.run(main)
    return caught.value.code, capsys.readouterr().err

  return run


@pytest.mark.parametrize(
  'error',
  [
    errors.InputError('rate', 'a number', "'a\nb'"),
    errors.DivergedError('the loss of step 3 is nan, not finite'),
    OSError(errno.ENOSPC, 'No space left on device', '/tmp/x'),
    OSError(errno.EROFS, 'Read-only file system', '/tmp/x'),
  ],
)
def test_what_is_no_bug_ends_in_one_line(run_main, error):
  def main(names):
    raise error

  code, printed = run_main(main)
  assert code == 2
  assert printed.startswith('error: ')
  assert printed.count('\n') == 1


@pytest.mark.parametrize('error', [FloatingPointError('x'), OSError(5, 'I/O')])
def test_a_bug_keeps_its_traceback(run_main, error):
  def main(names):
    raise error

  with pytest.raises(type(error)):
    run_main(main)


@pytest.mark.slow
def test_a_training_that_diverges_says_so_in_one_line(run_script, tmp_path):
  code, printed = run_script(
    'launch/train.py', '--config=configs/noise_progression.py:clear',
    '--config.dataset=digits', '--config.model.width=0.05',
    '--config.optimizer.learning_rate=1000', f'--workdir={tmp_path}',
  )  # fmt: skip
  assert code == 2
  assert 'not finite; a smaller optimizer.learning_rate' in printed
  assert len(printed.strip().splitlines()) == 1


@pytest.mark.parametrize(
  ('script', 'arguments', 'message'),
  [
    ('evaluate.py', ['--workdir=/no/run'], 'workdir: expected a folder'),
    ('quickstart.py', ['--workdir='], 'workdir: expected a path on this'),
    ('quickstart.py', ['--workdir=a[1]'], 'workdir: expected a folder without'),
    ('quickstart.py', ['--num_epochs=0'], 'num_epochs: expected an integer'),
    ('prepare_data.py', [], 'arguments: expected names of TFDS data sets'),
    ('prepare_data.py', ['Bad Name!'], 'data set: expected a TFDS name'),
    ('prepare_data.py', ['mnist_corrupted/fgo'], "did you mean 'fog'"),
    ('prepare_data.py', ['mnist', '--data_dir=~no-such-user'], 'a home folder'),
  ],
)
def test_other_scripts_name_bad_input_too(
  run_script, script, arguments, message
):
  code, printed = run_script(f'launch/{script}', *arguments)
  assert (code, message in printed) == (2, True), printed
  assert len(printed.strip().splitlines()) == 1
