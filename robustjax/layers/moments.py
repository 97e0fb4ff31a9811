"""Statistics of states whose gradient is finite, whatever the states are.

XLA may compute states twice and round them in two ways, so that none is equal
to their smallest any more; JAX divides by how many are.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from robustjax import array_types


def standard_deviation(
  states: array_types.Array, axis: int | tuple[int, ...]
) -> array_types.Array:
  """Population standard deviation along `axis`, kept as size 1.

  The derivative of a root is infinite at zero, so that the gradient through
  `jnp.std` of equal states (a unit that is dead for the whole batch) is NaN. A
  deviation of zero is a minimum: its gradient here is zero.

  Args:
    states: float, any shape.
    axis: the axis or axes it is taken over.

  Returns:
    The deviation, of the dtype of `states`, with size 1 along `axis`.
  """
  variance = jnp.var(states, axis=axis, keepdims=True)
  varies = variance > 0
  # Two selections: a gradient also flows through what is not selected.
  return jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1)), 0)


def share_of_equals(
  values: Sequence[array_types.Array],
  chosen: array_types.Array,
  tangents: Sequence[array_types.Array],
) -> array_types.Array:
  """The derivative of a value that was chosen among others: equals share it.

  Args:
    values: the arrays that were chosen from, element by element.
    chosen: what was chosen, of their shape.
    tangents: of the values.

  Returns:
    Of that shape, the mean of the tangents of those equal to it; 0 where none
    is.
  """
  are_chosen = [value == chosen for value in values]
  count = sum(one.astype(chosen.dtype) for one in are_chosen)
  total = sum(
    jnp.where(one, tangent, 0)
    for one, tangent in zip(are_chosen, tangents, strict=True)
  )
  return total / jnp.maximum(count, 1)


def share_along(
  values: array_types.Array,
  chosen: array_types.Array,
  tangents: array_types.Array,
  axis: int | tuple[int, ...] | None,
) -> array_types.Array:
  """`share_of_equals` for values that stand along axes of one array.

  Args:
    values: what was chosen from.
    chosen: what was chosen, of a shape that broadcasts to theirs.
    tangents: of the values.
    axis: along which was chosen; None for all.

  Returns:
    The mean of the tangents of those equal to it, without `axis`; 0 where none
    is.
  """
  is_chosen = values == chosen
  count = is_chosen.astype(chosen.dtype).sum(axis=axis)
  total = jnp.where(is_chosen, tangents, 0).sum(axis=axis)
  return total / jnp.maximum(count, 1)


@jax.custom_jvp
def smallest(states: array_types.Array) -> array_types.Array:
  """The smallest of all states, []; equals share its gradient."""
  return jnp.min(states)


@smallest.defjvp
def _smallest_jvp(primals, tangents):
  (states,), (tangent,) = primals, tangents
  found = smallest(states)
  return found, share_along(states, found, tangent, axis=None)


def largest(states: array_types.Array) -> array_types.Array:
  """The largest of all states, []; equals share its gradient."""
  return -smallest(-states)
