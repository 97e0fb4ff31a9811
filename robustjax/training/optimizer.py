"""The optimizer of the papers' MNIST runs."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import optax

from robustjax import array_types


def decayed_per_epoch(
  learning_rate: float, decay: float, steps_per_epoch: int
) -> optax.Schedule:
  """A learning rate multiplied by `decay` after every epoch.

  Args:
    learning_rate: in the first epoch.
    decay: factor per epoch.
    steps_per_epoch: number of steps after which it applies.

  Returns:
    step -> learning rate.
  """

  def schedule(step: array_types.ArrayLike) -> array_types.Array:
    epoch = (jnp.asarray(step) // steps_per_epoch).astype(jnp.float32)
    return learning_rate * jnp.float32(decay) ** epoch

  return schedule


def adadelta(
  learning_rate: float,
  *,
  decay: float,
  steps_per_epoch: int,
  rho: float,
  epsilon: float,
) -> optax.GradientTransformation:
  """Adadelta with a learning rate that decays per epoch.

  NoiseOut, section 4.1: learning rate 1, x 0.7 per epoch.

  Args:
    learning_rate: in the first epoch.
    decay: factor per epoch.
    steps_per_epoch: number of steps in an epoch.
    rho: decay of the running averages.
    epsilon: added under both square roots.

  Returns:
    An Optax transformation.
  """
  schedule = decayed_per_epoch(learning_rate, decay, steps_per_epoch)
  return optax.adadelta(schedule, rho=rho, eps=epsilon)


def leave_alone(
  optimizer: optax.GradientTransformation, names: Sequence[str]
) -> optax.GradientTransformation:
  """An optimizer that neither changes some parameters nor keeps state of them.

  Args:
    optimizer: for all others.
    names: names of top-level entries of the parameters.

  Returns:
    An Optax transformation.
  """

  def labels(params):
    return {
      name: jax.tree.map(lambda _, is_left=name in names: is_left, entry)
      for name, entry in params.items()
    }

  return optax.partition({False: optimizer, True: optax.set_to_zero()}, labels)
