import json
import logging
import os
import shutil
import signal

import jax
import numpy as np
import pytest

import robustjax
from robustjax import errors
from robustjax.training import checkpointing
from robustjax.training import loop
from robustjax.training import workdir_lock

pytestmark = pytest.mark.usefixtures('tiny_data')


def _final_params(workdir, devices):
  variables = robustjax.restore(workdir, devices=devices).variables
  return jax.tree.map(np.asarray, variables)


def _assert_bit_for_bit(one, two):
  assert jax.tree.structure(one) == jax.tree.structure(two)
  jax.tree.map(np.testing.assert_array_equal, one, two)


def _losses(workdir):
  lines = (workdir / 'metrics.jsonl').read_text().splitlines()
  entries = [json.loads(line) for line in lines]
  return {e['step']: e['train_loss'] for e in entries if 'train_loss' in e}


def _truncate_largest(folder):
  files = [path for path in folder.rglob('*') if path.is_file()]
  os.truncate(max(files, key=lambda path: path.stat().st_size), 10)


def test_learns_and_leaves_what_it_says(config, tmp_path, one_device, capsys):
  config.num_epochs = 10
  summary = robustjax.train(config, tmp_path, devices=one_device)
  assert summary['finished']
  assert summary['step'] == summary['num_steps'] == 70
  # Four classes; chance alone gives 0.25.
  assert summary['test_accuracy'] > 0.6
  assert json.loads((tmp_path / 'summary.json').read_text()) == summary
  names = {path.name for path in tmp_path.iterdir()}
  assert names == {
    '.lock',
    'checkpoints',
    'config.json',
    'dataset.json',
    'metrics.jsonl',
    'summary.json',
    'tensorboard',
  }
  losses = _losses(tmp_path)
  logged, saved, ends = (set(range(n, 71, n)) for n in (2, 3, 7))
  assert set(losses) == logged | saved | ends
  assert losses[70] < losses[2]
  assert 'epoch 10/10, step 70, test accuracy' in capsys.readouterr().out


def _interrupt_from(step):
  """A stand-in for `_write_metrics` that sends SIGTERM from `step` on."""
  written = loop._write_metrics

  def write_then_interrupt(at, *arguments):
    written(at, *arguments)
    if at >= step:
      os.kill(os.getpid(), signal.SIGTERM)

  return write_then_interrupt


@pytest.mark.parametrize('step', [3, 7, 9, 14])
def test_an_interrupted_run_ends_like_one_left_alone(
  config, tmp_path, one_device, undisturbed, monkeypatch, capsys, step
):
  workdir = tmp_path / 'interrupted'
  with monkeypatch.context() as patched:
    patched.setattr(loop, '_write_metrics', _interrupt_from(step))
    summary = robustjax.train(config, workdir, devices=one_device)
  assert summary['finished'] == (step == 14)
  assert step <= summary['step'] <= step + 2
  summary = robustjax.train(config, workdir, devices=one_device)
  assert summary['finished']
  assert 'resuming from step' in capsys.readouterr().out
  _assert_bit_for_bit(
    _final_params(workdir, one_device), _final_params(undisturbed, one_device)
  )


def test_a_truncated_checkpoint_costs_only_the_steps_since_the_last(
  config, one_device, undisturbed, capsys
):
  expected = _final_params(undisturbed, one_device)
  _truncate_largest(undisturbed / 'checkpoints' / '14')
  with pytest.raises(
    errors.InputError, match=r'step 14 .*intact steps: \[7, 12'
  ):
    robustjax.restore(undisturbed, devices=one_device)
  summary = robustjax.train(config, undisturbed, devices=one_device)
  printed = capsys.readouterr().out
  assert 'step 14 as it was written' in printed
  assert 'resuming from step 12 instead' in printed
  assert summary['finished']
  _assert_bit_for_bit(_final_params(undisturbed, one_device), expected)
  assert (undisturbed / 'damaged-14').is_dir()


def test_a_finished_run_is_not_trained_further(config, one_device, undisturbed):
  before = json.loads((undisturbed / 'summary.json').read_text())
  after = robustjax.train(config, undisturbed, devices=one_device)
  for field in ('finished', 'step', 'test_accuracy'):
    assert after[field] == before[field]


