import json
import types

import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax import evaluation
from robustjax import training
from robustjax.papers import measures
from robustjax.papers import measuring
from robustjax.training import run_data
from robustjax.training import run_files

NOISE = measures.Benchmark('degradations', {'gaussian_noise': (0.2,)})
CONFIG = ml_collections.ConfigDict({'dataset': 'digits', 'num_epochs': 2})


def _predict(images):
  """Class 1 where an image is bright."""
  bright = images.mean(axis=(1, 2, 3)) > 0.5
  return 4.0 * jnp.stack([~bright, bright], axis=1).astype(jnp.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """A run of two epochs whose best checkpoint is that of its 5th step."""
  images = np.random.default_rng(0).integers(0, 256, (12, 2, 2, 1), np.uint8)
  few = data.from_arrays(images, np.arange(12) % 2, name='digits')
  monkeypatch.setattr(run_data, 'load_test', lambda config, data_dir=None: few)
  restored = types.SimpleNamespace(config=CONFIG, step=5, predict=_predict)
  monkeypatch.setattr(training, 'restore', lambda folder: restored)
  monkeypatch.setattr(run_files, 'read', lambda folder: CONFIG)
  summary = {'finished': True, 'step': 10}
  (tmp_path / 'summary.json').write_text(json.dumps(summary))
  return tmp_path


def test_what_was_measured_is_read_again(folder):
  assert measuring.read(folder, NOISE, CONFIG) is None
  measuring.measure(folder, [NOISE])
  found = measuring.read(folder, NOISE, CONFIG)
  few = run_data.load_test(CONFIG)
  expected = evaluation.evaluate(_predict, few, **NOISE.options)
  assert found.results == expected
  assert found.summary['step'] == 10
  longer = ml_collections.ConfigDict({'num_epochs': 3})
  assert measuring.read(folder, NOISE, longer) is None


def test_fewer_images_are_another_file(folder):
  measuring.measure(folder, [NOISE], num_images=4)
  assert [path.name for path in (folder / 'evaluation').iterdir()] == [
    'degradations-gaussian_noise-0.2-4-images-latest.json'
  ]
  found = measuring.read(folder, NOISE, CONFIG, num_images=4)
  assert {row.total for row in found.results.rows} == {4}
  assert measuring.read(folder, NOISE, CONFIG) is None


def test_a_run_that_went_on_is_measured_anew(folder):
  measuring.measure(folder, [NOISE])
  path = folder / 'summary.json'
  path.write_text(json.dumps({'finished': True, 'step': 15}))
  assert measuring.read(folder, NOISE, CONFIG) is None


@pytest.mark.parametrize('content', ['', '{"step": 5', '5', '{}', '[]'])
@pytest.mark.parametrize('is_summary', [False, True])
def test_damaged_files_are_measured_anew(folder, content, is_summary):
  measuring.measure(folder, [measures.CLEAN])
  assert measuring.read(folder, measures.CLEAN, CONFIG)
  path = measuring.results_file(folder, measures.CLEAN, None)
  damaged = folder / 'summary.json' if is_summary else path
  damaged.write_text(content)
  assert measuring.read(folder, measures.CLEAN, CONFIG) is None


def test_results_that_are_none_are_measured_anew(folder):
  measuring.measure(folder, [measures.CLEAN])
  path = measuring.results_file(folder, measures.CLEAN, None)
  content = json.loads(path.read_text())
  for results in ({}, content['results'] | {'rows': [{}]}, 5, None):
    path.write_text(json.dumps(content | {'results': results}))
    assert measuring.read(folder, measures.CLEAN, CONFIG) is None


def test_what_cannot_be_written_is_named_and_nothing_half(folder):
  (folder / 'evaluation').write_text('no folder')
  with pytest.raises(errors.InputError, match='a path that can be written to'):
    measuring.measure(folder, [measures.CLEAN])


def test_results_of_earlier_versions_are_of_the_last_step(folder):
  measuring.measure(folder, [measures.CLEAN])
  path = measuring.results_file(folder, measures.CLEAN, None)
  content = json.loads(path.read_text())
  del content['trained_steps']
  path.write_text(json.dumps(content))
  assert measuring.read(folder, measures.CLEAN, CONFIG) is None
  path.write_text(json.dumps(content | {'step': 10}))
  assert measuring.read(folder, measures.CLEAN, CONFIG)


def test_what_cannot_be_measured_is_named(tmp_path):
  with pytest.raises(errors.InputError, match='prepare_data.py'):
    measuring.check(measures.MNIST_C, data_dir=tmp_path)
  with pytest.raises(errors.InputError, match='num_images: expected none for'):
    measuring.check(measures.MNIST_C, 100, tmp_path)
  measuring.check(NOISE, 100, tmp_path)
