"""What training changes from step to step."""

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import optax

from robustjax import array_types


class State(NamedTuple):
  """All that a checkpoint holds; keys and data order derive from seed and step.

  Attributes:
    step: int32 [], number of steps done.
    params: the model's parameters.
    opt_state: the optimizer's state.
    statistics: the model's other collections, such as 'batch_stats'; empty for
      a model without any.
  """

  step: array_types.Array
  params: array_types.Parameters
  opt_state: optax.OptState
  statistics: Mapping[str, Any]
  adversary: Any = None

  @property
  def variables(self) -> dict[str, Any]:
    """What the model's `apply` takes."""
    return {'params': self.params, **self.statistics}
