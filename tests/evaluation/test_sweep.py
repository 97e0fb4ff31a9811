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


def test_a_reference_gives_corruption_errors_to_every_benchmark(source):
  options = {'benchmark': 'mnist_c', 'corruptions': ['identity', 'stripe']}
  base = evaluation.evaluate(_darkness, source, **options)
  assert base.mce is None
  found = evaluation.evaluate(
    _brightness, source, reference=base, reference_name='darkness', **options
  )
  assert found.baseline.name == 'darkness'
  expected = 100 * found.rows[1].error / base.rows[1].error
  assert found.mce == pytest.approx(expected)
  again = evaluation.evaluate(_darkness, source, reference=base, **options)
  assert again.mce == 100
  assert again.baseline.name == 'another classifier'


def test_alexnet_s_errors_do_not_divide_errors_on_digits(source):
  found = evaluation.evaluate(
    _brightness, source, benchmark='imagenet_c', corruptions=['contrast']
  )
  assert found.mce is None
  assert 'mce' not in found.to_dict()
  assert 'mCE' not in found.to_markdown()


def test_a_reference_on_other_sets_is_named_before_work_begins(source):
  options = {'benchmark': 'fgsm', 'epsilons': [0.1]}
  base = evaluation.evaluate(_brightness, source, **options)

  def never(images):
    raise AssertionError('called')

  renamed = source._replace(name='others')
  for data_set, change, message in (
    (source, {'epsilons': [0.2]}, 'reference: .*fgsm 0.1, fgsm 0.2'),
    (source, {'benchmark': 'pgd'}, 'reference: .*benchmark'),
    (renamed, {}, 'reference: .*source: others'),
    (source, {'reference': 'cnn'}, 'reference: '),
    (source, {'reference_name': ''}, 'reference_name: '),
    (source, {'reference': None, 'reference_name': 'cnn'}, 'reference_name: '),
  ):
    with pytest.raises(errors.InputError, match=message):
      evaluation.evaluate(
        never, data_set, **{'reference': base} | options | change
      )


def test_probabilities_are_not_taken_for_logits(source):
  predict = lambda images: jax.nn.softmax(_brightness(images))
  with pytest.raises(errors.InputError, match='predict: .*log-probabilities'):
    _sweep(source, None, predict)
  as_told = _sweep(source, None, lambda images: jnp.log(predict(images)))
  expected = _sweep(source, None)
  for one, other in zip(as_told.rows, expected.rows, strict=True):
    assert one.class_correct == other.class_correct
    # float32: the logarithm of a softmax, and softmax again.
    assert one.calibration_error == pytest.approx(
      other.calibration_error, rel=1e-4
    )


def test_what_is_not_finite_is_blamed_on_what_made_it(source):
  clean_only = lambda images: (
    _brightness(images) / jnp.float32(images.min() > 0.0)
  )
  dark = source._replace(images=np.maximum(source.images, 1))
  with pytest.raises(
    errors.InputError, match='predict: .*gaussian_noise 0.5, .*are finite'
  ):
    _sweep(
      dark,
      None,
      clean_only,
      corruptions=None,
      amounts={'gaussian_noise': [0.5]},
    )
  with pytest.raises(errors.InputError, match='predict: .*images of clean'):
    _sweep(source, None, lambda images: _brightness(images) * jnp.nan)


def test_what_is_no_classifier_is_named(source):
  for benchmark in ('degradations', 'fgsm'):
    for wrong in ('resnet', None, 3, source):
      with pytest.raises(errors.InputError, match='predict: .*a function'):
        evaluation.evaluate(wrong, source, benchmark=benchmark)
  with pytest.raises(errors.InputError, match='predict: .*as NumPy does'):
    evaluation.evaluate(
      lambda images: np.asarray(_brightness(np.asarray(images))),
      source,
      benchmark='fgsm',
    )
  with pytest.raises(errors.InputError, match='predict: .*a function'):
    evaluation.examples(None, source, benchmark='fgsm')
  for wrong in (0, -1, 2.5, None):
    with pytest.raises(errors.InputError, match='batch_size: '):
      evaluation.evaluate(
        _brightness, source, benchmark='fgsm', batch_size=wrong
      )
  with pytest.raises(errors.InputError, match='folder: .*typo-folder'):
    evaluation.evaluate(_brightness, 'typo-folder')


