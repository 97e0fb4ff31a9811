import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import models
from robustjax.training import initial_weights
from robustjax.training import restoring
from robustjax.training import state as state_lib


def _state(**params):
  tree = {
    'dense': {'kernel': jnp.zeros((2, 3)), 'bias': jnp.zeros(3)},
    'flattened': {'gate': {'weight': jnp.ones(2)}},
  }
  statistics = {'batch_stats': {'norm': {'mean': jnp.zeros(3)}}}
  return state_lib.State(jnp.int32(0), tree | params, (), statistics)


def _found(kernel=(2, 3)):
  params = {'dense': {'kernel': np.ones(kernel), 'bias': np.full(3, 2.0)}}
  return {
    'params': params, 'batch_stats': {'norm': {'mean': np.full(3, 5.0)}}
  }  # fmt: skip


@pytest.fixture
def trained(monkeypatch):
  """Makes 'run' the folder of a run with these variables."""
  variables = _found()

  def restore(path):
    if path.name != 'run':
      raise errors.InputError('workdir', 'a folder', str(path))
    return restoring.Restored(None, None, variables, 0, None)

  monkeypatch.setattr(restoring, 'restore', restore)
  return variables


def test_nothing_is_taken_over_by_default():
  state = _state()
  assert initial_weights.take_over(state, '') is state


def test_a_run_s_variables_are_taken_over_but_for_new_gates(trained):
  found = initial_weights.take_over(_state(), 'run')
  np.testing.assert_array_equal(found.params['dense']['kernel'], 1)
  np.testing.assert_array_equal(found.params['dense']['bias'], 2)
  np.testing.assert_array_equal(found.params['flattened']['gate']['weight'], 1)
  mean = found.statistics['batch_stats']['norm']['mean']
  assert mean.dtype == jnp.float32
  np.testing.assert_array_equal(mean, 5)


def test_another_network_is_named(trained):
  with pytest.raises(
    errors.InputError, match=r'params/extra/bias \[4\], got none'
  ):
    initial_weights.take_over(_state(extra={'bias': jnp.zeros(4)}), 'run')
  trained.update(_found(kernel=(2, 4)))
  with pytest.raises(
    errors.InputError, match=r'params/dense/kernel \[2, 3\], got \[2, 4\]'
  ):
    initial_weights.take_over(_state(), 'run')
  trained['params'] = _found()['params'] | {'new': {'bias': np.zeros(1)}}
  with pytest.raises(errors.InputError, match=r'params/new/bias none, got'):
    initial_weights.take_over(_state(), 'run')


def test_a_folder_that_is_no_run_is_named(trained):
  with pytest.raises(
    errors.InputError, match='initial_weights: expected the folder of a run'
  ):
    initial_weights.take_over(_state(), 'elsewhere')


def test_a_file_is_read_as_torchvision_s(monkeypatch):
  class Imported:
    variables = _found()

  monkeypatch.setattr(models, 'import_torch', lambda path: Imported)
  found = initial_weights.take_over(_state(), 'weights.npz')
  np.testing.assert_array_equal(found.params['dense']['kernel'], 1)
