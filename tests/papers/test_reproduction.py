import json
import runpy

import ml_collections
import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax import training
from robustjax.data import sources
from robustjax.papers import measures
from robustjax.papers import measuring
from robustjax.papers import reproduction
from robustjax.papers import tables
from robustjax.training import run_config
from robustjax.training import run_files

NOISE = measures.Benchmark('degradations', {'gaussian_noise': (0.2,)})
MEASURE = measures.mean_accuracy(NOISE)
SCALE = reproduction.Scale(2, num_images=8)


@pytest.fixture
def load(root, monkeypatch):
  """The configs of this checkout, by FILE:VARIANT."""
  monkeypatch.syspath_prepend(str(root))  # They import one another.

  def load(text):
    file, variant = text.split(':')
    return runpy.run_path(str(root / 'configs' / file))['get_config'](variant)

  return load


@pytest.fixture
def config(load):
  """The plain CNN on the digits, for two steps."""
  config = load('noiseout.py:cnn')
  config.dataset, config.batch_size, config.num_epochs = 'digits', 8, 1
  return config.lock()


@pytest.fixture(autouse=True)
def _few_digits(monkeypatch):
  images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)
  few = data.from_arrays(images, np.arange(16) % 4, name='digits')
  monkeypatch.setattr(sources, 'load', lambda *names, **options: few)
  monkeypatch.setattr(sources, 'is_photographs', lambda name, **options: False)


def _table(num_rows=3):
  cell = tables.Cell('noiseout.py:cnn', {'noise.rate': '0.25'}, measure=MEASURE)
  cells = {('a', 'x'): cell, ('b', 'x'): cell._replace(overrides={})}
  cells['c', 'x'] = cell
  for row in range(3, num_rows):
    overrides = {'noise.rate': f'0.{row}'}
    cells[str(row), 'x'] = cell._replace(overrides=overrides)
  return tables.Table('title', cells, 'a', 'note')


def test_cells_with_one_config_share_a_run(load):
  scale = reproduction.Scale(2, {'num_epochs': '3'})
  runs = reproduction.run_names(_table(), load, scale)
  assert runs['a', 'x'][0] == runs['c', 'x'][0] != runs['b', 'x'][0]
  assert runs['a', 'x'][1].noise.rate == 0.25
  assert runs['a', 'x'][1].num_epochs == 3


def test_changes_come_last_but_do_not_undo_a_table(load):
  cell = _table().cells['a', 'x']
  scale = reproduction.Scale(
    2,
    overrides={'num_epochs': '3', 'batch_size': '8'},
    by_config={
      'noiseout.py': {'batch_size': '7'},
      'noiseout.py:cnn': {'batch_size': '9'},
      'noiseout.py:other': {'x': 'y'},
    },
    changes={'num_epochs': '4'},
  )
  config = reproduction.cell_config(cell, load, scale)
  assert (config.num_epochs, config.batch_size) == (4, 9)
  scale = reproduction.Scale(2, changes={'noise.rate': '0.5'})
  with pytest.raises(errors.InputError, match='override: .*noise.rate'):
    reproduction.cell_config(cell, load, scale)
  scale = reproduction.Scale(2, changes={'typo': '1'})
  with pytest.raises(errors.InputError, match='config field: .*typo'):
    reproduction.cell_config(cell, load, scale)


def test_some_rows_are_the_reference_and_others_spread_out(load):
  scale = SCALE._replace(num_rows=3)
  runs = reproduction.run_names(_table(num_rows=8), load, scale)
  # a is the reference, c its run too; of b, c, 3 .. 7 the third and the last.
  assert [row for row, _ in runs] == ['a', 'c', '3', '7']


def test_runs_are_measured_on_what_their_cells_show(load):
  table = _table()
  other = tables.Cell(
    'noiseout.py:cnn', {}, measure=measures.mean_accuracy(measures.MNIST_C)
  )
  table.cells['b', 'y'] = other
  runs = reproduction.run_names(table, load, SCALE)
  wanted = reproduction.wanted_benchmarks(table, runs, SCALE)
  b = runs['b', 'x'][0]
  assert set(wanted[b]) == {NOISE.label, 'mnist_c'}
  assert set(wanted[runs['a', 'x'][0]]) == {NOISE.label}
  scale = SCALE._replace(stand_ins={'mnist_c': measures.DEGRADATIONS})
  wanted = reproduction.wanted_benchmarks(table, runs, scale)
  assert set(wanted[b]) == {NOISE.label, 'degradations'}


