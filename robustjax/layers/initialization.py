"""How the papers' layers start."""

from collections.abc import Callable
import math

import jax
import jax.numpy as jnp

from robustjax import array_types


def fan_in_uniform(fan_in: int) -> Callable[..., array_types.Array]:
  """An initialiser drawing from U(-s, s), s = 1/sqrt(fan_in).

  Flax's own see the shape of one parameter, and so know neither the fan-in of a
  bias nor that of a weight map.

  Args:
    fan_in: number of terms in what the parameter is added to or part of.

  Returns:
    (key, shape, dtype) -> an array.

  References:
    Weight Map, section 4, for weights and biases alike.
  """
  limit = 1.0 / math.sqrt(fan_in)

  def init(key, shape, dtype=jnp.float32):
    return jax.random.uniform(key, shape, dtype, -limit, limit)

  return init
