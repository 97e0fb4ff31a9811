"""Bad input at the command line: one line, exit code 2, nothing written."""

import subprocess
import sys

import pytest


@pytest.fixture
def train(root, tmp_path):
  """Runs launch/train.py; returns exit code and stderr."""

  def run(*arguments, workdir=tmp_path / 'run'):
    command = [sys.executable, 'launch/train.py', f'--workdir={workdir}']
    done = subprocess.run(
      [*command, *arguments], cwd=root, capture_output=True, text=True
    )
    return done.returncode, done.stderr

  return run


_CONFIG = '--config=configs/noiseout.py'


def _slowly(*case):
  return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ([_CONFIG, '--config.noize.rate=1'], "did you mean 'noise.rate'"),
    ([_CONFIG, '--config.noise.rate=1.5'], 'noise.rate: expected a number'),
    ([_CONFIG, '--epochs=3'], "Unknown command line flag 'epochs'"),
    _slowly([], 'config'),
    _slowly(
      ['--config=configs/none.py'], "expected a config file, got 'configs/none"
    ),
    _slowly([f'{_CONFIG}:gated'], "cnn | noiseout | noiseout_fig, got 'gated'"),
    _slowly([_CONFIG, '--config.noise.rate=a'], 'could not convert'),
    _slowly(
      [_CONFIG, '--config.noise.strategy=x'], 'noise.strategy: expected one of'
    ),
    _slowly([_CONFIG, '--config.gate.kind=dens'], "did you mean 'dense'"),
    _slowly(
      [_CONFIG, '--data_dir=/nonexistent'], 'launch/prepare_data.py mnist'
    ),
    _slowly(['--config.seed=3'], 'expected --config=FILE'),
    _slowly(['--config', 'configs/none.py:cnn'], 'expected a config file'),
    _slowly(['--config='], 'expected a config file'),
    _slowly(['--config=README.md'], 'SyntaxError'),
    _slowly([_CONFIG, 'config.seed=3'], 'arguments: expected flags only'),
    _slowly(
      [_CONFIG, '--config.dataset=digits', '--workdir='],
      'workdir: expected a folder, got',
    ),
  ],
)
def test_bad_input_ends_in_one_line(train, tmp_path, arguments, message):
  code, printed = train(*arguments)
  assert code == 2
  assert message in printed
  assert printed.startswith('error: ')
  assert len(printed.strip().splitlines()) == 1
  assert not (tmp_path / 'run').exists()


def test_help_shows_the_flags(root):
  done = subprocess.run(
    [sys.executable, 'launch/train.py', '--help'],
    cwd=root,
    capture_output=True,
    text=True,
  )
  for flag in ('--config', '--workdir', '--data_dir'):
    assert flag in done.stdout


@pytest.mark.slow
def test_evaluate_and_prepare_data_name_bad_input_too(root, tmp_path):
  cases = [
    (['evaluate.py', f'--workdir={tmp_path}'], 'workdir: expected a folder'),
    (['prepare_data.py'], 'arguments: expected names of TFDS data sets'),
    (['prepare_data.py', 'Bad Name!'], 'data set: expected a TFDS name'),
    (['prepare_data.py', 'mnist_corrupted/fgo'], "did you mean 'fog'"),
  ]
  for (script, *arguments), message in cases:
    done = subprocess.run(
      [sys.executable, f'launch/{script}', *arguments],
      cwd=root,
      capture_output=True,
      text=True,
    )
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
