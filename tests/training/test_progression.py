import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.training import progression


def _values(shape, num_steps, first, last, phases=(0.5, 0.5)):
  course = progression.make_course(shape, num_steps, phases=phases)
  return [
    float(progression.value(course, step, first, last))
    for step in range(num_steps)
  ]


def test_two_phases_are_exactly_their_values():
  found = _values('two_phase', 10, 3.5, 0.1, phases=(0.3, 0.7))
  assert found == [np.float32(3.5)] * 3 + [np.float32(0.1)] * 7


def test_a_line_and_a_cosine_go_from_end_to_end():
  line = _values('linear', 5, 2.0, 4.0)
  np.testing.assert_allclose(line, [2, 2.5, 3, 3.5, 4], rtol=1e-6)
  cosine = _values('cosine', 5, 0.0, 1.0)
  expected = [0.5 * (1 - np.cos(np.pi * step / 4)) for step in range(5)]
  np.testing.assert_allclose(cosine, expected, atol=1e-6)


@pytest.mark.parametrize('shape', progression.SHAPES)
def test_a_run_of_one_step_and_steps_beyond_the_last_are_finite(shape):
  course = progression.make_course(shape, 1)
  for step in (0, 1, 5):
    assert 0 <= float(progression.along(course, step)) <= 1


def test_nothing_is_compiled_again_for_other_courses_and_values():
  chex.clear_trace_counter()

  @jax.jit
  @chex.assert_max_traces(1)
  def value(course, step, first, last):
    return progression.value(course, step, first, last)

  for shape in progression.SHAPES:
    for phases in ((0.5, 0.5), (0.2, 0.8)):
      course = progression.make_course(shape, 20, phases=phases)
      course = jax.tree.map(jnp.int32, course)
      for step in (0, 15):
        value(course, jnp.int32(step), jnp.float32(1), jnp.float32(step))


@pytest.mark.parametrize(
  ('direction', 'expected'),
  [('constant', (2.0, 2.0)), ('falling', (2.0, 0.0)), ('rising', (0.0, 2.0))],
)
def test_directions_end_at_zero(direction, expected):
  assert progression.ends(2.0, direction) == expected


@pytest.mark.parametrize(
  ('call', 'message'),
  [
    (
      lambda: progression.make_course('step', 3),
      'shape: expected one of two_p',
    ),
    (
      lambda: progression.make_course('linear', 0),
      'num_steps: expected an int',
    ),
    (
      lambda: progression.make_course('linear', 3, phases=(0.5, 0.6)),
      r'phases: expected shares .* add up to 1, got 0.5 \+ 0.6 = 1.1',
    ),
    (
      lambda: progression.make_course('linear', 3, phases=(-0.5, 1.5)),
      r'phases: expected a number in \[0, 1\], got -0.5',
    ),
    (
      lambda: progression.ends(1.0, 'fallin'),
      "direction: .*did you mean 'falling'",
    ),
  ],
)
def test_bad_input_is_named(call, message):
  with pytest.raises(errors.InputError, match=message):
    call()


def test_thirds_add_up():
  progression.check_phases('phases', (0.7, 0.3))
  progression.check_phases('phases', (1 / 3, 2 / 3))
