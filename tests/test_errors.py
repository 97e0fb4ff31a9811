import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors


def test_message_is_one_line_with_field_expected_and_got():
  error = errors.InputError('rate', 'a number in [0, 1]', '1.5')
  assert str(error) == 'rate: expected a number in [0, 1], got 1.5'
  assert isinstance(error, ValueError)


def test_survives_pickling():
  error = errors.InputError('rate', 'a number in [0, 1]', '1.5')
  assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_choice_suggests_the_closest_name():
  errors.check_choice('gate', 'dense', ('dense', 'static'))
  with pytest.raises(errors.InputError, match=r"did you mean 'dense'\?"):
    errors.check_choice('gate', 'dens', ('dense', 'static'))
  with pytest.raises(errors.InputError, match='dense | static'):
    errors.check_choice('gate', 7, ('dense', 'static'))


@pytest.mark.parametrize('value', [0, 1, 0.5, np.float32(1.0)])
def test_range_takes_its_ends(value):
  errors.check_range('rate', value, high=1.0)


@pytest.mark.parametrize('value', [-0.1, 1.1, np.nan, np.inf, 'a', None, True])
def test_range_refuses(value):
  with pytest.raises(errors.InputError, match=r'rate: expected .*\[0, 1\]'):
    errors.check_range('rate', value, high=1.0)


def test_range_with_an_open_end_refuses_it():
  with pytest.raises(errors.InputError, match=r'\(0, inf\)'):
    errors.check_range('rate', 0, open_low=True)


def test_range_reads_every_array_that_is_not_traced():
  for array in (jnp.array([0.0, 1.0]), np.array([0, 1]), jnp.bfloat16(1)):
    errors.check_range('rate', array, high=1.0)
  for array, got in (
    (jnp.float32(7), '7.0'),
    (np.array([0.5, -0.25, 0.75]), '-0.25'),
    (jnp.array([0.5, np.nan]), 'nan'),
    (np.array([0, 3]), '3.0'),
    (np.array([True]), 'bool'),
    (jnp.array([1j]), 'complex64'),
    (np.array(['a']), '<U1'),
    (np.zeros((0, 2)), 'shape|float64 .0, 2.'),
  ):
    with pytest.raises(errors.InputError, match=f'rate: .*, got {got}'):
      errors.check_range('rate', array, high=1.0)


def test_range_lets_tracers_pass_and_sees_constants_beside_them():
  jax.jit(lambda rate: errors.check_range('rate', rate, high=1.0))(7.0)

  @jax.jit
  def with_a_constant(x):
    errors.check_range('rate', jnp.full((), 7.0), high=1.0)  # Is traced.
    errors.check_range('rate', np.float32(7.0), high=1.0)
    return x

  with pytest.raises(errors.InputError, match='got 7.0'):
    with_a_constant(1.0)


def test_flag_takes_booleans_only():
  errors.check_flag('gradient', np.bool_(True))
  for value in (1, 'True', None, jnp.array(True)):
    with pytest.raises(errors.InputError, match='gradient: expected True or'):
      errors.check_flag('gradient', value)


@pytest.mark.parametrize(
  ('states', 'got'),
  [
    ([[1.0]], 'list'),
    (np.zeros((2, 3), int), 'dtype int64'),
    (np.zeros((2, 3), bool), 'dtype bool'),
    (np.zeros(3, np.float32), r'shape \(3,\)'),
    (np.zeros((0, 3), np.float32), r'shape \(0, 3\)'),
  ],
)
def test_states_refuses(states, got):
  with pytest.raises(errors.InputError, match=f'hidden: .*, got {got}'):
    errors.check_states('hidden', states)


def test_states_takes_floats_traced_or_not():
  errors.check_states('hidden', jnp.zeros((2, 3), jnp.bfloat16))
  errors.check_states('hidden', jnp.float32(3), min_ndim=0)
  jax.jit(lambda x: errors.check_states('hidden', x))(np.ones((2, 3)))


