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


def test_range_sees_arrays_and_lets_tracers_pass():
  for value in (jnp.float32(7), jnp.array([0.1, -0.1]), np.array(7)):
    with pytest.raises(errors.InputError, match='rate: '):
      errors.check_range('rate', value, high=1.0)
  errors.check_range('rate', jnp.array([0.1, 0.9]), high=1.0)
  jax.jit(lambda rate: errors.check_range('rate', rate, high=1.0))(7.0)


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