def test_another_config_s_workdir_is_left_alone(
  config, one_device, undisturbed
):
  before = sorted(undisturbed.rglob('*'))
  config.noise.rate = 0.3
  with pytest.raises(errors.InputError, match='noise.rate=0.2'):
    robustjax.train(config, undisturbed, devices=one_device)
  assert sorted(undisturbed.rglob('*')) == before


def test_bad_input_leaves_no_workdir(config, tmp_path):
  workdir = tmp_path / 'new'
  config.batch_size = 12
  with pytest.raises(
    errors.InputError, match='batch_size: .* 8 devices, got 12'
  ):
    robustjax.train(config, workdir)
  config.noise.rate = 2.0
  with pytest.raises(errors.InputError, match='noise.rate: '):
    robustjax.train(config, workdir)
  assert not workdir.exists()


def test_a_run_that_grows_longer_ends_like_one_left_alone(
  config, tmp_path, one_device, undisturbed
):
  config.num_epochs = 1
  robustjax.train(config, tmp_path / 'grown', devices=one_device)
  config.num_epochs, config.log_every = 2, 5
  robustjax.train(config, tmp_path / 'grown', devices=one_device)
  _assert_bit_for_bit(
    _final_params(tmp_path / 'grown', one_device),
    _final_params(undisturbed, one_device),
  )


def test_a_run_resumed_at_a_checkpoint_writes_the_same_losses(
  config, tmp_path, one_device, undisturbed, monkeypatch
):
  with monkeypatch.context() as patched:
    patched.setattr(loop, '_write_metrics', _interrupt_from(4))
    robustjax.train(config, tmp_path / 'resumed', devices=one_device)
  # As if killed: what the interruption saved, after step 3, is gone.
  shutil.rmtree(tmp_path / 'resumed' / 'checkpoints' / '5')
  robustjax.train(config, tmp_path / 'resumed', devices=one_device)
  assert _losses(tmp_path / 'resumed') == _losses(undisturbed)


def test_a_workdir_another_run_writes_to_is_left_alone(
  config, one_device, undisturbed
):
  with (
    workdir_lock.workdir_lock(undisturbed),
    pytest.raises(errors.InputError, match='no other run is writing to'),
  ):
    robustjax.train(config, undisturbed, devices=one_device)


def test_each_program_is_compiled_once(config, tmp_path, one_device, caplog):
  config.num_epochs = 3
  with jax.log_compiles(), caplog.at_level(logging.WARNING):
    robustjax.train(config, tmp_path, devices=one_device)
  messages = [record.getMessage() for record in caplog.records]
  counts = {
    name: sum(m.startswith(f'Compiling jit({name})') for m in messages)
    for name in ('step', 'predict', 'epoch_order')
  }
  # The step twice: an epoch's last batch is smaller.
  assert counts == {'step': 2, 'predict': 1, 'epoch_order': 1}


def test_parameters_that_are_not_finite_are_not_saved(
  config, tmp_path, one_device
):
  config.optimizer.learning_rate = 1e38
  config.checkpoint_every, config.log_every = 1, 100
  with pytest.raises(FloatingPointError, match='not finite'):
    robustjax.train(config, tmp_path, devices=one_device)
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    steps = checkpoints.steps()
  for step in steps:
    restored = robustjax.restore(tmp_path, step, devices=one_device)
    for leaf in jax.tree.leaves(restored.variables):
      assert np.isfinite(leaf).all()


def test_stops_at_a_loss_that_is_not_finite(config, tmp_path, one_device):
  config.optimizer.learning_rate = 1e30
  with pytest.raises(FloatingPointError, match=r'loss of step \d+ is not'):
    robustjax.train(config, tmp_path, devices=one_device)


def test_eight_devices_train_like_one(config, tmp_path):
  """105 steps in float64; every seventh batch is one they do not divide."""
  config.num_epochs = 15
  config.model.dtype = 'float64'
  config.checkpoint_every = 1000
  found = []
  with jax.enable_x64(True):
    for count in (1, 8):
      workdir = tmp_path / str(count)
      devices = jax.devices()[:count]
      robustjax.train(config, workdir, devices=devices)
      with checkpointing.Checkpoints(workdir, read_only=True) as checkpoints:
        assert 105 in checkpoints.steps()
      found.append(_final_params(workdir, devices[:1]))
  for one, eight in zip(*map(jax.tree.leaves, found), strict=True):
    assert one.dtype == np.float64
    scale = np.abs(one).max()
    np.testing.assert_allclose(eight, one, rtol=0, atol=1e-12 * scale)
