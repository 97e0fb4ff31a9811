import functools
import json
import logging
import os
import re
import shutil
import signal
import threading
import types

import chex
import jax
import numpy as np
import pytest

from configs import common
from configs import weight_map
import robustjax
from robustjax import errors
from robustjax.training import checkpointing
from robustjax.training import loop
from robustjax.training import preparing
from robustjax.training import programs
from robustjax.training import run_files
from robustjax.training import runs
from robustjax.training import workdir_lock

pytestmark = pytest.mark.usefixtures('tiny_data')


def _final_params(workdir, devices):
  variables = robustjax.restore(workdir, devices=devices).variables
  return jax.tree.map(np.asarray, variables)


_assert_bit_for_bit = functools.partial(
  chex.assert_trees_all_equal, strict=True
)


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


@pytest.mark.parametrize('step', [3, 7, 9, 14])
def test_an_interrupted_run_ends_like_one_left_alone(
  interrupt_from,
  config,
  tmp_path,
  one_device,
  undisturbed,
  monkeypatch,
  capsys,
  step,
):
  workdir = tmp_path / 'interrupted'
  with monkeypatch.context() as patched:
    patched.setattr(loop, '_write_metrics', interrupt_from(step))
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
  for field in ('finished', 'step', 'test_accuracy', 'seconds'):
    assert after[field] == before[field]


def test_a_finished_run_keeps_what_is_said_of_it(
  config, one_device, undisturbed
):
  path = undisturbed / 'summary.json'
  summary = json.loads(path.read_text()) | {'devices': '8 x a GPU'}
  path.write_text(json.dumps(summary))
  found = robustjax.train(config, undisturbed, devices=one_device)
  assert found['devices'] == '8 x a GPU'
  config.num_epochs += 1
  found = robustjax.train(config, undisturbed, devices=one_device)
  assert found['devices'] == '1 x cpu'


@pytest.mark.slow
def test_a_signal_during_the_last_test_stops_the_next_seed(
  config, tmp_path, monkeypatch, one_device
):
  config.num_seeds, config.num_epochs = 2, 1
  tested = loop.accuracies

  def test_then_interrupt(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    return tested(*arguments)

  monkeypatch.setattr(loop, 'accuracies', test_then_interrupt)
  summary = robustjax.train(config, tmp_path, devices=one_device)
  assert not summary['finished']
  assert [one['finished'] for one in summary['runs']] == [True]


def test_seconds_are_those_of_all_calls_that_ended(tmp_path):
  def total(step, seconds, *, first_step):
    summary = {'step': step}
    found = runs._total_seconds(tmp_path, first_step, summary, seconds)
    summary['seconds'] = found
    (tmp_path / 'summary.json').write_text(json.dumps(summary))
    return found

  assert total(5, 3.0, first_step=0) == 3.0
  assert total(9, 2.0, first_step=5) == 5.0
  assert total(9, 7.0, first_step=9) == 5.0  # Nothing was left to train.
  assert total(12, 4.0, first_step=10) == 4.0  # A call in between was killed.


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


@pytest.mark.slow
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
  interrupt_from, config, tmp_path, one_device, undisturbed, monkeypatch
):
  with monkeypatch.context() as patched:
    patched.setattr(loop, '_write_metrics', interrupt_from(4))
    robustjax.train(config, tmp_path / 'resumed', devices=one_device)
  # As if killed: what the interruption saved, after step 3, is gone.
  shutil.rmtree(tmp_path / 'resumed' / 'checkpoints' / '5')
  robustjax.train(config, tmp_path / 'resumed', devices=one_device)
  assert _losses(tmp_path / 'resumed') == _losses(undisturbed)


@pytest.mark.parametrize('is_new', [True, False])
def test_a_workdir_another_run_writes_to_is_left_alone(
  config, tmp_path, one_device, undisturbed, is_new
):
  workdir = tmp_path / 'new' if is_new else undisturbed
  config.log_every = 77  # It may change, in a run that nobody is writing.
  with workdir_lock.workdir_lock(workdir):
    before = _contents(workdir)
    refused = pytest.raises(errors.InputError, match='no other run is writing')
    with refused:
      robustjax.train(config, workdir, devices=one_device)
    config.num_seeds = 2
    with pytest.raises(errors.InputError, match='no other run|num_seeds=1'):
      robustjax.train(config, workdir, devices=one_device)
    assert _contents(workdir) == before


def _contents(folder):
  return {
    path: path.is_file() and path.read_bytes() for path in folder.rglob('*')
  }


