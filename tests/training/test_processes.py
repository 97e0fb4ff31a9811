"""What processes say to one another; whole runs on two of them are slow."""

import contextlib
import os
import socket
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

import robustjax
from robustjax import errors
from robustjax.training import processes


class _Service:
  """A coordination service; what process 1 says is given."""

  def __init__(self, *said):
    self.values = {}
    self._said = list(said)

  def key_value_set(self, key, value):
    assert key not in self.values
    self.values[key] = value

  def key_value_delete(self, key):
    self.values.pop(key, None)  # Nobody set it when another test asked.

  def blocking_key_value_get(self, key, milliseconds):
    assert milliseconds > 0
    return self.values[key] if key in self.values else self._said.pop(0)

  def key_value_try_get(self, key):
    return self.values[key]


@pytest.fixture
def joined(monkeypatch):
  """Makes this process 0 of two; takes what process 1 says."""
  monkeypatch.setattr(jax, 'process_count', lambda: 2)

  def join(*said):
    service = _Service(*said)
    monkeypatch.setattr(processes, '_service', lambda: service)
    return service

  return join


def test_a_single_process_asks_nobody():
  assert processes.is_first()
  assert not processes.are_several()
  assert processes.exchange('a') == ['a']
  assert processes.agree(lambda: 3) == 3
  assert processes.any_says(True)
  assert not processes.any_says(False)
  processes.check_same('config', {'a': 1})
  with processes.fail_together():
    pass
  with pytest.raises(SystemExit):
    processes.leave(2)


def test_texts_are_exchanged_and_the_last_ones_forgotten(joined):
  service = joined('x', 'y')
  assert processes.exchange('a') == ['a', 'x']
  service.values = {key: 'a' for key in service.values}
  assert processes.exchange('b') == ['b', 'y']
  assert list(service.values.values()) == ['b']


def test_what_stops_one_process_stops_all(joined):
  joined('["data_dir", "a folder", "none", "there"]')
  with pytest.raises(
    errors.InputError,
    match=r"data_dir: did you mean 'there'\? .* got none \(process 1\)",
  ):
    processes.agree(lambda: 3)
  service = joined('')

  def fail():
    raise errors.InputError('a', 'b', 'c')

  with pytest.raises(errors.InputError, match=r'a: .* got c \(process 0\)'):
    processes.agree(fail)
  assert '["a", "b", "c", ""]' in service.values.values()
  joined('')
  assert processes.agree(lambda: 3) == 3


def test_the_first_value_that_differs_is_named(joined):
  joined('{"a": 1, "b": 3}')
  with pytest.raises(
    errors.InputError,
    match=r'config: .*\(b=2 on process 0\), got b=3 on process 1',
  ):
    processes.check_same('config', {'a': 1, 'b': 2})
  joined('{"a": [1]}')
  processes.check_same('config', {'a': (1,)})


def test_any_process_can_stop_all(joined):
  joined('yes', '', '')
  assert processes.any_says(False)
  assert processes.any_says(True)
  assert not processes.any_says(False)


def test_a_failure_is_told_to_the_others(joined):
  service = joined()
  with pytest.raises(ZeroDivisionError), processes.fail_together():
    raise ZeroDivisionError('by zero')
  assert service.values['robustjax/failure'] == 'process 0: by zero'


def test_a_failure_elsewhere_ends_this_process(joined, monkeypatch, capsys):
  service = joined()
  left = threading.Event()
  monkeypatch.setattr(processes, 'leave', lambda code: left.set())
  monkeypatch.setattr(processes, '_GLANCE', 0.01)
  service.values['robustjax/failure'] = 'process 1: out of coffee'
  with processes.fail_together():
    assert left.wait(10)
  assert 'error: process 1: out of coffee' in capsys.readouterr().err


def _free_port():
  with contextlib.closing(socket.socket()) as one:
    one.bind(('localhost', 0))
    return one.getsockname()[1]


def _start(root, workdir, *, devices, count=1, index=0, port=0, flags=()):
  environment = os.environ | {
    'PYTHONPATH': str(root),
    'JAX_ENABLE_X64': '1',
    'XLA_FLAGS': f'--xla_force_host_platform_device_count={devices}',
  }
  command = [
    sys.executable,
    'launch/train.py',
    '--config=configs/noiseout.py:noiseout',
    '--config.dataset=digits/14',
    '--config.model.dtype=float64',
    '--config.train_share=0.2',
    '--config.mesh.parameters=2',
    f'--workdir={workdir}',
    *flags,
  ]
  if count > 1:
    command += [
      f'--coordinator=localhost:{port}',
      f'--num_processes={count}',
      f'--process_id={index}',
    ]
  return subprocess.Popen(
    command, cwd=root, env=environment, text=True,
    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
  )  # fmt: skip


def _run_two(root, workdir, *flags, others=()):
  """Runs two processes of two devices; their codes and last lines of stderr."""
  port = _free_port()
  started = [
    _start(
      root, workdir, devices=2, count=2, index=index, port=port,
      flags=(*flags, *(others if index else ())),
    )
    for index in range(2)
  ]  # fmt: skip
  found = []
  for one in started:
    _, said = one.communicate(timeout=300)
    said = [line for line in said.splitlines() if 'Gloo' not in line]
    found.append((one.returncode, said[-1] if said else ''))
  return found


@pytest.mark.slow
def test_two_processes_train_like_one_which_goes_on(root, tmp_path):
  """One epoch on two processes, one on one; against both on one."""
  shared, alone = tmp_path / 'shared', tmp_path / 'alone'
  found = _run_two(root, shared, '--config.num_epochs=1')
  assert [code for code, _ in found] == [0, 0], found
  for workdir in (shared, alone):
    flags = ('--config.num_epochs=2',)
    one = _start(root, workdir, devices=4, flags=flags)
    _, said = one.communicate(timeout=300)
    assert one.returncode == 0, said
  with jax.enable_x64(True):
    ours, others = (
      robustjax.restore(workdir, devices=jax.devices()[:1]).variables
      for workdir in (shared, alone)
    )
  # float64, sums in another order, over ten steps.
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(
      a, b, rtol=0, atol=1e-12 * np.abs(b).max()
    ),
    ours,
    others,
  )


@pytest.mark.slow
def test_processes_with_different_configs_all_say_so(root, tmp_path):
  found = _run_two(root, tmp_path, others=('--config.noise.rate=0.3',))
  assert {code for code, _ in found} == {2}
  for _, said in found:
    assert said.startswith('error: config: expected the same on every process')
    assert said.endswith('got noise.rate=0.3 on process 1')
