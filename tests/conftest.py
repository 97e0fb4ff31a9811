"""Settings under which every test runs.

Implicit rank promotion is an error, and so is every warning (pyproject.toml)
and, unless a test carries `standard_promotion` with a reason, implicit
promotion of dtypes. Eight CPU devices stand for an accelerator host.

Most of a test is compilation. XLA optimises least for the everyday tests, and
less than usual for the slow ones, which takes a third off their time.
"""

import os
import pathlib

import jax
import numpy as np
import pytest

jax.config.update('jax_num_cpu_devices', 8)
jax.config.update('jax_numpy_rank_promotion', 'raise')

ROOT = pathlib.Path(__file__).resolve().parent.parent


def pytest_configure(config):
  """Sets what XLA reads when it first compiles."""
  level = 0 if 'not slow' in config.option.markexpr else 1
  flags = os.environ.get('XLA_FLAGS', '')
  flag = f'--xla_backend_optimization_level={level}'
  os.environ['XLA_FLAGS'] = f'{flags} {flag}'.strip()


@pytest.fixture(autouse=True)
def _strict_dtype_promotion(request):
  marker = request.node.get_closest_marker('standard_promotion')
  if marker is not None:
    assert marker.args, 'standard_promotion takes a reason'
    yield
  else:
    with jax.numpy_dtype_promotion('strict'):
      yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
  """Decoded data sets of a test stay in the test's folder."""
  folder = tmp_path_factory.getbasetemp() / 'cache'
  monkeypatch.setenv('XDG_CACHE_HOME', str(folder))


@pytest.fixture
def rng():
  """A NumPy generator with a fixed seed."""
  return np.random.default_rng(0)


@pytest.fixture(scope='session')
def root():
  """The folder of the checkout."""
  return ROOT