def test_of_two_configs_on_a_new_folder_one_wins(config, tmp_path):
  """Each tries when the other does, and holds the folder until both have."""
  other = config.copy_and_resolve_references()
  other.noise.rate = 0.7
  for number in range(20):
    folder = tmp_path / str(number)
    start, tried = threading.Barrier(2), threading.Barrier(2)
    outcomes = {}

    def race(rate, one, folder=folder, start=start, tried=tried, out=outcomes):
      start.wait()
      try:
        with runs._hold(folder, one):
          out[rate] = 'held'
          tried.wait()
      except errors.InputError as error:
        out[rate] = str(error)
        tried.wait()

    threads = [
      threading.Thread(target=race, args=(one.noise.rate, one))
      for one in (config, other)
    ]
    for thread in threads:
      thread.start()
    for thread in threads:
      thread.join()
    won = [rate for rate, outcome in outcomes.items() if outcome == 'held']
    assert len(won) == 1, outcomes
    assert run_files.read(folder).noise.rate == won[0]
    assert any('no other run is writing to' in one for one in outcomes.values())


def test_no_seed_is_trained_where_one_s_folder_is_another_s(config, tmp_path):
  other = config.copy_and_resolve_references()
  other.seed, other.noise.rate = 2, 0.7
  run_files.claim(run_files.seed_folder(tmp_path, 2), other)
  config.num_seeds = 3
  with pytest.raises(errors.InputError, match='noise.rate=0.7'):
    robustjax.train(config, tmp_path)
  assert not (tmp_path / 'seed-0').exists()


