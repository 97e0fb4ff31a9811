"""Hostile command lines over every flag and field: one line each, and code 2.

Every script is run with one bad flag or field, in a process of its own that is
forked from one with everything imported. It must end with exit code 2 and say
why in one line, before any training or measuring begins.

  python -m tests.hostile.command_lines        # all of them, some minutes
"""

import argparse
from collections.abc import Iterator
from collections.abc import Mapping
import os
import pathlib
import random
import runpy
import sys
import tempfile
import time
import traceback
from typing import NamedTuple

import ml_collections
import pytest

import robustjax
from robustjax.evaluation import metrics
from robustjax.training import autoencoder_training
from robustjax.training import loop
from robustjax.training import run_config

ROOT = pathlib.Path(__file__).resolve().parents[2]
_TIMEOUT = 120  # seconds
_BEGAN = 77  # exit code where training or measuring would have begun

# Bad texts, by the type of what they take the place of.
_TEXTS = {
  bool: ('', 'maybe', '2', 'None'),
  int: ('', 'abc', '-1', '1.5', 'nan', '99999999999999999999'),
  float: ('', 'abc', '-1', 'nan', 'inf', '1e30'),
  str: ('nonsense', '../../x', '\u2028', '/nonexistent'),
  tuple: ('', 'abc', '5', '((1, 2),)'),
  type(None): ('abc', '5', "('x',)"),  # stands for a tuple
}
# What a field may be all the same, and why.
_GOOD = {
  ('model.mean', '-1'): 'any number may be subtracted',
  ('variant', 'nonsense'): 'it is only a name',
  ('snr_noise.skip', 'nonsense'): 'idle without noise at every layer',
  ('snr_noise.skip', '../../x'): 'the same',
  ('snr_noise.skip', '/nonexistent'): 'the same',
  ('snr_noise.skip', '\u2028'): 'the same',
  ('deep_augment.autoencoder', 'nonsense'): 'idle without DeepAugment',
  ('deep_augment.autoencoder', '../../x'): 'the same',
  ('deep_augment.autoencoder', '/nonexistent'): 'the same',
  ('deep_augment.autoencoder', '\u2028'): 'the same',
}
_CONFIG = 'configs/noiseout.py:noiseout_fig'
# Configs that have other sections for model and optimizer.
_OTHER_CONFIGS = (
  'configs/noise_progression.py:resLHnoiseHL',
  'configs/noisy_dropout.py:noisy_dropout',
  'configs/weight_map.py:smoothing',
  'configs/weight_map.py:resnet_alternating_unsharp',
  'configs/weight_map.py:densenet_alternating_unsharp',
  'configs/cifar10.py:augmix_noiseout',
)
_FOLDERS = ('', '/proc/x', '~nobody-of-this-name/x', 'gs://bucket/x', '\0')
_NUMBERS = ('', 'abc', '-1', '0', '1.5', '99999999999999999999')
# By script: arguments that would be good, and bad values of each flag.
_FLAGS: dict[str, tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]] = {
  'train.py': (
    (f'--config={_CONFIG}', '--config.dataset=digits/14', '--workdir={run}'),
    {
      'config': ('', 'none.py', 'README.md', 'configs/noiseout.py:gated', '5'),
      'workdir': _FOLDERS,
      'process_id': ('0', 'abc'),
      'coordinator': ('', 'nowhere'),
      'num_processes': ('2', '-1'),
      'nonsense': ('1',),
      'config.noize.rate': ('1',),
      'config.noise': ('1',),
      'config.': ('1',),
    },
  ),
  'evaluate.py': (
    ('--workdir={trained}', '--benchmark=degradations'),
    {
      'workdir': (*_FOLDERS, '/nonexistent', '/'),
      'benchmark': ('', 'nonsense', 'imagenet-c', '3'),
      'source': ('', 'nonsense', 'published'),
      'published_dir': ('', '/nonexistent', '~nobody-of-this-name'),
      'corruption': ('', 'nonsense', ',', 'gaussian_noise,nonsense'),
      'severity': ('', 'abc', '0', '6', '1.5', '3'),
      'epsilon': ('', 'abc', '-0.1', '8', 'nan', '0.1'),
      'jpeg': ('maybe', 'true'),
      'frost_dir': ('', '/nonexistent', '/'),
      'seed': ('', 'abc', '-1', '1.5', '99999999999999999999'),
      'against': ('', '/nonexistent', '/', '~nobody-of-this-name'),
      'examples': ('maybe',),
      'crafted_on': ('', '/nonexistent', '{trained}'),
      'keep_noise': ('abc', '-1', '1.5', '99999999999999999999'),
      'step': ('', 'abc', '0', '-1', '1.5', '99999', 'newest'),
      'batch_size': _NUMBERS,
      'nonsense': ('1',),
    },
  ),
  'quickstart.py': (
    ('--workdir={run}',),
    {
      'workdir': _FOLDERS, 'num_epochs': _NUMBERS, 'nonsense': ('1',),
    },
  ),
  'reproduce.py': (
    ('--table=noiseout/1', '--scale=smoke', '--out={run}'),
    {
      'table': ('', 'nonsense', 'noiseout/99', 'noiseout', '/'),
      'figure': ('', 'nonsense', 'noiseout/99'),
      'out': _FOLDERS,
      'num_seeds': _NUMBERS,
      'num_epochs': _NUMBERS,
      'num_images': _NUMBERS,
      'override': ('', 'abc', 'noize.rate=1', 'seed=abc', 'dataset=nonsense'),
      'rows': ('', 'nonsense'),
      'columns': ('', 'nonsense'),
      'scale': ('', 'nonsense'),
      'nonsense': ('1',),
    },
  ),
  'prepare_data.py': (
    ('digits',), {'data_dir': ('', '/proc/x'), 'nonsense': ('1',)},
  ),
  'train_autoencoder.py': (
    ('--dataset=digits', '--out={run}.npz'),
    {
      'dataset': ('', 'nonsense', 'digits/3', '../../x'),
      'out': ('', '/', '/nonexistent/x.npz', '/proc/x.npz'),
      'num_steps': _NUMBERS,
      'batch_size': _NUMBERS,
      'seed': ('', 'abc', '-1', '1.5', '99999999999999999999'),
      'side': ('', 'abc', '0', '-1', '32'),
      'nonsense': ('1',),
    },
  ),
}  # fmt: skip
_BARE = (
  'train.py', 'train.py --config', 'train.py --workdir=x', 'evaluate.py',
  'train_autoencoder.py', 'reproduce.py', 'prepare_data.py',
  'prepare_data.py nonsense', 'prepare_data.py mnist/nonsense',
  'prepare_data.py iwildcam', 'train.py more words', 'evaluate.py more',
)  # fmt: skip


