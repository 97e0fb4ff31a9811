import logging
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import robustjax
from robustjax import corruptions
from robustjax import data
from robustjax import errors
from robustjax import evaluation
from robustjax import random_keys

_TFDS = os.environ.get('TFDS_DATA_DIR', '')


def _brightness(images):
  """A classifier by mean brightness: pure, and easy to repeat in NumPy."""
  mean = images.mean(axis=(1, 2, 3))
  centres = jnp.linspace(0.0, 1.0, 10)
  return -jnp.abs(mean[:, None] - centres[None])


@pytest.fixture
def source(rng):
  images = rng.uniform(size=(30, 6, 6, 1)).astype(np.float32)
  return data.from_arrays(images, rng.integers(0, 10, 30), num_classes=10)


def test_degradations_equal_a_literal_loop(source):
  found = evaluation.evaluate(
    _brightness, source, benchmark='degradations', batch_size=8, seed=4
  )
  assert found.rows[0].corruption == 'clean'
  clean = jnp.asarray(source.images / 255, jnp.float32)
  key = random_keys.root_key(4)
  expected = {}
  for name, degradation in corruptions.DEGRADATIONS.items():
    for amount in degradation.amounts[1:]:
      images = degradation(key, clean, amount=amount)
      labels = np.asarray(_brightness(images)).argmax(axis=1)
      expected[f'{name} {amount:g}'] = np.mean(labels == source.labels)
  assert dict(found.per_set) == {'clean': found.rows[0].accuracy} | expected


def test_a_sweep_over_amounts_compiles_once_per_degradation(source, caplog):
  with jax.log_compiles(), caplog.at_level(logging.WARNING):
    evaluation.evaluate(_brightness, source, benchmark='degradations')
  messages = [record.getMessage() for record in caplog.records]
  for name in corruptions.DEGRADATIONS:
    compiled = [m for m in messages if m.startswith(f'Compiling jit({name})')]
    assert len(compiled) == 1, name


def test_takes_plain_arrays(source):
  pair = (source.images, source.labels)
  assert evaluation.evaluate(
      _brightness, pair, benchmark='degradations'
  ).rows == evaluation.evaluate(
      _brightness, source, benchmark='degradations'
  ).rows  # fmt: skip


def test_is_public_at_the_top():
  assert robustjax.evaluate is evaluation.evaluate


def test_bad_input_is_named(source, tmp_path):
  with pytest.raises(errors.InputError, match="benchmark: .*'mnist_c'"):
    evaluation.evaluate(_brightness, benchmark='mnist-c')
  with pytest.raises(errors.InputError, match='source: .* got None'):
    evaluation.evaluate(_brightness, benchmark='degradations')
  with pytest.raises(errors.InputError, match='source: .* got ndarray'):
    evaluation.evaluate(_brightness, source.images, benchmark='degradations')
  with pytest.raises(errors.InputError, match='source: .* got DataSet'):
    evaluation.evaluate(_brightness, source, benchmark='mnist_c')
  with pytest.raises(errors.InputError, match='mnist_corrupted/identity'):
    evaluation.evaluate(_brightness, data_dir=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
  not (pathlib.Path(_TFDS) / 'mnist_corrupted').is_dir(),
  reason='TFDS_DATA_DIR names no folder with a prepared mnist_corrupted',
)
def test_mnist_c_reads_the_sixteen_sets():
  found = evaluation.evaluate(jax.jit(_brightness), batch_size=2500)
  folder = pathlib.Path(_TFDS) / 'mnist_corrupted'
  prepared = {path.name for path in folder.glob('[a-z]*')}
  assert {row.corruption for row in found.rows} == prepared
  assert [row.total for row in found.rows] == [10_000] * 16
  fog = data.load('mnist_corrupted/fog', 'test')
  mean = (fog.images / 255).mean(axis=(1, 2, 3))
  labels = np.rint(mean * 9).astype(int)
  expected = np.mean(labels == fog.labels)
  # An image whose mean lies halfway between two classes may go either way.
  assert found.per_set['fog'] == pytest.approx(expected, abs=2e-3)
