"""What the loop reports and refuses, without training anything."""

import numpy as np
import pytest
import tqdm

from robustjax.training import interruption
from robustjax.training import loop
from robustjax.training import steps


class _Writer:
  """Remembers what is written."""

  def __init__(self):
    self.written = []

  def write(self, step, metrics):
    self.written.append((step, metrics))


def _outputs(*numbers):
  members = [loop.Member(number, None, _Writer()) for number in numbers]
  shown = tqdm.tqdm(disable=True)
  return loop.Outputs(members, interruption.Interruption(), shown)


def _metrics(*losses, fig=None):
  return steps.Metrics(np.array(losses), np.array(losses) / 10, fig)


def test_each_member_gets_the_means_of_its_own_column():
  outputs = _outputs(3, 4)
  loop._write_metrics(9, [_metrics(1.0, 5.0), _metrics(2.0, 7.0)], outputs)
  written = [member.writers.written for member in outputs.members]
  assert written == [
    [(9, {'train_loss': 1.5, 'train_accuracy': pytest.approx(0.15)})],
    [(9, {'train_loss': 6.0, 'train_accuracy': pytest.approx(0.6)})],
  ]


def test_the_fig_loss_is_written_where_there_is_one():
  outputs = _outputs(0)
  metrics = steps.Metrics(np.float32(1), np.float32(0.5), np.float32(0.25))
  loop._write_metrics(2, [metrics], outputs)
  assert outputs.members[0].writers.written[0][1]['train_fig_loss'] == 0.25


def test_the_first_loss_that_is_not_finite_is_named_by_seed_and_step():
  pending = [_metrics(1.0, 1.0), _metrics(1.0, np.nan), _metrics(np.inf, 1.0)]
  with pytest.raises(FloatingPointError, match='loss of seed 6 of step 11 is'):
    loop._write_metrics(12, pending, _outputs(5, 6))