@pytest.mark.parametrize(
  ('at_once', 'expected'),
  [
    (True, [(0.25, 0, 2), (0.0, 0, 2)]),
    (False, [(0.25, 0, 1), (0.0, 0, 1), (0.25, 1, 1), (0.0, 1, 1)]),
  ],
)
def test_each_run_once_and_first_seeds_first(load, at_once, expected):
  runs = reproduction.run_names(_table(), load, SCALE)
  jobs = reproduction.jobs(runs, 2, at_once=at_once)
  found = [(job.noise.rate, job.seed, job.num_seeds) for job in jobs]
  assert found == expected


def _run(config, out, benchmark=NOISE):
  return reproduction.run_job(config, out, [benchmark], num_images=8)


def _read(folder, seed, config, benchmark=NOISE):
  own = run_files.seed_folder(folder, seed)
  return measuring.read(own, benchmark, config, num_images=8)


@pytest.mark.slow
def test_a_job_is_trained_and_measured_once(config, tmp_path, monkeypatch):
  trained, measured = [], []
  train, measure = training.train, measuring.measure
  monkeypatch.setattr(
    training,
    'train',
    lambda config, *others, **options: (
      trained.append(config.seed) or train(config, *others, **options)
    ),
  )
  monkeypatch.setattr(
    measuring,
    'measure',
    lambda folder, benchmarks, *others: (
      measured.extend(one.label for one in benchmarks)
      or measure(folder, benchmarks, *others)
    ),
  )
  assert _run(config, tmp_path)
  assert _run(config, tmp_path)
  assert trained == [0]
  # Another table needs another benchmark of the same run.
  both = [NOISE, measures.CLEAN]
  assert reproduction.run_job(config, tmp_path, both, num_images=8)
  assert measured == [NOISE.label, 'clean']


@pytest.mark.slow
def test_several_seeds_of_a_job_share_a_folder(config, tmp_path):
  config = ml_collections.ConfigDict(config.to_dict())
  config.num_seeds = 2
  assert _run(config, tmp_path)
  folder = reproduction.run_folder(tmp_path, config)
  for seed in (0, 1):
    assert _read(folder, seed, config).summary['seed'] == seed
  assert json.loads((folder / 'summary.json').read_text())['finished']


def test_an_interrupted_job_is_not_measured(config, tmp_path, monkeypatch):
  monkeypatch.setattr(
    training, 'train', lambda *arguments, **options: {'finished': False}
  )
  assert not _run(config, tmp_path)


def test_fewer_seeds_than_before_are_no_other_run(
  config, tmp_path, monkeypatch
):
  config = ml_collections.ConfigDict(config.to_dict())
  config.num_seeds = 3
  folder = reproduction.run_folder(tmp_path, config)
  run_files.claim(folder, config)
  trained, measured = [], []

  def train(config, workdir, **options):
    run_files.claim(workdir, config)  # Refuses another run.
    trained.append((config.num_seeds, workdir))
    return {'finished': True}

  monkeypatch.setattr(training, 'train', train)
  monkeypatch.setattr(
    measuring, 'measure', lambda folder, *others: measured.append(folder.name)
  )
  config.num_seeds = 2
  assert _run(config, tmp_path)
  assert trained == [(3, folder)]
  assert measured == ['seed-0', 'seed-1']


def test_a_copy_has_another_seed(config):
  one = reproduction.with_seed(config, 4)
  assert (one.seed, one.num_seeds, one.is_locked) == (4, 1, True)
  assert (config.seed, config.num_seeds) == (0, 1)
  assert run_config.name(one) == run_config.name(config)


def test_what_is_not_prepared_is_named_before_training(load, monkeypatch):
  def load_no_data(name, split, **options):
    raise errors.InputError('data_dir', 'data', f'no {name}')

  table = _table()
  runs = reproduction.run_names(table, load, SCALE)
  wanted = reproduction.wanted_benchmarks(table, runs, SCALE)
  reproduction.check(runs, wanted, None, None)
  monkeypatch.setattr(sources, 'load', load_no_data)
  with pytest.raises(errors.InputError, match='no mnist'):
    reproduction.check(runs, wanted, None, None)
