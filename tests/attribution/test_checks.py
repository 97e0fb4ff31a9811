import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.attribution import checks


def test_inputs_come_back_in_at_least_float32():
  assert checks.as_input(jnp.ones(3, jnp.bfloat16)).dtype == jnp.float32
  assert checks.as_input(jnp.ones(3)).dtype == jnp.float32
  for bad in (jnp.ones(()), jnp.ones(3, jnp.int32), [1.0], jnp.ones((0, 2))):
    with pytest.raises(errors.InputError, match='x: expected '):
      checks.as_input(bad)


def test_scores_are_of_every_example():
  x = jnp.ones((4, 6))
  assert checks.check_scores(lambda x: x, x, ndim=2) == 6
  assert checks.check_scores(lambda x: x[:, 0], x, ndim=1) == 4
  for score_fn in (lambda x: x[0], lambda x: (x,), lambda x: x[:2]):
    with pytest.raises(errors.InputError, match=r'score_fn: .*\[4, C\]'):
      checks.check_scores(score_fn, x, ndim=2)


def test_a_function_is_one_that_jax_traces_to_floats():
  x = jnp.ones((4, 6))
  for score_fn, message in (
    (None, 'score_fn: .*NoneType'),
    (lambda x: np.asarray(x)[:, 0], 'score_fn: .*NumPy'),
    (lambda x: x[:, 0] if x[0, 0] > 0 else x[:, 1], 'score_fn: .*NumPy'),
    (lambda x: x.argmax(axis=1), 'score_fn: .*int32'),
    (lambda x: x.sum(), r'score_fn: .*shape \[\]'),
  ):
    with pytest.raises(errors.InputError, match=message):
      checks.check_scores(score_fn, x, ndim=1)
  with pytest.raises(errors.InputError, match=r'score_fn: .*\[4, 0\]'):
    checks.check_scores(lambda x: x[:, :0], x, ndim=2)


def test_only_what_is_unmoved_and_not_finite_is_dropped():
  gradient = jnp.array([jnp.nan, jnp.inf, 3.0, jnp.nan, -jnp.inf, 4.0])
  is_unmoved = jnp.array([True, True, True, False, False, False])
  found = checks.drop_unmoved(gradient, is_unmoved)
  np.testing.assert_array_equal(found, [0, 0, 3, np.nan, -np.inf, 4])
