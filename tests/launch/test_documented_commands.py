"""Every command given in a document or a docstring is one that can be run.

They are collected from the text, so that no new one is forgotten. Each is taken
as far as its last check: flags, the fields and values of its config, the rows
and columns of its table. What runs in seconds is run.
"""

import argparse
import os
import pathlib
import re
import runpy
import shlex
import subprocess
import sys

import pytest

from robustjax.training import building
from robustjax.training import run_config

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_SOURCES = (
  '*.md', 'docs/**/*.md', 'benchmarks/*', 'launch/*.py', 'configs/*.py',
  'robustjax/**/*.py', 'notebooks/*.ipynb',
)  # fmt: skip
_COMMAND = re.compile(r'python ((?:launch|benchmarks)/\w+\.py)([^`\n]*)')
_SCRIPTS = sorted(
  str(path.relative_to(ROOT))
  for folder in ('launch', 'benchmarks')
  for path in (ROOT / folder).glob('*.py')
  if "if __name__ == '__main__'" in path.read_text()
)


def _commands(text):
  """(script, arguments) of each command in a text."""
  text = re.sub(r'\\\n\s*', ' ', text)
  for script, rest in _COMMAND.findall(text):
    if '{' in rest:  # Filled in by a program.
      continue
    # [--flag=...] is optional, and comes with all others here.
    rest = re.sub(r'\[(--[^\]]*)\]', r'\1', rest)
    yield script, tuple(shlex.split(rest.split('&&')[0], comments=True))


def _collected():
  found = {}
  for pattern in _SOURCES:
    for path in sorted(ROOT.glob(pattern)):
      if '_build' in path.parts or not path.is_file():
        continue
      if path.suffix in ('.md', '.py', '.ipynb'):
        for command in _commands(path.read_text()):
          found.setdefault(command, str(path.relative_to(ROOT)))
  return found


COLLECTED = _collected()


def _check_train(script):
  config = script['_CONFIG'].value
  run_config.validate(config)
  building.build_model(config, num_classes=10)


def _check_reproduce(script):
  if not script['_LIST'].value:
    for kind, name in script['_wanted']():
      script['_check'](kind, name)


_CHECKS = {
  'launch/train.py': _check_train,
  'launch/reproduce.py': _check_reproduce,
}


def _cases(folder):
  return [
    pytest.param(
      script,
      arguments,
      id=f'{source}-{number}',
      marks=[pytest.mark.slow] * ('--all' in arguments),
    )
    for number, ((script, arguments), source) in enumerate(COLLECTED.items())
    if script.startswith(folder)
  ]


# By which ml_collections reads a config file.
@pytest.mark.filterwarnings('ignore:the load_module:DeprecationWarning')
@pytest.mark.parametrize(('script', 'arguments'), _cases('launch'))
def test_a_launch_command_passes_its_checks(namespace, script, arguments):
  loaded = namespace(script, arguments)
  left = sys.modules['command_line']._parse([script, *arguments])
  assert not left[1:] or script == 'launch/prepare_data.py'
  _CHECKS.get(script, lambda loaded: None)(loaded)


class _ParsedError(Exception):
  """Flags were taken, which is as far as a benchmark goes here."""


@pytest.mark.parametrize(('script', 'arguments'), _cases('benchmarks'))
def test_a_benchmark_takes_its_flags(namespace, monkeypatch, script, arguments):
  if script == 'benchmarks/corruption_parity.py' and not arguments:
    arguments = ('--workdir=DIR',)  # It is named there, not given.
  parse = argparse.ArgumentParser.parse_args

  def parse_only(parser):
    parse(parser, arguments)
    raise _ParsedError

  monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', parse_only)
  with pytest.raises(_ParsedError):
    namespace(script)['main']()


def test_every_script_is_told_how_to_be_run():
  told = {script for script, _ in COLLECTED}
  assert told == set(_SCRIPTS)
  pages = [source for source in COLLECTED.values() if source.endswith('.md')]
  assert len(pages) > 20


def test_commands_are_found_as_they_are_written():
  text = """
  $ python launch/train.py --config=a.py:b \\
      --workdir=DIR [--config.c='d e']  # and so on
  see (`pip install -e . && python benchmarks/fig.py`): python launch/{name}.py
  """
  assert list(_commands(text)) == [
    (
      'launch/train.py',
      ('--config=a.py:b', '--workdir=DIR', '--config.c=d e'),
    ),
    ('benchmarks/fig.py', ()),
  ]


def test_every_field_that_is_named_is_one():
  """`--config.FIELD` in running text, too."""
  command_line = runpy.run_path(str(ROOT / 'launch' / 'command_line.py'))
  known = {'FIELD'}
  for path in (ROOT / 'configs').glob('[!_]*.py'):
    module = runpy.run_path(str(path))
    for variant in module.get('VARIANTS', ()):
      config = command_line['load_config'](path, variant)
      known |= set(run_config.flatten(config))
  for pattern in _SOURCES:
    for path in ROOT.glob(pattern):
      if path.suffix in ('.md', '.py', '.ipynb'):
        for field in re.findall(r'--config\.(\w+(?:\.\w+)*)', path.read_text()):
          assert field in known, f'{path}: --config.{field}'


_TIMES_NOTHING = """
import runpy, sys
from robustjax.training import timing
timing.time_steps = lambda configs, **options: {}
sys.argv = ['benchmarks/train_step.py', '--only=jax', '--count=1']
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.slow
def test_a_benchmark_finds_the_configs_in_a_fresh_clone():
  """Where nothing but the package is installed; its steps take minutes."""
  environment = {
    name: value for name, value in os.environ.items() if name != 'PYTHONPATH'
  }
  done = subprocess.run(
    [sys.executable, '-P', '-c', _TIMES_NOTHING],
    cwd=ROOT,
    env=environment,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout


@pytest.mark.parametrize('script', [s for s in _SCRIPTS if 'launch' in s])
def test_help_is_no_failure(namespace, capsys, script):
  namespace(script)
  with pytest.raises(SystemExit) as caught:
    sys.modules['command_line']._parse([script, '--help'])
  assert caught.value.code == 0
  assert '--' in capsys.readouterr().out
