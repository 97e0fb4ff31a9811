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


def _sgd(learning_rate, *, momentum, nesterov, weight_decay):
  descent = optax.sgd(learning_rate, momentum or None, nesterov=nesterov)
  if not weight_decay:
    return descent
  # Added to the gradient, before momentum, as the papers' frameworks do.
  return optax.chain(optax.add_decayed_weights(weight_decay), descent)


def _adam(learning_rate, *, beta1, beta2, epsilon):
  return optax.adam(learning_rate, b1=beta1, b2=beta2, eps=epsilon)


METHODS: Mapping[str, Method] = {
  'adadelta': Method(_adadelta, ('rho', 'epsilon')),
  'sgd': Method(_sgd, ('momentum', 'nesterov', 'weight_decay')),
  'adam': Method(_adam, ('beta1', 'beta2', 'epsilon')),
}
SCHEDULES = ('constant', 'per_epoch', 'thirds', 'two_phase', 'cosine')


class Timing(NamedTuple):
  """What a learning rate's schedule goes by.

  Attributes:
    steps_per_epoch: number of steps in an epoch.
    first_steps: number of steps in the run's first phase.
    num_steps: number of steps of the whole run.
  """

  steps_per_epoch: int
  first_steps: int
  num_steps: int


def learning_rates(
  schedule: str,
  learning_rate: float,
  decay: float,
  timing: Timing,
  *,
  decay_epochs: int = 1,
) -> optax.Schedule:
  """The learning rate of each step.

  Args:
    schedule: `constant`; `per_epoch`, multiplied by `decay` after every
      `decay_epochs` epochs (NoiseOut, ANT); `thirds`, after each third of the
      run (AugMix); `two_phase`, in the second phase (noise progression);
      `cosine`, half a wave from the first step to 0 after the last
      (DeepAugment), whatever `decay`.
    learning_rate: of the first step.
    decay: a factor.
    timing: of the run.
    decay_epochs: number of epochs.

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
      return step // (decay_epochs * timing.steps_per_epoch)
    if schedule == 'thirds':
      return 3 * step // timing.num_steps
    return (step >= timing.first_steps).astype(step.dtype)

  def half_a_wave(step: array_types.ArrayLike) -> array_types.Array:
    share = jnp.asarray(step).astype(jnp.float32) / timing.num_steps
    return learning_rate * (1 + jnp.cos(jnp.pi * share)) / 2

  def rate(step: array_types.ArrayLike) -> array_types.Array:
    exponent = times_decayed(step).astype(jnp.float32)
    return learning_rate * jnp.float32(decay) ** exponent

  return half_a_wave if schedule == 'cosine' else rate


def make(
  name: str,
  *,
  schedule: str,
  learning_rate: float,
  decay: float,
  decay_epochs: int,
  timing: Timing,
  **options: Any,
) -> optax.GradientTransformation:
  """An optimizer by name.

  Args:
    name: in `METHODS`.
    schedule: in `SCHEDULES`.
    learning_rate: of the first step.
    decay: of the schedule.
    decay_epochs: of the schedule.
    timing: of the run.
    **options: those of the method.

  Returns:
    An Optax transformation.

  Raises:
    errors.InputError: on an unknown name or schedule.
  """
  errors.check_choice('optimizer', name, METHODS)
  rates = learning_rates(
    schedule, learning_rate, decay, timing, decay_epochs=decay_epochs
  )
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
