"""Breaks the code on purpose, and sees which tests notice.

  python -m tests.mutation.run             # all mutants, some twenty minutes
  python -m tests.mutation.run gating      # those whose file or text has it

Every mutant is made in a copy of the checkout; the tests beside it are run, the
everyday ones. Survivors are listed, and the exit code is 1 if more than two of
all survive.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from tests.mutation import mutants

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_MOST_SURVIVORS = 2
_NOTHING_FOUND = 5  # pytest's exit code where no test was collected


def _tests_of(mutant: mutants.Mutant) -> list[str]:
  """The test files that are run."""
  own = pathlib.PurePath(mutant.file)
  default = str(own.with_name(f'test_{own.name}'))
  return [f'tests/{test}' for test in mutant.tests or (default,)]


def _is_killed(mutant: mutants.Mutant, copy: pathlib.Path) -> bool:
  """Whether a test fails on the mutant; the copy is mended again."""
  path = copy / 'robustjax' / mutant.file
  original = path.read_text()
  if original.count(mutant.old) != 1:
    raise ValueError(f'{mutant.file}: not once there: {mutant.old!r}')
  path.write_text(original.replace(mutant.old, mutant.new))
  command = [sys.executable, '-m', 'pytest', '-x', '-q', '-n', '0']
  try:
    done = subprocess.run(
      [*command, *_tests_of(mutant)],
      cwd=copy,
      env=_environment(copy),
      capture_output=True,
      text=True,
    )
  finally:
    path.write_text(original)
  if done.returncode == _NOTHING_FOUND:
    raise ValueError(f'{mutant.what}: no tests in {_tests_of(mutant)}')
  return done.returncode == 1


def _environment(copy: pathlib.Path) -> dict[str, str]:
  return os.environ | {'PYTHONPATH': str(copy)}


def main() -> None:
  """Runs the mutants that are asked for."""
  wanted = sys.argv[1] if len(sys.argv) > 1 else ''
  chosen = [
    one for one in mutants.MUTANTS if wanted in f'{one.file} {one.what}'
  ]
  survivors = []
  with tempfile.TemporaryDirectory() as folder:
    copy = pathlib.Path(folder) / 'copy'
    shutil.copytree(
      _ROOT, copy, ignore=shutil.ignore_patterns('.git', '__pycache__')
    )
    for mutant in chosen:
      is_killed = _is_killed(mutant, copy)
      word = 'killed' if is_killed else 'SURVIVED'
      print(f'{word:9}{mutant.file}: {mutant.what}', flush=True)
      survivors += [] if is_killed else [mutant]
  print(f'{len(chosen) - len(survivors)} of {len(chosen)} killed')
  sys.exit(len(survivors) > _MOST_SURVIVORS)


if __name__ == '__main__':
  main()
