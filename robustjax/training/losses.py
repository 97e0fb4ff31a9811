"""What training minimises."""

import jax.numpy as jnp
import optax

from robustjax import array_types


def cross_entropy(
    logits: array_types.Array, labels: array_types.Array
) -> array_types.Array:
  """Mean cross entropy over a batch, in at least float32.

  Args:
    logits: float [B, C].
    labels: int [B] in [0, C). Not checked here: data sets are when loaded.

  Returns:
    A scalar, in nats.
  """
  dtype = jnp.promote_types(logits.dtype, jnp.float32)
  losses = optax.softmax_cross_entropy_with_integer_labels(
      logits.astype(dtype), labels
  )
  return losses.mean()
