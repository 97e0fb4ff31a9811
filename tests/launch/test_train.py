"""`kill -9` in mid-epoch, then the same command again."""

import pathlib
import subprocess
import sys
import time

import chex
import jax
import pytest

import robustjax

_CHECKPOINT_EVERY = 10
_NUM_STEPS = 90  # one epoch of 1437 digits, 16 at a time


def _command(root, workdir):
  return [
    sys.executable,
    str(root / 'launch' / 'train.py'),
    '--config=configs/noiseout.py:noiseout',
    '--config.dataset=digits/14',
    '--config.num_epochs=1',
    '--config.batch_size=16',
    f'--config.checkpoint_every={_CHECKPOINT_EVERY}',
    f'--workdir={workdir}',
  ]


def _saved_steps(workdir):
  folder = pathlib.Path(workdir) / 'checkpoints'
  names = [path.name for path in folder.glob('*')]
  return [int(name) for name in names if name.isdigit()]


def _kill_after_the_second_checkpoint(process, workdir):
  deadline = time.monotonic() + 120
  while max(_saved_steps(workdir), default=0) < 2 * _CHECKPOINT_EVERY:
    assert process.poll() is None, 'ended before it could be killed'
    assert time.monotonic() < deadline, 'saved nothing in two minutes'
    time.sleep(0.01)
  process.kill()


@pytest.mark.slow
def test_a_killed_run_ends_like_one_left_alone(root, tmp_path):
  alone, killed = tmp_path / 'alone', tmp_path / 'killed'
  run = {'cwd': root, 'stdout': subprocess.PIPE, 'text': True}
  subprocess.run(_command(root, alone), check=True, **run)

  with subprocess.Popen(_command(root, killed), **run) as process:
    _kill_after_the_second_checkpoint(process, killed)
  assert max(_saved_steps(killed)) < _NUM_STEPS
  assert not (killed / 'summary.json').exists()
  again = subprocess.run(_command(root, killed), check=True, **run)
  assert 'resuming from step' in again.stdout

  one, other = (
    robustjax.restore(folder, devices=jax.devices()[:1])
    for folder in (alone, killed)
  )
  assert one.step == other.step == _NUM_STEPS
  chex.assert_trees_all_equal(one.variables, other.variables)


@pytest.mark.slow
def test_quickstart_and_evaluate_run(root, tmp_path):
  launch = [sys.executable, 'launch/quickstart.py']
  options = ['--num_epochs=1', f'--workdir={tmp_path}']
  run = {'cwd': root, 'check': True, 'capture_output': True, 'text': True}
  done = subprocess.run([*launch, *options], **run)
  assert '| identity |' in done.stdout
  assert (tmp_path / 'mnist_c.png').is_file()
  launch = [sys.executable, 'launch/evaluate.py', '--benchmark=degradations']
  done = subprocess.run([*launch, f'--workdir={tmp_path / "cnn"}'], **run)
  assert '| clean |' in done.stdout
  assert (tmp_path / 'cnn' / 'evaluation' / 'degradations.csv').is_file()
