"""What training changes from step to step."""

from typing import NamedTuple

import optax

from robustjax import array_types


class State(NamedTuple):
  """All that a checkpoint holds; keys and data order derive from seed and step.

  Attributes:
    step: int32 [], number of steps done.
    params: the model's parameters.
    opt_state: the optimizer's state.
  """

  step: array_types.Array
  params: array_types.Parameters
  opt_state: optax.OptState
