"""launch/evaluate.py on classifiers of digits, in this process or as users do.

In this process the runs are made up: what is restored is a linear classifier,
so that nothing is trained and little compiled.
"""

import csv
import importlib
import json
import pathlib
import runpy
import subprocess
import sys
import types

from absl import flags
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

import robustjax
from robustjax import data
from robustjax import errors
from robustjax import training
from robustjax.training import run_files


@pytest.fixture(scope='module')
def script(root):
  """The script as a module; its flags are gone afterwards."""
  before = set(flags.FLAGS)
  with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(root / 'launch'))
    path = root / 'launch' / 'evaluate.py'
    spec = importlib.util.spec_from_file_location('launch_evaluate', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
  for name in set(flags.FLAGS) - before:
    delattr(flags.FLAGS, name)


class _Run(types.SimpleNamespace):
  """A run as it is restored: `predict` and what its config says."""


@pytest.fixture
def runs(tmp_path, monkeypatch, rng):
  """Makes runs in folders; the classifier of each is linear."""
  made = {}

  def make(name, shape=(28, 28, 1), predict=None, **config):
    folder = tmp_path / name
    folder.mkdir()
    weights = jnp.asarray(rng.normal(size=(784, 10)), jnp.float32)
    default = {
      'variant': 'cnn',
      'dataset': 'digits',
      'seed': 0,
      'num_seeds': 1,
      'loss': 'softmax',
      'gate': {'kind': 'none'},
    }
    made[folder] = _Run(
      config=ml_collections.ConfigDict(default | config),
      step=7,
      shape=shape,
      predict=predict or (lambda x: x.reshape(len(x), -1) @ weights),
      asked=[],
    )
    return folder

  def find(folder):
    folder = pathlib.Path(folder).expanduser()
    if folder not in made:
      raise errors.InputError('workdir', 'a run', str(folder))
    return made[folder]

  def restore(folder, step=None):
    find(folder).asked.append(step)
    return find(folder)

  digits = data.load('digits', 'test')
  few = digits._replace(images=digits.images[:30], labels=digits.labels[:30])
  monkeypatch.setattr(robustjax, 'restore', restore, raising=False)
  monkeypatch.setattr(run_files, 'read', lambda folder: find(folder).config)
  monkeypatch.setattr(
    run_files, 'read_dataset', lambda folder: (find(folder).shape, 10)
  )
  monkeypatch.setattr(training, 'load_test', lambda config, folder: few)
  return types.SimpleNamespace(make=make, made=made)


@pytest.fixture
def run(script):
  """Runs the script with these arguments."""
  module = script

  def call(*arguments):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS:
      flags.FLAGS[name].unparse()
    for cached in ('_restore_all', '_textures', '_crafted_on'):
      getattr(module, cached).cache_clear()
    importlib.import_module('command_line')._parse(
      ['evaluate.py', *map(str, arguments)]
    )
    module.main([])

  return call


_FGSM = ('--benchmark=fgsm', '--epsilon=0.1')


def _never(images):
  raise AssertionError('measured before all names were looked up')


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ([*_FGSM, '--against=/dev/null/none'], 'against: '),
    ([*_FGSM, '--reference=/dev/null/none'], 'reference: '),
    ([*_FGSM, '--crafted_on=/dev/null/none'], 'crafted_on: '),
    ([*_FGSM, '--frost_dir=/dev/null/none'], 'frost_dir: '),
    ([*_FGSM, '--data_dir=/dev/null/none'], 'data_dir: '),
    ([*_FGSM, '--published_dir=/dev/null/none'], 'published_dir: '),
    ([*_FGSM, '--against=~nobody-of-this-name/x'], 'against: '),
    ([*_FGSM, '--data_dir='], 'data_dir: '),
    ([*_FGSM, '--epsilon='], 'epsilon: expected at least one number'),
    ([*_FGSM, '--epsilon=8'], 'epsilon: '),
    ([*_FGSM, '--epsilon=nan'], 'epsilon: '),
    ([*_FGSM, '--epsilon=0.1,'], 'epsilon: '),
    ([*_FGSM, '--severity=1'], 'severity: expected None for fgsm'),
    ([*_FGSM, '--severity='], 'severity: '),
    ([*_FGSM, '--corruption=fog'], 'corruption: expected None for fgsm'),
    ([*_FGSM, '--jpeg'], 'jpeg: expected False for fgsm'),
    ([*_FGSM, '--seed=3'], 'seed: expected None for fgsm'),
    ([*_FGSM, '--source=published'], 'source: expected generated for fgsm'),
    ([*_FGSM, '--step=newest'], 'step: expected a step, latest or best'),
    ([*_FGSM, '--keep_noise=-1'], 'flags: .*keep_noise'),
    ([*_FGSM, '--keep_noise=100000'], 'flags: .*keep_noise'),
    ([*_FGSM, '--batch_size=0'], 'flags: .*batch_size'),
    (['--benchmark=degradations', '--jpeg'], 'jpeg: .*degradations'),
    (['--benchmark=mnist_c', '--jpeg'], 'jpeg: .*published mnist_c'),
    (['--benchmark=mnist_c', '--seed=0'], 'seed: .*published mnist_c'),
    (['--benchmark=degradations', '--epsilon=0.1'], 'epsilon: expected None'),
    (['--benchmark=imagenet_c', '--epsilon=0.1'], 'epsilon: expected None'),
    (['--benchmark=imagenet_c', '--severity=9'], 'severity: .*got 9'),
    (['--benchmark=imagenet_c', '--severity=2.5'], 'severity: '),
    (['--benchmark=imagenet_c', '--corruption=fogg'], 'corruption: .*fog'),
    (
      ['--benchmark=degradations', '--crafted_on=/dev/null/none'],
      'crafted_on: expected none for degradations',
    ),
    (
      ['--benchmark=degradations', '--published_dir=/dev/null/none'],
      'published_dir: expected none for degradations',
    ),
  ],
)
def test_all_that_is_named_is_looked_up_before_the_work(
  run, runs, arguments, message
):
  workdir = runs.make('ours', predict=_never)
  with pytest.raises(errors.InputError, match=f'^{message}') as raised:
    run(f'--workdir={workdir}', *arguments)
  assert '\n' not in str(raised.value)
  assert not (workdir / 'evaluation').exists()


