import re
import subprocess
import sys

import pytest

from robustjax import augmentation

pytestmark = pytest.mark.slow  # Each starts Python and JAX.


@pytest.fixture
def run(root):
  """Runs launch/train_autoencoder.py on the digits."""

  def run(*arguments):
    command = [sys.executable, 'launch/train_autoencoder.py']
    options = ['--dataset=digits', '--batch_size=8', *arguments]
    return subprocess.run(
      [*command, *options], cwd=root, capture_output=True, text=True
    )

  return run


def test_it_trains_says_how_well_and_saves(run, tmp_path):
  path = tmp_path / 'weights.npz'
  done = run(f'--out={path}', '--num_steps=30')
  assert done.returncode == 0, done.stderr
  before, after = re.findall(
    r'(\d+\.\d) (?:grey levels before|after)', done.stdout
  )
  assert float(after) < float(before) / 2
  assert augmentation.load_autoencoder(path).channels == 1


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ([], 'out'),
    (['--out=/none/weights.npz'], 'out: expected a file in a folder'),
    (['--out='], 'out: expected a path on this machine'),
    (['--out=~no-such-user/w.npz'], 'out: expected a home folder'),
    (['--out=weights.npz', '--batch_size=0'], 'batch_size: expected an int'),
    (['--out=weights.npz', '--side=99999'], 'side: expected an integer'),
    (['--out=weights.npz', '--dataset=../x'], 'dataset: expected a name'),
    (['--out=weights.npz', '--num_steps=0'], 'num_steps: expected an integer'),
    (['--out=weights.npz', '--seed=-1'], 'seed: expected an integer'),
    (['--out=weights.npz', '--dataset=none'], 'launch/prepare_data.py none'),
  ],
)
def test_bad_input_ends_in_one_line(run, root, arguments, message):
  done = run(*arguments)
  assert done.returncode == 2
  assert message in done.stderr
  assert len(done.stderr.strip().splitlines()) == 1
  assert not (root / 'weights.npz').exists()
