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
  for number in (1, 2, 3, 4, 5, 'cifar10'):
    assert f'--table=noiseout/{number} ' in printed
  for number in (1, 2, 4, 5, '5-cifar10', '5-mnist', 8):
    assert f'--figure=noiseout/{number} ' in printed
  for name in ('table=weight_map/4', 'figure=weight_map/4'):
    assert f'--{name} ' in printed
  for name in ('noisy_dropout/classes', 'noisy_dropout/resources'):
    assert f'--table={name} ' in printed
  for name in ('noise_progression/2-imagenet', 'noisy_dropout/11'):
    assert f'--figure={name} ' in printed


@pytest.mark.slow
@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ([], 'expected --table, --figure, --all or --list'),
    (
      ['--table=noiseout/6'],
      "table: did you mean 'noiseout/5'? expected one of noiseout/1",
    ),
    (
      ['--figure=noiseout/9'],
      "figure: did you mean 'noiseout/8'? expected one of noise_",
    ),
    (['--table=noiseout/5', '--figure=typo'], 'figure: expected one of'),
    (['--table=noiseout/5', '--num_seeds=3'], 'num_seeds: expected none for'),
    (['--table=noiseout/5', '--out=README.md'], 'out: expected a folder'),
    (['--table=noiseout/1', '--num_seeds=0'], 'num_seeds: expected an integer'),
    (['--table=noiseout/1', '--num_epochs=0'], 'num_epochs: expected an int'),
    (['--table=noiseout/1', '--num_images=0'], 'num_images: expected an int'),
    (['--table=noiseout/1', '--num_images=9'], 'num_images: expected none for'),
    (['--table=noiseout/1', '--override=typo'], 'override: expected FIELD=VAL'),
    (['--table=noiseout/1', '--override=seed=1'], 'counted by --num_seeds'),
    (['--table=noiseout/1', '--num_seeds=99999'], 'num_seeds: expected an int'),
    (['--table=noiseout/1', '--out='], 'out: expected a path'),
    (['--table=noiseout/1', '--override=a=b'], 'config field: expected'),
    (
      ['--table=noiseout/1', '--override=noise.rate=0.1'],
      'override: expected none of a field that differs from cell to cell',
    ),
    (['--table=noiseout/5', '--override=a=b'], 'override: expected none for'),
    (['--table=noiseout/1', '--data_dir=/none'], 'launch/prepare_data.py'),
    (['--table=noiseout/1', '--rows=cnn'], 'rows: expected patterns that fit'),
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
  assert 'epoch 2/2' in printed
  code, again, _ = reproduce('--table=noiseout/1', '--scale=smoke')
  assert code == 0
  assert 'epoch' not in again.replace('- epochs', '').replace('14 epochs', '')


@pytest.mark.slow
def test_a_changed_run_says_so(reproduce, tmp_path):
  change = '--override=noisy_dropout.where=all'
  code, printed, errors = reproduce(
    '--figure=noisy_dropout/9', '--scale=smoke', '--num_images=10', change
  )
  assert code == 0, errors
  assert '- changed: noisy_dropout.where=all' in printed
  assert '- images: the first 10 of the test set' in printed
  stem = 'noisy_dropout-figure-9-smoke-10-images-noisy_dropout.where=all'
  content = json.loads((tmp_path / f'{stem}.json').read_text())
  assert content['claims'][0]['answer'] == 'not measured'
  assert (tmp_path / f'{stem}.png').is_file()


@pytest.mark.slow
def test_other_papers_run_at_the_smoke_scale(reproduce, tmp_path):
  """Of each kind one: --all takes minutes."""
  code, _, errors = reproduce(
    '--table=weight_map/4',
    '--figure=noise_progression/2',
    '--scale=smoke',
    '--num_seeds=1',
  )
  assert code == 0, errors
  names = {path.stem for path in tmp_path.glob('*.json')}
  for stem in ('weight_map-table-4', 'noise_progression-figure-2'):
    assert f'{stem}-smoke' in names