class Case(NamedTuple):
  """A command: the name of a script, and its arguments."""

  script: str
  arguments: tuple[str, ...]

  def __str__(self) -> str:
    return ' '.join((self.script, *map(ascii, self.arguments)))


def _config(text: str) -> ml_collections.ConfigDict:
  path, _, variant = text.partition(':')
  if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
  return runpy.run_path(str(ROOT / path))['get_config'](variant)


def _field_cases() -> Iterator[Case]:
  """Every field, with every bad text of its type."""
  seen = set()
  for config in (_CONFIG, *_OTHER_CONFIGS):
    usual = (f'--config={config}', '--workdir={run}')
    for field, value in run_config.flatten(_config(config)).items():
      section = field.partition('.')[0]
      place = (config, field) if section in ('model', 'optimizer') else field
      if place in seen:
        continue
      seen.add(place)
      others = ('--config.dataset=digits/14',) * (field != 'dataset')
      for text in _TEXTS[type(value)]:
        if (field, text) not in _GOOD:
          bad = (f'--config.{field}={text}',)
          yield Case('train.py', (*usual, *others, *bad))


def cases() -> list[Case]:
  """All of them, always in the same order."""
  found = list(_field_cases())
  for script, (usual, flags) in _FLAGS.items():
    for flag, values in flags.items():
      kept = [one for one in usual if not one.startswith(f'--{flag}=')]
      for value in values:
        found.append(Case(script, (*kept, f'--{flag}={value}')))
  found += [Case(*_split(text)) for text in _BARE]
  return found


