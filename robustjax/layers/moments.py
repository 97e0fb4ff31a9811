"""Standard deviation whose gradient is zero, not NaN, where nothing varies."""

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
