"""launch/evaluate.py on a classifier of digits, as a user runs it."""

import json
import runpy
import subprocess
import sys

import pytest

import robustjax

pytestmark = pytest.mark.slow


@pytest.fixture(scope='session')
def workdirs(tmp_path_factory, root):
  """Two runs of one epoch each."""
  get_config = runpy.run_path(str(root / 'configs' / 'noiseout.py'))
  folders = []
  for seed in (0, 1):
    config = get_config['get_config']('cnn')
    config.dataset, config.num_epochs, config.seed = 'digits', 1, seed
    folders.append(tmp_path_factory.mktemp('run'))
    robustjax.train(config, folders[-1])
  return folders


@pytest.fixture
def evaluate(root, workdirs):
  """Runs launch/evaluate.py on the first run."""

  def run(*arguments):
    command = [sys.executable, 'launch/evaluate.py']
    return subprocess.run(
      [*command, f'--workdir={workdirs[0]}', *arguments],
      cwd=root,
      capture_output=True,
      text=True,
    )

  return run


def test_generated_corruptions_are_measured_and_said_to_be(evaluate, workdirs):
  arguments = (
    '--benchmark=imagenet_c',
    '--corruption=contrast,frost',
    '--severity=1,5',
    '--examples',
  )
  done = evaluate(*arguments)
  assert done.returncode == 0, done.stderr
  assert '| contrast, mean of 2 severities |' in done.stdout
  folder = workdirs[0] / 'evaluation' / 'generated'
  content = json.loads((folder / 'imagenet_c.json').read_text())
  (found,) = content['results'].values()
  assert found['origin'] == 'generated'
  assert any('frost' in what for what in found['processing'])
  assert (folder / 'imagenet_c-curves.png').is_file()
  assert (folder / 'imagenet_c-examples.png').is_file()
  # What is kept is not measured again.
  kept = folder / 'predictions'
  before = {path: path.stat().st_mtime_ns for path in kept.rglob('*.npz')}
  assert len(before) == 1 + 2 * 2
  assert evaluate(*arguments).stdout == done.stdout
  assert before == {p: p.stat().st_mtime_ns for p in kept.rglob('*.npz')}


def test_attacks_and_a_comparison(evaluate, workdirs):
  done = evaluate(
    '--benchmark=fgsm', '--epsilon=0,0.1', f'--against={workdirs[1]}'
  )
  assert done.returncode == 0, done.stderr
  assert '| fgsm 0.1 |' in done.stdout
  assert '| set | cnn | cnn in ' in done.stdout
  assert (workdirs[0] / 'evaluation' / 'fgsm-against.md').is_file()


def test_adversarial_images_of_another_run_and_noise_left_on(
  evaluate, workdirs
):
  own = evaluate('--benchmark=fgsm', '--epsilon=0,0.2')
  done = evaluate(
    '--benchmark=fgsm', '--epsilon=0,0.2', f'--crafted_on={workdirs[1]}'
  )
  assert done.returncode == 0, done.stderr
  assert 'crafted on cnn on digits, seed 1' in done.stdout
  folder = workdirs[0] / 'evaluation'
  (found,) = json.loads((folder / 'transfer' / 'fgsm.json').read_text())[
    'results'
  ].values()
  (white_box,) = json.loads((folder / 'fgsm.json').read_text())[
    'results'
  ].values()
  assert own.returncode == 0
  # Another classifier's worst images are not one's own worst.
  assert found['rows'][1]['accuracy'] > white_box['rows'][1]['accuracy']
  done = evaluate('--benchmark=fgsm', '--epsilon=0', '--keep_noise=2')
  assert done.returncode == 0, done.stderr
  assert 'left on, mean of 2 passes' in done.stdout
  assert (folder / 'noise-kept-2' / 'fgsm.json').is_file()


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--benchmark=pgd', '--source=published'], 'source: expected generated'),
    (['--benchmark=imagenet_c', '--severity=0'], 'severities: '),
    (
      ['--benchmark=imagenet_c', '--severity=one'],
      'severity: expected numbers',
    ),
    (
      ['--benchmark=mnist_c', '--source=generated', '--corruption=fgo'],
      "did you mean 'fog'",
    ),
    (['--benchmark=mnist_c', '--published_dir=/nonexistent'], 'folder: '),
    (
      ['--benchmark=degradations', '--crafted_on=/nonexistent'],
      'crafted_on: expected none for degradations',
    ),
    (
      ['--benchmark=imagenet_c', '--frost_dir=/nonexistent'],
      'frost_folder: ',
    ),
  ],
)
def test_bad_input_ends_in_one_line(evaluate, arguments, message):
  done = evaluate(*arguments)
  assert done.returncode == 2, done.stderr
  assert message in done.stderr
  assert len(done.stderr.strip().splitlines()) == 1