@pytest.mark.parametrize('flag', ['against', 'reference', 'crafted_on'])
def test_another_run_is_of_like_images_and_one_seed(run, runs, flag):
  ours = runs.make('ours', predict=_never)
  colour = runs.make('colour', shape=(32, 32, 3))
  with pytest.raises(errors.InputError, match=f'{flag}: .*28, 28, 1.*32, 32'):
    run(f'--workdir={ours}', *_FGSM, f'--{flag}={colour}')
  several = runs.make('several', num_seeds=2)
  for seed in (0, 1):
    runs.made[several / f'seed-{seed}'] = runs.made[several]
  with pytest.raises(errors.InputError, match=f'{flag}: .*one seed.* 2 seeds'):
    run(f'--workdir={ours}', *_FGSM, f'--{flag}={several}')


def test_a_reference_gives_corruption_errors(run, runs, capsys):
  ours, base = runs.make('ours'), runs.make('plain')
  run(f'--workdir={ours}', *_FGSM, f'--reference={base}', f'--against={base}')
  shown = capsys.readouterr().out
  assert '| mCE, cnn in plain = 100 |' in shown
  assert '| set | cnn | cnn in plain |' in shown
  (found,) = json.loads((ours / 'evaluation' / 'fgsm.json').read_text())[
    'results'
  ].values()
  run(f'--workdir={base}', *_FGSM)
  (other,) = json.loads((base / 'evaluation' / 'fgsm.json').read_text())[
    'results'
  ].values()
  error, divisor = (1 - one['rows'][1]['accuracy'] for one in (found, other))
  assert found['mce'] == pytest.approx(100 * error / divisor)
  assert 'mce' not in other
  with (ours / 'evaluation' / 'fgsm.csv').open() as file:
    lines = list(csv.DictReader(file))
  assert {line['reference'] for line in lines} == {'cnn in plain'}


@pytest.mark.parametrize(
  'variant', ['/../../x', '../../../x', '/x', '~/x', '.']
)
def test_a_name_in_a_config_leads_nowhere(run, runs, tmp_path, variant):
  ours, other = runs.make('ours'), runs.make('other', variant=variant)
  run(f'--workdir={ours}', *_FGSM, f'--crafted_on={other}')
  assert {path.name for path in tmp_path.iterdir()} == {'ours', 'other'}
  assert not any(other.iterdir())
  made = [path.relative_to(ours) for path in ours.rglob('*.npz')]
  assert len(made) == 2
  assert {path.parts[:4] for path in made} == {
    ('evaluation', 'transfer', 'predictions', 'seed-0')
  }
  assert all(len(path.parts) == 6 for path in made)


def test_a_name_of_a_config_may_be_long(run, runs):
  ours, other = runs.make('ours'), runs.make('other', variant=400 * 'x')
  run(f'--workdir={ours}', *_FGSM, f'--crafted_on={other}')
  assert len(list(ours.rglob('*.npz'))) == 2


def test_an_attack_raises_the_loss_of_the_run_it_is_on(run, runs):
  ours = runs.make('ours', loss='sigmoid')
  other = runs.make('other')
  run(f'--workdir={ours}', *_FGSM)
  document = (ours / 'evaluation' / 'fgsm.md').read_text()
  assert 'on the classifier itself, by its sigmoid cross entropy' in document
  run(f'--workdir={ours}', *_FGSM, f'--crafted_on={other}')
  document = (ours / 'evaluation' / 'transfer' / 'fgsm.md').read_text()
  assert 'sigmoid' not in document
  run(f'--workdir={other}', *_FGSM, f'--crafted_on={ours}')
  document = (other / 'evaluation' / 'transfer' / 'fgsm.md').read_text()
  assert 'by its sigmoid cross entropy' in document


