import jax
import jax.numpy as jnp
import pytest

from robustjax import errors
from robustjax.attribution import checks


def test_inputs_come_back_in_at_least_float32():
  assert checks.as_input(jnp.ones(3, jnp.bfloat16)).dtype == jnp.float32
  assert checks.as_input(jnp.ones(3)).dtype == jnp.float32
  for bad in (jnp.ones(()), jnp.ones(3, jnp.int32), [1.0], jnp.ones((0, 2))):
    with pytest.raises(errors.InputError, match='x: expected a float array'):
      checks.as_input(bad)


def test_scores_are_of_every_example():
  x = jnp.ones((4, 6))
  assert checks.check_scores(lambda x: x, x, ndim=2) == 6
  assert checks.check_scores(lambda x: x[:, 0], x, ndim=1) == 4
  for score_fn in (lambda x: x[0], lambda x: (x,), lambda x: x[:2]):
    with pytest.raises(errors.InputError, match=r'score_fn: .*\[4, C\]'):
      checks.check_scores(score_fn, x, ndim=2)


def test_targets_are_classes():
  checks.check_target(jnp.array([0, 2]), 2, 3)
  jax.jit(lambda target: checks.check_target(target, 2, 3))(jnp.array([0, 5]))
  for bad in (jnp.array([0, 3]), jnp.array([-1, 0]), jnp.array([0]), [0, 1]):
    with pytest.raises(errors.InputError, match=r'target: .*\[0, 3\)'):
      checks.check_target(bad, 2, 3)
