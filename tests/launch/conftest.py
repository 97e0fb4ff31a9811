"""Launch scripts within the process of the tests: JAX is imported once."""

import contextlib
import runpy
import sys

from absl import app
from absl import flags
from absl import logging
import pytest

from robustjax import host_memory


@pytest.fixture
def namespace(root, monkeypatch):
  """Loads a script up to its `main`; its flags are gone afterwards."""
  monkeypatch.chdir(root)
  monkeypatch.setattr(host_memory, 'keep_freed', lambda: True)
  app.define_help_flags()
  there, verbosity = set(flags.FLAGS), logging.get_verbosity()

  def forget():
    for name in set(flags.FLAGS) - there:
      with contextlib.suppress(AttributeError):  # The short name of another.
        delattr(flags.FLAGS, name)
    flags.FLAGS.unparse_flags()

  def load(script, arguments=(), run_name='script'):
    forget()
    # Fields of a config become flags when it is loaded, by the command line.
    monkeypatch.setattr(sys, 'argv', [script, *arguments])
    monkeypatch.syspath_prepend(str((root / script).parent))
    return runpy.run_path(str(root / script), run_name=run_name)

  yield load
  forget()
  logging.set_verbosity(verbosity)


@pytest.fixture
def run_script(namespace, capsys):
  """Runs a script to its end; returns exit code and stderr."""

  def run(script, *arguments):
    with pytest.raises(SystemExit) as caught:
      namespace(script, arguments, run_name='__main__')
    return caught.value.code, capsys.readouterr().err

  return run
