"""What learned gates do: how open they are, and if that depends on the image.

NoiseOut claims that gates act on what they read. A gate that passed the same
share of a state whatever the image would be a mere weight; so a report holds
the accuracy with every gate replaced by its mean.
"""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.data import sources
from robustjax.evaluation import checks
from robustjax.evaluation import metrics

NEARLY_CLOSED, NEARLY_OPEN = 0.1, 0.9


class GateActivity(NamedTuple):
  """Gates over a data set.

  Attributes:
    mean: mean over images and states.
    share_decided: share of gates outside [0.1, 0.9].
    accuracy: top-1 accuracy of the classifier as it is, in [0, 1].
    accuracy_with_mean_gates: the same with every state's gate replaced by its
      mean over the data set.
  """

  mean: float
  share_decided: float
  accuracy: float
  accuracy_with_mean_gates: float


def gate_activity(
  forward: Callable[[array_types.Array], Any],
  classify: Callable[[array_types.Array], array_types.Array],
  data: sources.DataSet,
  *,
  batch_size: int = 128,
) -> GateActivity:
  """Measures the gates of a classifier on a data set.

  Args:
    forward: images float [B, H, W, C] in [0, 1] to an object with `hidden`
      [B, K], `gates` [B, K] and `logits` [B, C], as `models.Forward`.
    classify: gated hidden states [B, K] to logits [B, C].
    data: the images and their labels.
    batch_size: images per call.

  Returns:
    A `GateActivity`.

  Raises:
    errors.InputError: if the classifier has no gates, or gates and hidden
      states of different shapes; on data or logits as `metrics.predictions_of`.
  """
  for field, value in (('forward', forward), ('classify', classify)):
    checks.function(field, value, 'a function')
  checks.data('data', data)
  total, num_decided, size = 0.0, 0, 0
  for batch, _, count in metrics.batches(data.images, batch_size):
    output = forward(batch)
    gates = getattr(output, 'gates', None)
    if gates is None:
      raise errors.InputError('forward', 'a classifier with gates', 'none')
    shape = getattr(getattr(output, 'hidden', None), 'shape', None)
    if np.shape(gates) != shape or len(shape) != 2:
      expected = 'gates and hidden states [B, K]'
      got = f'shapes {np.shape(gates)} and {shape}'
      raise errors.InputError('forward', expected, got)
    gates = np.asarray(gates[:count], np.float64)
    total = total + gates.sum(axis=0)
    is_undecided = (gates >= NEARLY_CLOSED) & (gates <= NEARLY_OPEN)
    num_decided += np.sum(~is_undecided)
    size += gates.size
  mean_gate = (total / len(data.images)).astype(np.float32)[None]

  def with_mean_gates(images):
    hidden = forward(images).hidden
    return classify(hidden * mean_gate.astype(hidden.dtype))

  accuracies = (
    metrics.count_correct(predict, data, batch_size=batch_size).accuracy
    for predict in (lambda images: forward(images).logits, with_mean_gates)
  )
  return GateActivity(
    float(mean_gate.mean()), float(num_decided / size), *accuracies
  )