@pytest.mark.parametrize(
  ('given', 'asked'),
  [('0', 0), ('12', 12), ('best', 'best'), ('latest', 'latest')],
)
def test_a_step_is_asked_for_as_it_was_given(run, runs, given, asked):
  ours, other = runs.make('ours'), runs.make('other')
  run(f'--workdir={ours}', *_FGSM, f'--step={given}', f'--against={other}')
  assert runs.made[ours].asked == [asked]
  assert runs.made[other].asked == [asked]


def test_folders_may_begin_with_a_tilde(run, runs, tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  runs.make('ours')
  runs.make('other')
  photographs = tmp_path / 'frost'
  photographs.mkdir()
  from PIL import Image

  for number in range(2):
    path = photographs / f'frost{number}.png'
    Image.fromarray(np.full((200, 200, 3), 200, np.uint8)).save(path)
  run(
    '--workdir=~/ours',
    '--benchmark=cifar10_c',
    '--source=generated',
    '--corruption=frost',
    '--severity=1',
    '--frost_dir=~/frost',
    '--data_dir=~',
    '--reference=~/other',
  )
  found = tmp_path / 'ours' / 'evaluation' / 'generated' / 'cifar10_c.md'
  assert 'frost: 2 photographs' in found.read_text()
  with pytest.raises(errors.InputError, match='published_dir, .*|folder'):
    run('--workdir=~/ours', '--published_dir=~/frost')


def test_what_cannot_be_written_is_named_in_one_line(run, runs):
  ours = runs.make('ours')
  (ours / 'evaluation').write_text('')  # As good as a folder that is read-only.
  with pytest.raises(errors.InputError, match='that can be written') as raised:
    run(f'--workdir={ours}', *_FGSM)
  assert '\n' not in str(raised.value)


def test_a_sweep_that_a_full_disk_stopped_goes_on(run, runs, capsys):
  ours = runs.make('ours')
  run(f'--workdir={ours}', *_FGSM)
  first = capsys.readouterr().out
  (record,) = ours.rglob('sweep.json')
  for path in (record, *ours.rglob('*.npz')):
    path.unlink()
  record.write_text('')
  run(f'--workdir={ours}', *_FGSM)
  again = capsys.readouterr().out
  assert 'sweep.json is damaged' in again
  assert again.endswith(first)


def test_seeds_without_a_corrupted_set_have_no_mean_of_these(run, runs, capsys):
  ours = runs.make('ours', num_seeds=2)
  for seed in (0, 1):
    runs.made[ours / f'seed-{seed}'] = _Run(**vars(runs.made[ours]))
    runs.made[ours / f'seed-{seed}'].config = ml_collections.ConfigDict(
      runs.made[ours].config.to_dict() | {'seed': seed}
    )
  run(f'--workdir={ours}', '--benchmark=fgsm', '--epsilon=0')
  shown = capsys.readouterr().out
  assert 'mean of all sets: ' in shown
  assert 'mean of the corrupted sets' not in shown


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_attacks_and_a_comparison(evaluate, workdirs):
  done = evaluate(
    '--benchmark=fgsm', '--epsilon=0,0.1', f'--against={workdirs[1]}'
  )
  assert done.returncode == 0, done.stderr
  assert '| fgsm 0.1 |' in done.stdout
  assert '| set | cnn | cnn in ' in done.stdout
  assert (workdirs[0] / 'evaluation' / 'fgsm-against.md').is_file()


@pytest.mark.slow
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
  done = evaluate('--benchmark=fgsm', '--epsilon=0.1', '--keep_noise=2')
  assert done.returncode == 0, done.stderr
  assert 'left on, mean of 2 passes' in done.stdout
  assert (folder / 'noise-kept-2' / 'fgsm.json').is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--benchmark=pgd', '--source=published'], 'source: expected generated'),
    (['--benchmark=imagenet_c', '--severity=0'], 'severity: '),
    (
      ['--benchmark=imagenet_c', '--severity=one'],
      'severity: expected numbers',
    ),
    (
      ['--benchmark=mnist_c', '--source=generated', '--corruption=fgo'],
      "did you mean 'fog'",
    ),
    (
      ['--benchmark=mnist_c', '--published_dir=/dev/null/none'],
      'published_dir: ',
    ),
    (
      ['--benchmark=degradations', '--crafted_on=/dev/null/none'],
      'crafted_on: expected none for degradations',
    ),
    (
      ['--benchmark=imagenet_c', '--frost_dir=/dev/null/none'],
      'frost_dir: ',
    ),
  ],
)
def test_bad_input_ends_in_one_line(evaluate, arguments, message):
  done = evaluate(*arguments)
  assert done.returncode == 2, done.stderr
  assert message in done.stderr
  assert len(done.stderr.strip().splitlines()) == 1