def _split(text: str) -> tuple[str, tuple[str, ...]]:
  script, *arguments = text.split()
  return script, tuple(arguments)


def _began(*unused_arguments, **unused_options):
  """Takes the place of what would take long."""
  sys.exit(_BEGAN)


def _run_script(script: str, arguments) -> int:
  """Runs a script in this process; the exit code."""
  sys.argv = [f'launch/{script}', *arguments]
  sys.path.insert(0, str(ROOT / 'launch'))
  try:
    runpy.run_path(str(ROOT / 'launch' / script), run_name='__main__')
  except SystemExit as end:
    if isinstance(end.code, str):
      print(end.code, file=sys.stderr)
    return end.code if isinstance(end.code, int) else bool(end.code)
  except BaseException:
    traceback.print_exc()
    return 1
  return 0


def _wait_for(child: int) -> int | None:
  """The exit code of a forked process; None where it takes too long."""
  deadline = time.monotonic() + _TIMEOUT
  while time.monotonic() < deadline:
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
      return os.waitstatus_to_exitcode(status)
    time.sleep(0.005)
  os.kill(child, 9)
  os.waitpid(child, 0)
  return None


def _run(case: Case, folders: Mapping[str, str]) -> tuple[int | None, str]:
  """Exit code and stderr of a command."""
  arguments = [
    one.replace('{run}', folders['run']).replace(
      '{trained}', folders['trained']
    )
    for one in case.arguments
  ]
  with tempfile.TemporaryFile() as output:
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
      os.chdir(ROOT)
      with open(os.devnull, 'wb') as nowhere:
        os.dup2(nowhere.fileno(), 1)
      os.dup2(output.fileno(), 2)
      monkeypatch = pytest.MonkeyPatch()
      monkeypatch.setattr(loop, 'run_epochs', _began)
      monkeypatch.setattr(metrics, 'predictions_of', _began)
      monkeypatch.setattr(autoencoder_training, 'fit', _began)
      code = _run_script(case.script, arguments)
      sys.stdout.flush()
      sys.stderr.flush()
      os._exit(code)
    code = _wait_for(child)
    output.seek(0)
    return code, output.read().decode(errors='replace')


def complaint(case: Case, folders: Mapping[str, str]) -> str | None:
  """What is wrong with how a command ended, or None."""
  code, text = _run(case, folders)
  lines = text.splitlines()
  if code == 2 and len(lines) == 1:
    return None
  if code in (0, _BEGAN):
    return 'accepted'
  last = lines[-1][:150] if lines else ''
  return f'code {code}, {len(lines)} lines on stderr: {last}'


def make_folders(folder: pathlib.Path) -> dict[str, str]:
  """A place for a run, and one with a classifier trained for one step.

  In a process of its own: what has computed cannot be forked.
  """
  found = {'run': str(folder / 'run'), 'trained': str(folder / 'trained')}
  child = os.fork()
  if not child:
    config = _config('configs/noiseout.py:cnn')
    config.dataset, config.num_epochs = 'digits/14', 1
    config.batch_size, config.train_share = 64, 0.05
    code = 0
    try:
      robustjax.train(config, found['trained'])
    except BaseException:
      traceback.print_exc()
      code = 1
    os._exit(code)
  code = _wait_for(child)
  if code != 0:
    raise RuntimeError(f'no classifier was trained: {code}')
  return found


def main() -> None:
  """Runs all, a sample, or those with a part; says what failed."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('part', nargs='?', default='', help='of the commands')
  parser.add_argument('--sample', type=int, help='how many, always the same')
  options = parser.parse_args()
  chosen = [case for case in cases() if options.part in str(case)]
  if options.sample:
    chosen = random.Random(0).sample(chosen, options.sample)
  failed = 0
  with tempfile.TemporaryDirectory() as folder:
    folders = make_folders(pathlib.Path(folder))
    for case in chosen:
      found = complaint(case, folders)
      if found:
        failed += 1
        print(f'{case}: {found}', flush=True)
  print(f'{len(chosen)} hostile command lines, {failed} complaints')
  sys.exit(bool(failed))


if __name__ == '__main__':
  main()