def test_an_attack_by_another_loss_is_not_taken_for_this_one(source, tmp_path):
  options = {'benchmark': 'fgsm', 'epsilons': [0.1], 'batch_size': 10}
  evaluation.evaluate(_brightness, source, predictions_dir=tmp_path, **options)
  with pytest.raises(errors.InputError, match='of the same processing'):
    evaluation.evaluate(
      _brightness, source, loss='sigmoid', predictions_dir=tmp_path, **options
    )


@pytest.mark.parametrize(
  'damage', [b'', b'{', b'[1]', b'{"benchmark": 3}', None]
)
def test_a_damaged_record_of_a_sweep_is_set_aside_or_named(
  source, tmp_path, capsys, damage
):
  whole = _sweep(source, tmp_path)

  def spoil():
    path = tmp_path / 'sweep.json'
    path.unlink()
    path.mkdir() if damage is None else path.write_bytes(damage)

  spoil()
  # Of what the predictions beside it are, nothing is known.
  with pytest.raises(errors.InputError, match='predictions_dir: .*sweep.json'):
    _sweep(source, tmp_path)
  for path in tmp_path.glob('*.npz'):
    path.unlink()
  assert _sweep(source, tmp_path) == whole
  (line,) = capsys.readouterr().out.strip().splitlines()
  assert 'sweep.json is damaged' in line
  assert 'set aside as sweep.json.damaged, made anew' in line


def test_damaged_predictions_are_set_aside_and_made_anew(
  source, tmp_path, capsys
):
  whole = _sweep(source, tmp_path)
  first, second, third, *_ = sorted(tmp_path.glob('*.npz'))
  first.write_bytes(b'')
  second.write_bytes(second.read_bytes()[:-9])
  third.unlink()
  third.mkdir()
  assert _sweep(source, tmp_path) == whole
  lines = capsys.readouterr().out.strip().splitlines()
  assert len(lines) == 3
  for path, line in zip((first, second, third), lines, strict=True):
    assert f'{path} is damaged' in line
    assert (tmp_path / f'{path.name}.damaged').exists()
  first.write_bytes(b'')
  assert _sweep(source, tmp_path) == whole
  assert (tmp_path / f'{first.name}.damaged-2').exists()


def test_a_full_disk_leaves_nothing_half_written(source, tmp_path, monkeypatch):
  whole = _sweep(source, None)
  written = []
  fsync = os.fsync

  def is_full(number):
    written.append(number)
    if len(written) == count:
      raise OSError(28, 'No space left on device')
    return fsync(number)

  monkeypatch.setattr(os, 'fsync', is_full)
  for count in (1, 2, 4):  # The record of the sweep, then sets.
    written.clear()
    folder = tmp_path / str(count)
    with pytest.raises(errors.InputError, match='got No space left on device'):
      _sweep(source, folder)
    assert len(list(folder.iterdir())) == count - 1
    assert _sweep(source, folder) == whole


def test_a_folder_that_cannot_be_made_is_named(source, tmp_path):
  (tmp_path / 'file').write_text('')
  for wrong in (tmp_path / 'file' / 'x', '~nobody-of-this-name/x', '', 3):
    with pytest.raises(errors.InputError):
      _sweep(source, wrong)


def test_names_of_results_lead_nowhere(source, tmp_path):
  found = _sweep(source, tmp_path / 'one')
  rows = (found.rows[0]._replace(corruption='../one/clean'), *found.rows[1:])
  with pytest.raises(errors.InputError, match='corruption: expected a name'):
    evaluation.compare(
      tmp_path / 'one', tmp_path / 'one', found._replace(rows=rows)
    )
  with pytest.raises(errors.InputError, match='others: expected a folder'):
    evaluation.compare(tmp_path / 'one', tmp_path / 'two', found)
  with pytest.raises(errors.InputError, match='found: '):
    evaluation.compare(tmp_path / 'one', tmp_path / 'one', None)


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
