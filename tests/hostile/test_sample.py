"""A sample of the hostile calls, and that no public function is without."""

import importlib
import inspect
import random
import subprocess
import sys

import pytest

from tests.hostile import arrays

_ROOMS = (
  'attacks', 'attribution', 'augmentation', 'corruptions', 'data', 'evaluation',
  'layers', 'models', 'random_keys', 'training',
)  # fmt: skip
# Why a public function has no hostile arguments.
_EXEMPT = {
  'augmentation.save_autoencoder': 'takes what `init` made; writes one file',
  'corruptions.frost_source': 'takes what `load_frost_textures` made',
  'evaluation.compare': 'takes folders that `evaluate` wrote',
  'models.convolve': 'stands in for a function of JAX, with its errors',
  'random_keys.check_key': 'is itself a check',
  'random_keys.check_seed': 'is itself a check',
  'training.gains_from_seeds_at_once': 'takes devices',
  'training.keep_noise': 'takes what `restore` made',
  'training.load_test': 'takes a validated config',
}
# The same ones each time, of all functions alike.
_SAMPLE = random.Random(0).sample(arrays.cases(), 20)


def _public_functions():
  for room in _ROOMS:
    module = importlib.import_module(f'robustjax.{room}')
    for name in getattr(module, '__all__', vars(module)):
      value = getattr(module, name)
      is_own = getattr(value, '__module__', '').startswith('robustjax')
      if inspect.isfunction(value) and is_own and not name.startswith('_'):
        yield f'{room}.{name}'


def test_every_public_function_has_hostile_arguments():
  covered = {name.split(',')[0] for name in arrays.ENTRIES}
  missing = set(_public_functions()) - covered - set(_EXEMPT)
  assert not missing


def test_there_are_enough_of_them():
  assert sum(case.must_be_refused for case in arrays.cases()) >= 600


@pytest.mark.slow
@pytest.mark.parametrize(
  'case', _SAMPLE, ids=lambda case: f'{case.function}-{case.argument}'
)
def test_a_hostile_argument_is_refused_in_one_line(case):
  assert arrays.complaint(case) is None, case.what


@pytest.mark.slow
def test_a_sample_of_hostile_command_lines_ends_in_one_line_each(root):
  # Of its own: what has computed cannot fork.
  command = [sys.executable, '-m', 'tests.hostile.command_lines']
  done = subprocess.run(
    [*command, '--sample=20'], cwd=root, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stdout + done.stderr