def _check_three_of_ten(labels):
  errors.check_labels('labels', labels, size=3, num_classes=10)


@pytest.mark.parametrize(
  ('labels', 'got'),
  [
    (np.array([0, 9, 10]), '10'),
    (jnp.array([0, -1, 9]), '-1'),
    (np.array([0, 1]), r'shape \(2,\)'),
    (np.zeros(3), 'dtype float64'),
    (np.zeros(3, bool), 'dtype bool'),
    ([0, 1, 2], 'list'),
    (np.zeros((3, 1), int), r'shape \(3, 1\)'),
  ],
)
def test_labels_refuses(labels, got):
  with pytest.raises(errors.InputError, match=f'labels: .*, got {got}'):
    _check_three_of_ten(labels)


def test_labels_names_the_largest_there_is():
  _check_three_of_ten(np.array([0, 5, 9], np.uint8))
  with pytest.raises(errors.InputError, match=r'0 to 9 \(10 classes\)'):
    _check_three_of_ten(np.array([0, 5, 10]))
  with pytest.raises(errors.InputError, match='got -1'):
    errors.check_labels('labels', np.array([7, -1]), size=2)
  jax.jit(_check_three_of_ten)(np.array([0, 5, 10]))


def test_infinity_is_no_number():
  with pytest.raises(errors.InputError, match=r'maximum: .*, got inf'):
    errors.check_range('maximum', np.inf)


def test_integer_has_two_ends():
  errors.check_integer('seed', 5, high=5)
  with pytest.raises(
    errors.InputError, match='at least 0 and at most 5, got 6'
  ):
    errors.check_integer('seed', 6, high=5)


@pytest.mark.parametrize('value', [-1, 1.0, '3', True])
def test_integer_refuses(value):
  with pytest.raises(errors.InputError, match='integer of at least 0'):
    errors.check_integer('seed', value)


@pytest.mark.parametrize(
  'images',
  [
    np.zeros((2, 3, 3), np.float32),
    np.zeros((2, 3, 3, 2), np.float32),
    np.zeros((2, 3, 3, 1), np.uint8),
  ],
)
def test_images_refuses(images):
  with pytest.raises(errors.InputError, match=r'images: .*\[B, H, W, C\]'):
    errors.check_images('images', images)


def test_images_takes_bfloat16():
  errors.check_images('images', jnp.zeros((1, 2, 2, 3), jnp.bfloat16))


@pytest.mark.parametrize(
  ('value', 'got'), [(1.5, '0 to 1.5'), (-0.1, '-0.1 to 0'), (np.nan, 'nan')]
)
def test_images_beyond_the_unit_range_are_refused(value, got):
  images = np.zeros((1, 2, 2, 1), np.float32)
  images[0, 0, 0] = value
  for kind in (images, jnp.asarray(images)):
    with pytest.raises(errors.InputError, match=f'images: .*{got}'):
      errors.check_images('images', kind)
  jax.jit(lambda x: errors.check_images('images', x))(images)


def test_a_number_is_one_and_not_beyond_all_meaning():
  for value in (0.5, 1, np.float32(0.5), jnp.array(0.5), np.array(1)):
    errors.check_number('amount', value)
  for value in (
    jnp.array([0.5]),
    1e30,
    10**400,
    np.nan,
    'a',
    jnp.array(True),
    np.zeros(0),
  ):
    with pytest.raises(errors.InputError, match='amount: '):
      errors.check_number('amount', value)
  jax.jit(lambda x: errors.check_number('amount', x))(-7.0)
  with pytest.raises(errors.InputError, match=r'amount: .*\(2,\)'):
    jax.jit(lambda x: errors.check_number('amount', x))(jnp.zeros(2))