def test_folders_are_refused_before_any_work(config, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(preparing, 'check_and_load', None)
  for workdir in ('gs://bucket/run', 'a[1]/run', '~no-such-user/x', '', None):
    with pytest.raises(errors.InputError, match='workdir: expected'):
      robustjax.train(config, workdir)
  assert list(tmp_path.iterdir()) == []


def _flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 0x80
  path.write_bytes(content)


def _make_folder(path):
  path.unlink()
  path.mkdir()


@pytest.mark.parametrize(
  'damage', [_flip, _make_folder, lambda path: path.write_text('5\n')]
)
def test_a_damaged_log_keeps_no_checkpoint_from_being_used(
  config, one_device, undisturbed, capsys, damage
):
  expected = _final_params(undisturbed, one_device)
  for name in ('metrics.jsonl', 'summary.json'):
    damage(undisturbed / name)
  summary = robustjax.train(config, undisturbed, devices=one_device)
  assert summary['finished']
  assert summary['step'] == 14
  _assert_bit_for_bit(_final_params(undisturbed, one_device), expected)
  assert (undisturbed / 'damaged-metrics.jsonl').exists()
  assert 'damaged-metrics.jsonl' in capsys.readouterr().out
  assert json.loads((undisturbed / 'summary.json').read_text()) == summary


@pytest.mark.parametrize(
  'change',
  [
    {'steps_per_epoch': 0}, {'step': 'x'}, {'seconds': None}, {'devices': 3},
    {'test_accuracy': 'good'},
  ],
)  # fmt: skip
def test_an_edited_summary_is_not_believed(tmp_path, change):
  summary = {name: 1 for name in runs._ENTRIES} | {
    'variant': 'x', 'dataset': 'x', 'finished': True, 'devices': 'x',
    'test_accuracy': 0.5,
  }  # fmt: skip
  state = types.SimpleNamespace(step=1)
  config = types.SimpleNamespace(num_epochs=1)
  path = tmp_path / 'summary.json'
  path.write_text(json.dumps(summary))
  group = [((config, tmp_path, None), state)]
  assert runs._finished(group) == [summary]
  path.write_text(json.dumps(summary | change))
  assert runs._finished(group) is None


def test_a_config_edited_since_is_not_gone_on_with(
  config, one_device, undisturbed
):
  path = undisturbed / 'config.json'
  content = json.loads(path.read_text())
  content['model']['mean'] = config.model.mean = 0.5
  path.write_text(json.dumps(content))
  with pytest.raises(
    errors.InputError, match='mean=0.1307, got model.mean=0.5'
  ):
    robustjax.train(config, undisturbed, devices=one_device)
  assert sorted(one.name for one in undisturbed.glob('damaged*')) == []


@pytest.mark.slow
def test_a_program_is_compiled_once_for_all_seeds_and_strengths(
  config, tmp_path, one_device, caplog
):
  jax.clear_caches()
  for cached in (
    programs._compile_init,
    programs._compile_step,
    programs._compile_predict,
    programs.compile_order,
  ):
    cached.cache_clear()
  config.fig.weight = 0.1
  with jax.log_compiles(), caplog.at_level(logging.WARNING):
    robustjax.train(config, tmp_path / 'one', devices=one_device)
    config.seed, config.noise.rate, config.fig.weight = 1, 0.7, 3.0
    robustjax.train(config, tmp_path / 'two', devices=one_device)
  messages = [record.getMessage() for record in caplog.records]
  counts = {
    name: sum(m.startswith(f'Compiling jit({name})') for m in messages)
    for name in ('init_state', 'step', 'predict', 'epoch_order')
  }
  # The step twice: an epoch's last batch is smaller.
  assert counts == {'init_state': 1, 'step': 2, 'predict': 1, 'epoch_order': 1}


@pytest.mark.slow
def test_parameters_that_are_not_finite_are_not_saved(
  config, tmp_path, one_device
):
  config.optimizer = common.sgd(1000.0)
  config.checkpoint_every, config.log_every = 1, 100
  with pytest.raises(errors.DivergedError, match='not finite'):
    robustjax.train(config, tmp_path, devices=one_device)
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    steps = checkpoints.steps()
  for step in steps:
    restored = robustjax.restore(tmp_path, step, devices=one_device)
    for leaf in jax.tree.leaves(restored.variables):
      assert np.isfinite(leaf).all()


def test_stops_at_a_loss_that_is_not_finite(config, tmp_path, one_device):
  config.optimizer = common.sgd(1000.0)
  with pytest.raises(errors.DivergedError) as caught:
    robustjax.train(config, tmp_path, devices=one_device)
  message = str(caught.value)
  assert re.search(r'loss of step \d+ is (nan|inf), not finite', message)
  assert 'a smaller optimizer.learning_rate' in message
  assert '\n' not in message


@pytest.mark.slow
def test_eight_devices_train_like_one(config, tmp_path):
  """105 steps in float64; every seventh batch is one they do not divide.

  Whole parameters on each, and parameters split over four.
  """
  config.num_epochs = 15
  config.model.dtype = 'float64'
  config.checkpoint_every = 1000
  found = []
  with jax.enable_x64(True):
    for count, parameters in ((1, 1), (8, 1), (8, 4)):
      workdir = tmp_path / f'{count}-{parameters}'
      devices = jax.devices()[:count]
      config.mesh.parameters = parameters
      robustjax.train(config, workdir, devices=devices)
      with checkpointing.Checkpoints(workdir, read_only=True) as checkpoints:
        assert 105 in checkpoints.steps()
      found.append(_final_params(workdir, devices[:1]))
  for one, *others in zip(*map(jax.tree.leaves, found), strict=True):
    assert one.dtype == np.float64
    scale = np.abs(one).max()
    for other in others:
      np.testing.assert_allclose(other, one, rtol=0, atol=1e-12 * scale)


@pytest.mark.slow
def test_the_best_checkpoint_on_validation_images_is_measured(
  config, tmp_path, one_device, capsys
):
  config.train_share, config.validation_share = 0.7, 0.3
  config.selection, config.num_epochs = 'best', 4
  summary = robustjax.train(config, tmp_path, devices=one_device)
  assert 'validation accuracy' in capsys.readouterr().out
  lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
  found = {
    entry['step']: entry['validation_accuracy']
    for entry in map(json.loads, lines)
    if 'validation_accuracy' in entry
  }
  best = max(found, key=found.get)
  assert robustjax.restore(tmp_path, devices=one_device).step == best
  latest = robustjax.restore(tmp_path, 'latest', devices=one_device)
  assert latest.step == summary['step']
  # Of the 20 test images, not of the 15 held back.
  assert summary['test_accuracy'] * 20 == round(summary['test_accuracy'] * 20)


def test_strengths_that_change_compile_nothing_and_resume_exactly(
  interrupt_from, config, tmp_path, one_device, monkeypatch
):
  config.noise.progression, config.progression.shape = 'falling', 'linear'
  robustjax.train(config, tmp_path / 'whole', devices=one_device)
  size = programs._compile_step.cache_info().currsize
  with monkeypatch.context() as patched:
    patched.setattr(loop, '_write_metrics', interrupt_from(6))
    robustjax.train(config, tmp_path / 'parts', devices=one_device)
  robustjax.train(config, tmp_path / 'parts', devices=one_device)
  assert programs._compile_step.cache_info().currsize == size
  _assert_bit_for_bit(
    _final_params(tmp_path / 'whole', one_device),
    _final_params(tmp_path / 'parts', one_device),
  )


@pytest.mark.slow
@pytest.mark.standard_promotion("optax's Adam raises a float to an int power")
def test_batch_statistics_are_saved_and_restored(
  interrupt_from, tmp_path, one_device, rng, monkeypatch
):
  config = weight_map.get_config('smoothing_batchnorm')
  config.dataset, config.batch_size, config.num_epochs = 'digits', 8, 2
  config.crop_padding = 1
  config.model.channels = (3, 3, 2)
  summary = robustjax.train(config, tmp_path / 'whole', devices=one_device)
  assert summary['finished']
  restored = robustjax.restore(tmp_path / 'whole', devices=one_device)
  assert set(restored.variables) == {'params', 'batch_stats'}
  means = jax.tree.leaves(restored.variables['batch_stats'])
  assert any(np.abs(leaf).max() > 0.01 for leaf in means)
  with monkeypatch.context() as patched:
    patched.setattr(loop, '_write_metrics', interrupt_from(4))
    robustjax.train(config, tmp_path / 'parts', devices=one_device)
  robustjax.train(config, tmp_path / 'parts', devices=one_device)
  _assert_bit_for_bit(
    _final_params(tmp_path / 'whole', one_device),
    _final_params(tmp_path / 'parts', one_device),
  )


def _train_at_once(monkeypatch):
  monkeypatch.setattr(
    preparing, 'gains_from_seeds_at_once', lambda devices: True
  )


def test_seeds_in_turn_are_runs_of_their_own(config, tmp_path, one_device):
  config.num_seeds, config.seed = 2, 1
  summary = robustjax.train(config, tmp_path / 'both', devices=one_device)
  assert summary['finished']
  assert [one['seed'] for one in summary['runs']] == [1, 2]
  written = json.loads((tmp_path / 'both' / 'summary.json').read_text())
  assert written == summary
  config.num_seeds, config.seed = 1, 2
  robustjax.train(config, tmp_path / 'alone', devices=one_device)
  folder = run_files.seed_folder(tmp_path / 'both', 2)
  _assert_bit_for_bit(
    _final_params(folder, one_device),
    _final_params(tmp_path / 'alone', one_device),
  )


@pytest.mark.slow
def test_seeds_at_once_are_what_they_are_in_turn(
  interrupt_from, config, tmp_path, monkeypatch, one_device
):
  """Six steps, before differences in rounding have grown."""
  config.num_seeds, config.fig.weight = 3, 0.5
  config.checkpoint_every = 1
  monkeypatch.setattr(loop, '_write_metrics', interrupt_from(5))
  with pytest.MonkeyPatch.context() as patched:
    _train_at_once(patched)
    summary = robustjax.train(config, tmp_path / 'once')
  assert [one['seeds_at_once'] for one in summary['runs']] == [3, 3, 3]
  assert {one['step'] for one in summary['runs']} == {6}
  assert summary['runs'][0]['devices'].startswith('3 x')
  config.num_seeds = 1
  for seed in range(3):
    config.seed = seed
    alone = tmp_path / f'alone-{seed}'
    robustjax.train(config, alone, devices=one_device)
    # Adadelta divides tiny gradients by their own size: rounding of 1e-7
    # becomes steps of 1e-4 of where gradients vanish.
    chex.assert_trees_all_close(
      _final_params(tmp_path / 'once' / f'seed-{seed}', one_device),
      _final_params(alone, one_device),
      atol=1e-3,
    )


@pytest.mark.slow
def test_seeds_saved_at_different_steps_all_finish(
  interrupt_from, config, tmp_path, monkeypatch
):
  """As when the process is killed between two of them, or seeds are added."""
  config.num_seeds = 2
  _train_at_once(monkeypatch)
  with pytest.MonkeyPatch.context() as patched:
    patched.setattr(loop, '_write_metrics', interrupt_from(4))
    assert not robustjax.train(config, tmp_path)['finished']
  steps = tmp_path / 'seed-1' / 'checkpoints'
  assert {path.name for path in steps.iterdir()} == {'3', '5'}
  shutil.rmtree(steps / '5')
  config.num_seeds = 3
  summary = robustjax.train(config, tmp_path)
  assert summary['finished']
  assert [one['step'] for one in summary['runs']] == [14, 14, 14]
  assert [one['seeds_at_once'] for one in summary['runs']] == [1, 1, 1]


def test_an_interruption_ends_all_seeds(
  interrupt_from, config, tmp_path, monkeypatch
):
  config.num_seeds = 3
  with pytest.MonkeyPatch.context() as patched:
    patched.setattr(loop, '_write_metrics', interrupt_from(4))
    summary = robustjax.train(config, tmp_path, devices=jax.devices()[:1])
  assert not summary['finished']
  assert len(summary['runs']) == 1


@pytest.mark.slow
def test_the_folder_of_several_seeds_is_no_run(config, tmp_path, one_device):
  config.num_seeds, config.num_epochs = 2, 1
  robustjax.train(config, tmp_path, devices=one_device)
  with pytest.raises(errors.InputError, match='such as .*seed-0'):
    robustjax.restore(tmp_path, devices=one_device)
