import logging
import os
import pathlib
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import robustjax
from robustjax import attacks
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
      own = jax.random.fold_in(key, zlib.crc32(name.encode()))
      images = degradation(own, clean, amount=amount)
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


def _sweep(source, folder, predict=_brightness, **options):
  options = {'corruptions': ['uniform_noise']} | options
  return evaluation.evaluate(
    predict,
    source,
    benchmark='degradations',
    batch_size=10,
    predictions_dir=folder,
    **options,
  )


def test_an_interrupted_sweep_goes_on_where_it_was(source, tmp_path):
  whole = _sweep(source, tmp_path / 'whole')
  calls = []

  def dies(images):
    calls.append(len(images))
    if len(calls) > 12:  # The probe, and three batches of a set.
      raise KeyboardInterrupt
    return _brightness(images)

  with pytest.raises(KeyboardInterrupt):
    _sweep(source, tmp_path / 'parts', dies)
  kept = list((tmp_path / 'parts').glob('*.npz'))
  assert len(kept) == 3
  calls.clear()

  def counts(images):
    calls.append(len(images))
    return _brightness(images)

  resumed = _sweep(source, tmp_path / 'parts', counts)
  assert resumed == whole
  assert len(calls) == 1 + 3 * (len(whole.rows) - len(kept))


def test_predictions_of_another_sweep_are_refused(source, tmp_path):
  _sweep(source, tmp_path)
  with pytest.raises(errors.InputError, match='predictions_dir: .* classifier'):
    _sweep(source, tmp_path, lambda images: -_brightness(images))
  with pytest.raises(errors.InputError, match='predictions_dir: .* source'):
    _sweep(source, tmp_path, seed=1)


def test_results_say_how_far_they_can_be_trusted(source, tmp_path):
  found = _sweep(source, tmp_path)
  low, high = found.intervals['accuracy']
  assert low < found.accuracy < high
  assert found.origin == 'generated'
  assert 0 < found.calibration_error < 1
  assert sum(found.rows[0].class_total) == 30


def test_two_classifiers_are_compared_image_by_image(source, tmp_path):
  found = _sweep(source, tmp_path / 'one')
  _sweep(source, tmp_path / 'other', lambda images: -_brightness(images))
  compared = evaluation.compare(tmp_path / 'one', tmp_path / 'other', found)
  other = _sweep(source, tmp_path / 'other', lambda x: -_brightness(x))
  difference = found.accuracy - other.accuracy
  assert compared.overall.difference.mean == pytest.approx(difference)
  same = evaluation.compare(tmp_path / 'one', tmp_path / 'one', found)
  assert same.overall.test.p_value == 1
  (tmp_path / 'other' / 'clean.npz').unlink()
  with pytest.raises(errors.InputError, match=r'clean\.npz'):
    evaluation.compare(tmp_path / 'one', tmp_path / 'other', found)


@pytest.mark.parametrize('benchmark', ['fgsm', 'pgd'])
def test_epsilon_zero_is_the_clean_accuracy_and_attacks_only_harm(
  source, benchmark
):
  found = evaluation.evaluate(
    _brightness, source, benchmark=benchmark, epsilons=[0.0, 0.02, 0.1]
  )
  assert [row.amount for row in found.rows] == [None, 0.02, 0.1]
  accuracies = [row.accuracy for row in found.rows]
  assert accuracies == sorted(accuracies, reverse=True)
  assert accuracies[-1] < accuracies[0]


def _darkness(images):
  """Sees it the other way round: what fools one helps the other."""
  return _brightness(1 - images)


def _transfer(source, folder=None, attacked=_darkness, **options):
  return evaluation.evaluate(
    _brightness,
    source,
    benchmark='fgsm',
    epsilons=[0.1],
    attacked=attacked,
    predictions_dir=folder,
    **options,
  )


def test_a_transfer_attack_is_crafted_on_the_other_and_scored_here(source):
  found = _transfer(source, attacked_name='darkness')
  assert found.processing == ('crafted on darkness',)
  loss_fn = attacks.cross_entropy(_darkness)
  clean = jnp.asarray(source.images / np.float32(255))
  labels = jnp.asarray(source.labels)
  images = attacks.fgsm(loss_fn, clean, labels, epsilon=0.1)
  predicted = np.asarray(_brightness(images)).argmax(axis=1)
  assert found.rows[1].accuracy == np.mean(predicted == source.labels)
  itself = _transfer(source, attacked=None)
  assert itself.processing == ('crafted on the classifier itself',)
  assert itself.rows[0] == found.rows[0]
  assert itself.rows[1].accuracy < found.rows[1].accuracy


def test_predictions_of_attacks_on_another_classifier_are_refused(
  source, tmp_path
):
  first = _transfer(source, tmp_path)
  assert _transfer(source, tmp_path) == first
  with pytest.raises(errors.InputError, match='of the same attacked one'):
    _transfer(source, tmp_path, attacked=lambda images: -_darkness(images))
  with pytest.raises(errors.InputError, match='of the same processing'):
    _transfer(source, tmp_path, attacked_name='darkness')
  with pytest.raises(errors.InputError, match='of the same processing'):
    _transfer(source, tmp_path, attacked=None)


def test_generated_mnist_c_is_measured(source):
  found = evaluation.evaluate(
    _brightness, source, benchmark='mnist_c', corruptions=['identity', 'scale']
  )
  assert [row.corruption for row in found.rows] == ['identity', 'scale']
  assert found.processing == ('rounded to uint8',)


def test_examples_are_the_images_that_are_measured(source):
  found = evaluation.examples(
    _brightness,
    source,
    benchmark='mnist_c',
    corruptions=['identity', 'stripe'],
    places=[4, 2],
  )
  clean = source.images[[4, 2]] / np.float32(255)
  np.testing.assert_allclose(found['identity'], clean, atol=1e-6)
  assert found['stripe'].shape == (2, 6, 6, 1)
  np.testing.assert_allclose(
    found['stripe'][:, :, 0], 1 - clean[:, :, 0], atol=1e-6
  )
  with pytest.raises(errors.InputError, match='places: .* got 30'):
    evaluation.examples(_brightness, source, benchmark='mnist_c', places=[30])


def test_is_public_at_the_top():
  assert robustjax.evaluate is evaluation.evaluate


def test_bad_input_is_named(source, tmp_path):
  with pytest.raises(errors.InputError, match="benchmark: .*'mnist_c'"):
    evaluation.evaluate(_brightness, benchmark='mnist-c')
  with pytest.raises(errors.InputError, match='source: .* got None'):
    evaluation.evaluate(_brightness, benchmark='degradations')
  with pytest.raises(errors.InputError, match="source: .* got 'folder'"):
    evaluation.evaluate(_brightness, 'folder', benchmark='fgsm')
  with pytest.raises(errors.InputError, match='source: .* got ndarray'):
    evaluation.evaluate(_brightness, source.images, benchmark='degradations')
  for field, options in (
    ('severities', {'benchmark': 'mnist_c', 'severities': [1]}),
    ('epsilons', {'benchmark': 'mnist_c', 'epsilons': [0.1]}),
    ('corruptions', {'benchmark': 'pgd', 'corruptions': ['fog']}),
    ('attacked', {'benchmark': 'mnist_c', 'attacked': _darkness}),
    ('attacked_name', {'benchmark': 'mnist_c', 'attacked_name': 'cnn'}),
  ):
    with pytest.raises(errors.InputError, match=f'{field}: expected None'):
      evaluation.evaluate(_brightness, source, **options)
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
