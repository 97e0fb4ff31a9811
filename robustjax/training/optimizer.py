"""The papers' optimizers and how their learning rates fall."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import errors


class Method(NamedTuple):
  """An optimizer by name.

  Attributes:
    make: (learning rate or schedule, **options) -> an Optax transformation.
    options: the fields of a config's optimizer section that are its own.
  """

  make: Callable[..., optax.GradientTransformation]
  options: tuple[str, ...]


def _adadelta(learning_rate, *, rho, epsilon):
  return optax.adadelta(learning_rate, rho=rho, eps=epsilon)


def _sgd(learning_rate, *, momentum):
  return optax.sgd(learning_rate, momentum=momentum or None)


def _adam(learning_rate, *, beta1, beta2, epsilon):
  return optax.adam(learning_rate, b1=beta1, b2=beta2, eps=epsilon)


METHODS: Mapping[str, Method] = {
  'adadelta': Method(_adadelta, ('rho', 'epsilon')),
  'sgd': Method(_sgd, ('momentum',)),
  'adam': Method(_adam, ('beta1', 'beta2', 'epsilon')),
}
SCHEDULES = ('constant', 'per_epoch', 'two_phase')


class Timing(NamedTuple):
  """What a learning rate's schedule goes by.

  Attributes:
    steps_per_epoch: number of steps in an epoch.
    first_steps: number of steps in the run's first phase.
  """

  steps_per_epoch: int
  first_steps: int


def learning_rates(
  schedule: str, learning_rate: float, decay: float, timing: Timing
) -> optax.Schedule:
  """The learning rate of each step.

  Args:
    schedule: `constant`; `per_epoch`, multiplied by `decay` after every epoch
      (NoiseOut); `two_phase`, by `decay` in the second phase (noise
      progression).
    learning_rate: of the first step.
    decay: a factor.
    timing: of the run.

  Returns:
    step -> learning rate.

  Raises:
    errors.InputError: on an unknown schedule.
  """
  errors.check_choice('schedule', schedule, SCHEDULES)

  def times_decayed(step: array_types.ArrayLike) -> array_types.Array:
    step = jnp.asarray(step)
    if schedule == 'constant':
      return jnp.zeros_like(step)
    if schedule == 'per_epoch':
      return step // timing.steps_per_epoch
    return (step >= timing.first_steps).astype(step.dtype)

  def rate(step: array_types.ArrayLike) -> array_types.Array:
    exponent = times_decayed(step).astype(jnp.float32)
    return learning_rate * jnp.float32(decay) ** exponent

  return rate


def make(
  name: str,
  *,
  schedule: str,
  learning_rate: float,
  decay: float,
  timing: Timing,
  **options: Any,
) -> optax.GradientTransformation:
  """An optimizer by name.

  Args:
    name: in `METHODS`.
    schedule: in `SCHEDULES`.
    learning_rate: of the first step.
    decay: of the schedule.
    timing: of the run.
    **options: those of the method.

  Returns:
    An Optax transformation.

  Raises:
    errors.InputError: on an unknown name or schedule.
  """
  errors.check_choice('optimizer', name, METHODS)
  rates = learning_rates(schedule, learning_rate, decay, timing)
  return METHODS[name].make(rates, **options)


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