def test_floats_have_their_axes():
  errors.check_floats('x', jnp.zeros((2, 3)), '[B, K]')
  errors.check_floats('x', np.zeros((2, 3, 4), np.float16), '[H, W, ...]')
  for value, axes in (
    (jnp.zeros(2), '[B, K]'),
    (jnp.zeros((2, 3, 4)), '[B, K]'),
    (jnp.zeros(2), '[H, W, ...]'),
    (jnp.zeros((2, 3), jnp.int32), '[B, K]'),
    ([[0.0]], '[B, K]'),
    (None, '[...]'),
  ):
    with pytest.raises(errors.InputError, match='x: '):
      errors.check_floats('x', value, axes)


def test_a_function_that_cannot_be_traced_is_named():
  def trace(function):
    with errors.tracing('predict'):
      jax.jit(function)(jnp.ones(2))

  trace(jnp.sum)
  for function in (np.asarray, lambda x: x if x.sum() > 0 else -x):
    with pytest.raises(errors.InputError, match='predict: .*NumPy'):
      trace(function)


@pytest.mark.parametrize('value', [[[1.0], [1.0, 2.0]], None, 'a', {'a': 1}, 7])
def test_what_is_no_array_is_named_by_its_type(value):
  expected = type(value).__name__
  for check in (
    errors.check_images,
    errors.check_states,
    lambda field, x: errors.check_labels(field, x, size=2),
  ):
    with pytest.raises(errors.InputError, match=f'x: .*{expected}'):
      check('x', value)


def test_an_array_is_no_choice():
  with pytest.raises(errors.InputError, match='gate: '):
    errors.check_choice('gate', np.array(['dense', 'dense']), ('dense',))


def test_a_message_is_one_line_whatever_came():
  for value in (np.zeros((9, 9)), 'a\nb', ['x' * 999], object(), {1: '\n'}):
    for check in (
      errors.check_integer,
      errors.check_flag,
      errors.check_number,
      errors.check_float_dtype,
      lambda field, x: errors.check_choice(field, x, ('dense',)),
    ):
      with pytest.raises(errors.InputError) as raised:
        check('x', value)
      assert '\n' not in str(raised.value)
      assert len(str(raised.value)) < 200


def test_a_whole_number_may_be_an_array_of_one():
  for value in (2, np.int64(2), np.array(2), jnp.array(2)):
    errors.check_whole('count', value, high=2)
  jax.jit(lambda x: errors.check_whole('count', x, high=2))(7)
  for value in (3, 2.0, jnp.array(3), jnp.float32(2), np.array([2]), True):
    with pytest.raises(errors.InputError, match='count: '):
      errors.check_whole('count', value, high=2)


def test_a_function_takes_so_many_arguments():
  errors.check_function('f', jnp.sin)
  errors.check_function('f', lambda x, y=0: x)
  errors.check_function('f', lambda *all: all, 2)
  for function, num_arguments in ((None, 1), (lambda: 0, 1), (lambda x: x, 2)):
    with pytest.raises(errors.InputError, match=f'f: .* {num_arguments} arg'):
      errors.check_function('f', function, num_arguments)


@pytest.mark.parametrize('path', ['', None, 3, '~nobody-of-this-name/x', 'a\0'])
def test_what_is_no_path_is_named(path):
  with pytest.raises(errors.InputError, match='workdir: expected a path'):
    errors.as_path('workdir', path)
  with pytest.raises(errors.InputError, match='file: expected a '):
    errors.check_file('file', path)


def test_a_path_begins_at_home(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  assert errors.as_path('workdir', '~/x') == tmp_path / 'x'


def test_dtypes_of_floats():
  for dtype in (jnp.float32, jnp.bfloat16, np.dtype('float16'), 'float32'):
    errors.check_float_dtype('dtype', dtype)
  for dtype in (jnp.int32, 'int8', 'a', None, 3, np.ones(3)):
    with pytest.raises(errors.InputError, match='dtype: '):
      errors.check_float_dtype('dtype', dtype)


def test_a_choice_may_be_among_numbers():
  errors.check_choice('kernel_size', 3, (1, 3))
  with pytest.raises(errors.InputError, match='one of 1 | 3, got 2'):
    errors.check_choice('kernel_size', 2, (1, 3))
