"""What attributions ask of inputs, scores and targets."""

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors


def as_input(x: array_types.Array) -> array_types.Array:
  """Checks x, a float array [B, ...]; returns it in at least float32.

  Raises:
    errors.InputError: if it is no such array, or empty.
  """
  is_float = hasattr(x, 'dtype') and jnp.issubdtype(x.dtype, jnp.floating)
  if not is_float or x.ndim < 1 or len(x) < 1:
    got = f'{getattr(x, "dtype", type(x).__name__)} {list(np.shape(x))}'
    raise errors.InputError('x', 'a float array [B, ...]', got)
  return at_least_float32(jnp.asarray(x))


def at_least_float32(x: array_types.Array) -> array_types.Array:
  """x, in float32 if its dtype is narrower."""
  return x.astype(array_types.at_least_float32(x.dtype))


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
  scores = jax.eval_shape(score_fn, read)
  shape = getattr(scores, 'shape', None)
  batch = read.shape[0]
  if shape is None or len(shape) != ndim or shape[0] != batch:
    expected = f'scores [{batch}]' if ndim == 1 else f'scores [{batch}, C]'
    got = type(scores).__name__ if shape is None else f'shape {list(shape)}'
    raise errors.InputError('score_fn', expected, got)
  return shape[-1]


def check_target(
  target: array_types.Array, batch: int, num_classes: int
) -> None:
  """Raises errors.InputError unless targets are int [batch] in [0, C).

  Their values are not known, and not checked, while they are being traced.
  """
  expected = f'integers [{batch}] in [0, {num_classes})'
  dtype = getattr(target, 'dtype', None)
  if not jnp.issubdtype(dtype, jnp.integer) or target.shape != (batch,):
    got = f'{dtype or type(target).__name__} {list(np.shape(target))}'
    raise errors.InputError('target', expected, got)
  if not isinstance(target, jax.core.Tracer):
    values = np.asarray(target)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= num_classes:
      raise errors.InputError('target', expected, f'{low} to {high}')
