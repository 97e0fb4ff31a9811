import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import corruptions
from robustjax import data
from robustjax import errors
from robustjax import random_keys
from robustjax.evaluation import cells


@pytest.fixture
def source(rng):
  images = rng.integers(0, 256, size=(6, 12, 12, 1), dtype=np.uint8)
  return data.from_arrays(images, rng.integers(0, 10, 6), num_classes=10)


def _generate(source, benchmark='imagenet_c', **options):
  defaults = {
    'names': None,
    'severities': None,
    'seed': 3,
    'jpeg': False,
    'frost_textures': None,
  }
  return cells.generate(benchmark, source, **defaults | options)


def _images(cell, source):
  clean = jnp.asarray(source.images / np.float32(255))
  return np.asarray(cell.corrupt(clean, jnp.arange(len(clean))))


def test_mnist_c_is_its_sixteen_sets(source):
  plan = _generate(source, 'mnist_c')
  assert [cell.corruption for cell in plan.cells] == list(corruptions.MNIST_C)
  assert plan.cells[0].corruption == 'identity'
  assert plan.cells[0].corrupt is None
  assert plan.origin == 'generated'
  assert plan.processing == ('rounded to uint8',)
  assert 'seed 3' in plan.source


def test_imagenet_c_is_fifteen_corruptions_at_five_severities_and_clean(source):
  plan = _generate(source)
  assert len(plan.cells) == 1 + 15 * 5
  assert plan.cells[0].corruption == 'clean'
  assert {c.severity for c in plan.cells[1:]} == {1, 2, 3, 4, 5}
  assert any('frost' in what for what in plan.processing)


def test_cifar10_c_is_milder_at_every_severity(source):
  images = [
    _images(_generate(source, benchmark, names=['contrast']).cells[3], source)
    for benchmark in ('cifar10_c', 'imagenet_c')
  ]
  # Of the contrast 40 % and 20 % stay, on both sides of the mean, but for
  # rounding.
  own = (
    source.images / 255 - source.images.mean(axis=(1, 2), keepdims=True) / 255
  )
  for found, share in zip(images, (0.4, 0.2), strict=True):
    shrunk = found - found.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(shrunk, share * own, atol=1.1 / 255)


def test_cifar10_c_has_further_corruptions_and_a_clean_set(source):
  plan = _generate(source, 'cifar10_c', names=['spatter'])
  assert plan.benchmark == 'cifar10_c'
  assert [c.corruption for c in plan.cells] == ['clean'] + 5 * ['spatter']
  assert plan.origin == 'generated'


def test_further_corruptions_come_when_asked_for(source):
  plan = _generate(source, names=['saturate', 'fog'], severities=[5, 2, 5])
  found = [(cell.corruption, cell.severity) for cell in plan.cells[1:]]
  assert found == [('saturate', 2), ('saturate', 5), ('fog', 2), ('fog', 5)]
  (line,) = _generate(source, 'mnist_c', names=['line']).cells
  assert line.corruption == 'line'


def test_images_are_the_corruption_s_rounded(source):
  (_, cell) = _generate(source, names=['contrast'], severities=[4]).cells
  clean = source.images / 255
  mean = clean.mean(axis=(1, 2), keepdims=True)
  exact = 255 * ((clean - mean) * 0.1 + mean)
  found = 255 * _images(cell, source)
  np.testing.assert_allclose(found, np.round(found), atol=1e-4)
  assert np.abs(found - exact).max() <= 0.5 + 1e-4


def test_a_corruption_s_draws_do_not_depend_on_what_else_is_tested(source):
  alone = _generate(source, names=['shot_noise'], severities=[3]).cells[-1]
  among = _generate(source, names=['fog', 'shot_noise'], severities=[3]).cells
  one, other = (_images(cell, source) for cell in (alone, among[-1]))
  np.testing.assert_array_equal(one, other)
  reseeded = _generate(source, names=['shot_noise'], severities=[3], seed=4)
  assert not np.array_equal(one, _images(reseeded.cells[-1], source))


def test_frost_is_made_from_the_photographs_given(source):
  white = corruptions.FrostTextures(
    jnp.ones((1, 20, 20, 3)), jnp.array([[20, 20]], jnp.int32)
  )
  plan = _generate(
    source, names=['frost'], severities=[1], frost_textures=white
  )
  assert 'frost: 1 photographs' in plan.processing
  expected = np.minimum(source.images / 255 + 0.4, 1)
  off = np.abs(_images(plan.cells[1], source) - expected)
  assert off.max() <= (0.5 + 1e-3) / 255


def test_two_corruptions_do_not_share_their_draws():
  key = random_keys.root_key(0)
  one, other = (cells._own_key(key, name) for name in ('fog', 'snow'))
  assert not np.array_equal(
    jax.random.key_data(one), jax.random.key_data(other)
  )


def test_jpeg_compresses_what_was_generated(source):
  plain, compressed = (
    _generate(source, names=['contrast'], severities=[1], jpeg=jpeg)
    for jpeg in (False, True)
  )
  assert 'JPEG of quality 85' in compressed.processing
  off = _images(plain.cells[1], source) - _images(compressed.cells[1], source)
  assert 0.5 / 255 < np.abs(off).mean() < 0.1


def test_all_severities_are_one_compilation(source, caplog):
  plan = _generate(source, names=['contrast'])
  with jax.log_compiles(), caplog.at_level('WARNING'):
    for cell in plan.cells[1:]:
      _images(cell, source)
  compiled = [r for r in caplog.records if 'Compiling jit(make)' in r.message]
  assert len(compiled) == 1


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'names': ['fogg']}, "corruptions: .*did you mean 'fog'"),
    ({'names': []}, 'corruptions: expected at least one'),
    ({'severities': [0]}, 'severities: '),
    ({'severities': [6]}, 'severities: '),
    ({'severities': []}, 'severities: expected at least one'),
  ],
)
def test_bad_input_is_named(source, options, message):
  with pytest.raises(errors.InputError, match=message):
    _generate(source, **options)


def test_corruptions_are_of_a_benchmark_and_of_images(source):
  with pytest.raises(errors.InputError, match='benchmark: '):
    _generate(source, 'mnist-c')
  with pytest.raises(errors.InputError, match='data: '):
    _generate(source.images)
  with pytest.raises(errors.InputError, match='severities: expected None'):
    _generate(source, 'mnist_c', severities=[1])
  with pytest.raises(errors.InputError, match='jpeg: '):
    _generate(source, jpeg='yes')
  with pytest.raises(errors.InputError, match='corruptions: expected None'):
    cells.degrade(source, names=['fog'], amounts={}, seed=0)


def test_a_set_is_called_as_its_row(source):
  plan = _generate(source, names=['fog'], severities=[2])
  assert [cell.label for cell in plan.cells] == ['clean', 'fog 2']
  plan = cells.degrade(
    source, names=None, amounts={'gaussian_blur': [0.5]}, seed=0
  )
  assert plan.cells[1].label == 'gaussian_blur 0.5'
