"""What attributions ask of inputs and of the functions they are given."""

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors


def as_input(x: array_types.Array, field: str = 'x') -> array_types.Array:
  """Checks x, a float array [B, ...]; returns it in at least float32.

  Raises:
    errors.InputError: if it is no such array, or empty.
  """
  errors.check_states(field, x, min_ndim=1)
  return at_least_float32(jnp.asarray(x))


def at_least_float32(x: array_types.Array) -> array_types.Array:
  """x, in float32 if its dtype is narrower."""
  return x.astype(array_types.at_least_float32(x.dtype))


def shape_of(field: str, function, read, expected: str) -> tuple[int, ...]:
  """The shape of what a user's function gives for a batch, without computing.

  Args:
    field: name of the function to report.
    function: [B, ...] -> floats [B, ...].
    read: what it is to be called with, an array or its shape and dtype.
    expected: what it has to give, to report.

  Returns:
    Its shape, the first axis that of the batch.

  Raises:
    errors.InputError: if it is no function, cannot be traced, or gives anything
      but floats [B, ...].
  """
  errors.check_function(field, function)

  def call(read):
    found = function(read)
    if not isinstance(found, jax.Array | np.ndarray):
      raise errors.InputError(field, expected, type(found).__name__)
    return found

  with errors.tracing(field):
    found = jax.eval_shape(call, read)
  if not found.shape or found.shape[0] != read.shape[0]:
    got = f'shape {list(found.shape)}'
    raise errors.InputError(field, expected, got)
  if not jnp.issubdtype(found.dtype, jnp.floating):
    got = f'dtype {found.dtype}'
    raise errors.InputError(field, f'{expected}, floats', got)
  return found.shape


def check_scores(score_fn, read, ndim: int) -> int:
  """Checks the shape of scores; returns the size of their last axis.

  Args:
    score_fn: [B, ...] -> [B] or [B, C].
    read: what it is to be called with, an array or its shape and dtype.
    ndim: 1 or 2: how many axes the scores have to have.

  Returns:
    B or C.

  Raises:
    errors.InputError: on other scores.
  """
  batch = read.shape[0]
  expected = f'scores [{batch}]' if ndim == 1 else f'scores [{batch}, C]'
  shape = shape_of('score_fn', score_fn, read, expected)
  if len(shape) != ndim or not shape[-1]:
    raise errors.InputError('score_fn', expected, f'shape {list(shape)}')
  return shape[-1]


def drop_unmoved(
  gradient: array_types.Array, is_unmoved: array_types.Array
) -> array_types.Array:
  """A gradient, 0 where it is not finite and what it belongs to is unmoved.

  The contribution of such an element is its distance times the gradient: 0 by
  any finite slope, and 0 in the limit of an infinite one.
  """
  return jnp.where(is_unmoved & ~jnp.isfinite(gradient), 0, gradient)
