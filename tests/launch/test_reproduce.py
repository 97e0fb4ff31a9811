"""launch/reproduce.py: its list, its errors, and a smoke run of all kinds."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def reproduce(root, tmp_path):
  """Runs launch/reproduce.py; returns exit code, stdout and stderr."""

  def run(*arguments):
    command = [sys.executable, 'launch/reproduce.py', f'--out={tmp_path}']
    done = subprocess.run(
      [*command, *arguments], cwd=root, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr

  return run


def test_lists_what_can_be_run(reproduce):
  code, printed, _ = reproduce('--list')
  assert code == 0
  for number in (1, 3, 4, 5):
    assert f'--table=noiseout/{number} ' in printed
  for number in (1, 2, 4, 8):
    assert f'--figure=noiseout/{number} ' in printed


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ([], 'expected --table, --figure, --all or --list'),
    (['--table=noiseout/2'], 'table: expected one of noiseout/1'),
    (['--figure=noiseout/9'], 'figure: expected one of noiseout/1'),
    (['--table=noiseout/5', '--figure=typo'], 'figure: expected one of'),
    (['--table=noiseout/5', '--num_seeds=3'], 'num_seeds: expected none for'),
    (['--table=noiseout/5', '--out=README.md'], 'out: expected a folder'),
    (['--table=noiseout/1', '--num_seeds=0'], 'num_seeds: expected an integer'),
    (['--table=noiseout/1', '--num_epochs=0'], 'num_epochs: expected an int'),
    (['--table=noiseout/1', '--data_dir=/none'], 'launch/prepare_data.py'),
  ],
)
def test_bad_input_ends_in_one_line(reproduce, arguments, message):
  code, _, printed = reproduce(*arguments)
  assert code == 2
  assert message in printed
  assert len(printed.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_smoke_figure_says_what_it_is(reproduce, tmp_path):
  code, _, errors = reproduce('--figure=noiseout/4', '--scale=smoke')
  assert code == 0, errors
  content = json.loads((tmp_path / 'noiseout-figure-4-smoke.json').read_text())
  assert 'SMOKE RUN' in content['remarks']['scale']
  shares = next(iter(content['images'].values()))['share_negative']
  assert set(shares) == {'input', 'hidden', 'gated'}
  assert (tmp_path / 'noiseout-figure-4-smoke.png').is_file()


@pytest.mark.slow
def test_a_smoke_table_resumes_and_says_what_it_is(reproduce, tmp_path):
  code, printed, errors = reproduce('--table=noiseout/1', '--scale=smoke')
  assert code == 0, errors
  assert 'SMOKE RUN' in printed
  assert 'n 2' in printed
  assert 'epoch 1/1' in printed
  code, again, _ = reproduce('--table=noiseout/1', '--scale=smoke')
  assert code == 0
  assert 'epoch' not in again.replace('- epochs', '').replace('14 epochs', '')
