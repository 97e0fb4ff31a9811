import json
import runpy

import ml_collections
import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax import evaluation
from robustjax import training
from robustjax.data import sources
from robustjax.papers import reproduction
from robustjax.papers import tables
from robustjax.training import run_config


@pytest.fixture
def config(root):
  """The plain CNN on the digits, for two steps."""
  config = _load(root)('noiseout.py:cnn')
  config.dataset, config.batch_size, config.num_epochs = 'digits', 8, 1
  return config.lock()


def _load(root):
  def load(text):
    file, variant = text.split(':')
    return runpy.run_path(str(root / 'configs' / file))['get_config'](variant)

  return load


@pytest.fixture(autouse=True)
def _few_digits(monkeypatch):
  images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)
  few = data.from_arrays(images, np.arange(16) % 4, name='digits')
  monkeypatch.setattr(sources, 'load', lambda name, split, data_dir=None: few)


SCALE = reproduction.Scale({}, 2, 'degradations', num_images=8)


def _table():
  cell = tables.Cell('noiseout.py:cnn', {'noise.rate': '0.25'}, 1.0, 1.0)
  cells = {('a', 'x'): cell, ('b', 'x'): cell._replace(overrides={})}
  cells['c', 'x'] = cell
  return tables.Table('title', 'degradations', cells, 'a', 'note')


def test_cells_with_one_config_share_a_run(root):
  scale = reproduction.Scale({'num_epochs': '3'}, 2)
  names = reproduction.run_names(_table(), _load(root), scale)
  assert names['a', 'x'][0] == names['c', 'x'][0] != names['b', 'x'][0]
  assert names['a', 'x'][1].noise.rate == 0.25
  assert names['a', 'x'][1].num_epochs == 3


@pytest.mark.parametrize(
  ('at_once', 'expected'),
  [
    (True, [(0.25, 0, 2), (0.0, 0, 2)]),
    (False, [(0.25, 0, 1), (0.0, 0, 1), (0.25, 1, 1), (0.0, 1, 1)]),
  ],
)
def test_each_run_once_and_first_seeds_first(root, at_once, expected):
  names = reproduction.run_names(_table(), _load(root), SCALE)
  jobs = reproduction.jobs(names, 2, at_once=at_once)
  found = [(job.noise.rate, job.seed, job.num_seeds) for job in jobs]
  assert found == expected


def test_a_job_is_trained_and_measured_once(config, tmp_path, monkeypatch):
  calls = []
  train = training.train
  monkeypatch.setattr(
    training,
    'train',
    lambda config, *others, **options: (
      calls.append(config.seed) or train(config, *others, **options)
    ),
  )
  folder = reproduction.run_folder(tmp_path, config)
  run = reproduction.run_job
  assert reproduction.measured(folder, 0, 'degradations', config) is None
  assert run(config, tmp_path, 'degradations', SCALE)
  assert run(config, tmp_path, 'degradations', SCALE)
  assert calls == [0]
  found = reproduction.measured(folder, 0, 'degradations', config)
  restored = training.restore(run_config.seed_folder(folder, 0))
  digits = sources.load('digits', 'test')
  expected = evaluation.evaluate(
    restored.predict,
    (digits.images[:8], digits.labels[:8]),
    benchmark='degradations',
  )
  assert found.accuracy == expected.accuracy
  assert found.clean == expected.rows[0].accuracy
  longer = ml_collections.ConfigDict(config.to_dict())
  longer.num_epochs = 2
  assert reproduction.measured(folder, 0, 'degradations', longer) is None


def test_several_seeds_of_a_job_share_a_folder(config, tmp_path):
  config = ml_collections.ConfigDict(config.to_dict())
  config.num_seeds = 2
  assert reproduction.run_job(config, tmp_path, 'degradations', SCALE)
  folder = reproduction.run_folder(tmp_path, config)
  for seed in (0, 1):
    one = reproduction.measured(folder, seed, 'degradations', config)
    assert one.summary['seed'] == seed
  assert json.loads((folder / 'summary.json').read_text())['finished']


def test_an_interrupted_job_is_not_measured(config, tmp_path, monkeypatch):
  monkeypatch.setattr(
    training, 'train', lambda *arguments, **options: {'finished': False}
  )
  assert not reproduction.run_job(config, tmp_path, 'degradations', SCALE)


def test_fewer_seeds_than_before_are_no_other_run(config, tmp_path):
  config = ml_collections.ConfigDict(config.to_dict())
  config.num_seeds = 3
  folder = reproduction.run_folder(tmp_path, config)
  run_config.claim(folder, config)
  config.num_seeds = 2
  assert reproduction.run_job(config, tmp_path, 'degradations', SCALE)
  assert reproduction.measured(folder, 1, 'degradations', config)


def test_a_benchmark_that_is_not_prepared_is_named_before_training(tmp_path):
  with pytest.raises(errors.InputError, match='prepare_data.py'):
    reproduction.check_benchmark('mnist_c', tmp_path)
  reproduction.check_benchmark('degradations', tmp_path)
