import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax.evaluation import checks


@pytest.mark.parametrize('make', [list, tuple, iter, np.array, jnp.array])
def test_numbers_come_as_lists_or_arrays(make):
  found = checks.numbers('epsilons', make([0.25, 0.0, 0.25]))
  assert found == (0.25, 0.0)
  assert all(type(one) is float for one in found)
  scalars = [jnp.float32(0.5), np.float64(0.25), 1]
  assert checks.numbers('epsilons', scalars) == (0.5, 0.25, 1.0)


@pytest.mark.parametrize(
  ('values', 'message'),
  [
    ([jnp.float32(-0.1)], r'\[0, 1\], got -0.1'),
    ([8], 'got 8'),
    ([np.nan], 'got nan'),
    ([True], 'got True'),
    (['0.1'], "got '0.1'"),
    ([[0.1]], r'got \[0.1\]'),
    ([None], 'got None'),
    ([1j], 'got 1j'),
    ([], 'at least one number, got none'),
    ('0.1', 'expected a list of numbers'),
    (0.1, 'expected a list of numbers'),
    (np.float32(0.1), 'expected a list of numbers'),
    (jnp.float32(0.1), r'expected a list of numbers, got shape \(\)'),
    (np.ones((2, 2)), r'expected a list of numbers, got shape \(2, 2\)'),
    ({0.1: 0.2}, 'expected a list of numbers'),
    ([0.1, 0.1 + 1e-9], 'first six digits, got 0.1 twice'),
  ],
)
def test_other_numbers_are_named(values, message):
  with pytest.raises(errors.InputError, match=f'epsilons: .*{message}'):
    checks.numbers('epsilons', values, high=1.0)


def test_levels_are_integers_in_order():
  for levels in ([3, 1, 3], np.array([3, 1]), jnp.array([3, 1]), iter([1, 3])):
    assert checks.levels('severities', levels, high=5) == (1, 3)
  for wrong in ([2.5], [2.0], [9], [0], [True], np.array([1.0]), 3, []):
    with pytest.raises(errors.InputError, match='severities: '):
      checks.levels('severities', wrong, high=5)


def test_names_are_those_known():
  known = ('fog', 'snow')
  assert checks.names('corruptions', ['snow', 'fog', 'snow'], known) == (
    'snow', 'fog',
  )  # fmt: skip
  with pytest.raises(errors.InputError, match="did you mean 'fog'"):
    checks.names('corruptions', ['fogg'], known)
  with pytest.raises(errors.InputError, match="list of names, got 'fog'"):
    checks.names('corruptions', 'fog', known)
  for wrong in ([3], [None], [['fog']], 5):
    with pytest.raises(errors.InputError, match='corruptions: '):
      checks.names('corruptions', wrong, known)


def test_a_home_is_found_or_named(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  assert checks.path('folder', '~/x') == tmp_path / 'x'
  assert checks.folder('folder', '~') == tmp_path
  assert checks.path('folder', pathlib.Path('x')) == pathlib.Path('x')
  for wrong in ('~nobody-of-this-name/x', '', 'a\0b', 3, None, b'x'):
    with pytest.raises(errors.InputError, match='folder: expected'):
      checks.path('folder', wrong)
  for none in (tmp_path / 'missing', __file__):
    with pytest.raises(errors.InputError, match='folder: .*which is none'):
      checks.folder('folder', none)


@pytest.mark.parametrize(
  'name',
  ['../x', '/x', 'a/b', '', '.', '..', '.x', 'a\n', 'a b', None, 'é' * 9],
)
def test_a_file_s_name_stays_in_its_folder(name):
  assert checks.file_name('name', 'noise_0.5-a+b=c') == 'noise_0.5-a+b=c'
  with pytest.raises(errors.InputError, match='name: expected a name of'):
    checks.file_name('name', name)
  with pytest.raises(errors.InputError, match='name: '):
    checks.file_name('name', 101 * 'a')


def test_data_sets_are_checked_before_they_are_used(rng):
  images = rng.integers(0, 256, (4, 2, 2, 1)).astype(np.uint8)
  sound = data.from_arrays(images, np.arange(4))
  checks.data('data', sound)
  for change, message in (
    ({'images': images[0]}, r'images: .* got shape \(2, 2, 1\)'),
    ({'images': images.astype(np.int32)}, 'images: .* got dtype int32'),
    ({'images': images[:0]}, 'images: expected at least one, got none'),
    ({'images': images.tolist()}, 'images: .* got list'),
    ({'labels': np.arange(3)}, 'labels: expected 4, one per image, got 3'),
    ({'labels': np.arange(4) - 1}, 'labels: .*-1'),
    ({'labels': np.arange(4.0)}, 'labels: .*float64'),
    ({'labels': None}, 'labels: '),
  ):
    with pytest.raises(errors.InputError, match=message):
      checks.data('data', sound._replace(**change))
  with pytest.raises(errors.InputError, match='data: .* got tuple'):
    checks.data('data', (images, np.arange(4)))
