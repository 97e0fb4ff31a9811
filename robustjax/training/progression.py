"""Numbers that change over training, such as the deviation of a noise.

A run has a course, which goes from 0 to 1, and a number goes from its first to
its last value along it. All of it may be traced: a program in which a number
changes is compiled once, and so is a table of runs with other values.

  two_phase  0 in the first phase, 1 in the second
  linear     from 0 at the first step to 1 at the last
  cosine     the same, slow at both ends: (1 - cos(pi t)) / 2

References:
  Noise progression: two phases. The other two shapes are ours.
"""

from typing import NamedTuple

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

SHAPES = ('two_phase', 'linear', 'cosine')
DIRECTIONS = ('constant', 'falling', 'rising')
# Shares written as decimals, such as .7 and .3, may miss 1 by a rounding.
_ROUNDING = 1e-9


class Course(NamedTuple):
  """How a run gets from its first step to its last; numbers, or traced.

  Attributes:
    shape: place in `SHAPES`.
    first_steps: number of steps in the first phase.
    num_steps: number of steps.
  """

  shape: array_types.ArrayLike
  first_steps: array_types.ArrayLike
  num_steps: array_types.ArrayLike


def make_course(
  shape: str,
  num_steps: int,
  *,
  phases: tuple[float, float] = (0.5, 0.5),
) -> Course:
  """The course of a run.

  Args:
    shape: a name in `SHAPES`.
    num_steps: number of steps of the run, at least 1.
    phases: shares of the run that its first and second phase take.

  Returns:
    A `Course`.

  Raises:
    errors.InputError: on an unknown shape, or phases that do not add up to 1.
  """
  errors.check_choice('shape', shape, SHAPES)
  errors.check_integer('num_steps', num_steps, low=1)
  check_phases('phases', phases)
  return Course(SHAPES.index(shape), first_steps(num_steps, phases), num_steps)


def check_phases(field: str, phases: tuple[float, float]) -> None:
  """Raises errors.InputError unless the shares of both phases add up to 1."""
  for share in phases:
    errors.check_range(field, share, high=1.0)
  if abs(sum(phases) - 1) > _ROUNDING:
    expected = 'shares of the training that add up to 1'
    got = ' + '.join(f'{share:g}' for share in phases)
    raise errors.InputError(field, expected, f'{got} = {sum(phases):g}')


def first_steps(num_steps: int, phases: tuple[float, float]) -> int:
  """Number of steps in the first phase, to the nearest step."""
  return round(num_steps * phases[0])


def along(course: Course, step: array_types.ArrayLike) -> array_types.Array:
  """How far along a step is.

  Args:
    course: from `make_course`.
    step: number of steps done before, from 0.

  Returns:
    float32 [], 0 at the first step and 1 at the last; exactly 0 or 1 with two
    phases.
  """
  step = jnp.asarray(step, jnp.float32)
  last = jnp.maximum(jnp.asarray(course.num_steps, jnp.float32) - 1, 1)
  time = jnp.clip(step / last, 0.0, 1.0)
  is_second = step >= jnp.asarray(course.first_steps, jnp.float32)
  shapes = jnp.stack(
    [
      is_second.astype(jnp.float32),
      time,
      0.5 - 0.5 * jnp.cos(jnp.pi * time),
    ]
  )
  return shapes[jnp.asarray(course.shape)]


def value(
  course: Course,
  step: array_types.ArrayLike,
  first: array_types.ArrayLike,
  last: array_types.ArrayLike,
) -> array_types.Array:
  """A number at a step.

  Args:
    course: from `make_course`.
    step: number of steps done before, from 0.
    first: its value at the beginning.
    last: its value at the end.

  Returns:
    float32 [].

  Example:
    >>> course = make_course('two_phase', 10, phases=(0.5, 0.5))
    >>> [float(value(course, step, 3.5, 0.0)) for step in (0, 4, 5, 9)]
    [3.5, 3.5, 0.0, 0.0]
  """
  share = along(course, step)
  first, last = (jnp.asarray(one, jnp.float32) for one in (first, last))
  return first * (1 - share) + last * share


def ends(amount: float, direction: str) -> tuple[float, float]:
  """First and last value of a number that falls to 0, rises from it, or stays.

  Args:
    amount: its largest value.
    direction: a name in `DIRECTIONS`.

  Returns:
    Both.

  Raises:
    errors.InputError: on an unknown direction.
  """
  errors.check_choice('direction', direction, DIRECTIONS)
  first = 0.0 if direction == 'rising' else amount
  last = 0.0 if direction == 'falling' else amount
  return first, last
