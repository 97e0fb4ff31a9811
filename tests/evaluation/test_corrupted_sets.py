import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax.evaluation import corrupted_sets
from robustjax.evaluation import scores


class _Recorded(corrupted_sets.Published):
  """Sets that only note what was asked for."""

  def __init__(self, benchmark):
    self.benchmark = benchmark
    self.description = 'recorded'
    self.asked = []

  def _check_one(self, name, severity):
    self.asked.append((name, severity))

  def _open(self, name, severity):
    images = np.zeros((1, 2, 2, 1), np.uint8)
    return data.from_arrays(
      images, np.zeros(1, int), name=self._name(name, severity)
    )


def test_benchmarks_consist_of_what_was_published():
  mnist, all_mnist = corrupted_sets.corruption_names('mnist_c')
  assert len(mnist) == 16
  assert mnist == all_mnist
  for name in ('imagenet_c', 'cifar10_c'):
    fifteen, all_names = corrupted_sets.corruption_names(name)
    assert set(fifteen) == set(scores.ALEXNET)
    assert len(set(all_names)) == len(all_names) == 19
  with pytest.raises(errors.InputError, match="did you mean 'mnist_c'"):
    corrupted_sets.corruption_names('mnist-c')


@pytest.mark.parametrize(
  ('benchmark', 'count'), [('mnist_c', 16), ('imagenet_c', 75)]
)
def test_all_sets_are_checked_or_those_asked_for(benchmark, count):
  sets = _Recorded(benchmark)
  sets.check()
  assert len(set(sets.asked)) == len(sets.asked) == count
  sets.asked.clear()
  sets.check(['fog'], [4, 2])
  expected = [(None,)] if benchmark == 'mnist_c' else [(2,), (4,)]
  assert sets.asked == [('fog', *severity) for severity in expected]
  with pytest.raises(errors.InputError, match='corruption: .*smog'):
    sets.check(['smog'])
  with pytest.raises(errors.InputError, match='corruption: .*list of names'):
    sets.check('fog')
  if benchmark != 'mnist_c':
    for wrong in ([], [9], [2.5], 3):
      with pytest.raises(errors.InputError, match='severity: '):
        sets.check(['fog'], wrong)


def test_sets_are_opened_by_name_and_severity():
  assert _Recorded('mnist_c').open('fog').name == 'mnist_c/fog'
  opener = _Recorded('cifar10_c').opener('fog', 3)
  assert opener().name == 'cifar10_c/fog/3'
  for benchmark, arguments, message in (
    ('mnist_c', ('frost',), "corruption: .* got 'frost'"),
    ('mnist_c', ('fog', 1), 'severity: expected None for mnist_c, got 1'),
    ('imagenet_c', ('fog',), 'severity: .* at most 5, got None'),
    ('imagenet_c', ('fog', 6), 'severity: .* got 6'),
    ('imagenet_c', ('fog', 0), 'severity: .* got 0'),
  ):
    with pytest.raises(errors.InputError, match=message):
      _Recorded(benchmark).open(*arguments)
