"""What training minimises."""

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
  dtype = array_types.at_least_float32(logits.dtype)
  losses = optax.softmax_cross_entropy_with_integer_labels(
    logits.astype(dtype), labels
  )
  return losses.mean()
