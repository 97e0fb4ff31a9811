"""What is measured of a run: sets of images, and one number from the results.

All numbers are shares, in [0, 1] but for corruption errors, which are shares of
AlexNet's; reports print per cent.
"""

from collections.abc import Callable
from collections.abc import Mapping
import functools
from typing import Any
from typing import NamedTuple

from robustjax import errors
from robustjax import evaluation

_Read = Callable[[evaluation.Results], float | None]


class Benchmark(NamedTuple):
  """Sets of images a run is measured on.

  Attributes:
    name: in `evaluation.BENCHMARKS`.
    amounts: of degradations, by name; None for all there are.
    epsilons: of an attack; None for all there are.
  """

  name: str
  amounts: Mapping[str, tuple[float, ...]] | None = None
  epsilons: tuple[float, ...] | None = None

  @property
  def options(self) -> dict[str, Any]:
    """What `evaluation.evaluate` takes besides images."""
    found = {'amounts': self.amounts, 'epsilons': self.epsilons}
    given = {
      field: value for field, value in found.items() if value is not None
    }
    return {'benchmark': self.name} | given

  @property
  def label(self) -> str:
    """A name that says which sets it has; equal sets, equal names."""
    if self.amounts == {}:
      return 'clean'
    parts = [self.name]
    for name, amounts in (self.amounts or {}).items():
      parts += [name, *(f'{amount:g}' for amount in amounts if amount)]
    parts += [f'{epsilon:.3g}' for epsilon in self.epsilons or () if epsilon]
    return '-'.join(parts)


CLEAN = Benchmark('degradations', {})
DEGRADATIONS = Benchmark('degradations')
MNIST_C = Benchmark('mnist_c')
CIFAR10_C = Benchmark('cifar10_c')
IMAGENET_C = Benchmark('imagenet_c')


class Measure(NamedTuple):
  """One number of a run.

  Attributes:
    name: what it is.
    benchmark: what the run is measured on.
    of: reads it off the results; a share, or None if it is not there.
  """

  name: str
  benchmark: Benchmark
  of: _Read


def _clean(found: evaluation.Results) -> evaluation.Row:
  return next(row for row in found.rows if row.is_clean)


def mean_accuracy(benchmark: Benchmark) -> Measure:
  """Plain mean over all sets, the clean one included."""
  return Measure('mean accuracy', benchmark, lambda found: found.accuracy)


def corrupted_accuracy(benchmark: Benchmark) -> Measure:
  """Plain mean over the sets that are corrupted."""
  name = 'mean of the corrupted sets'
  return Measure(name, benchmark, lambda found: found.corrupted_accuracy)


def mean_corruption_error(benchmark: Benchmark = IMAGENET_C) -> Measure:
  """mCE; None of anything but ImageNet-C with its 1000 classes."""
  return Measure('mCE', benchmark, functools.partial(_of_alexnet, 'mce'))


def relative_mean_corruption_error(
  benchmark: Benchmark = IMAGENET_C,
) -> Measure:
  """Relative mCE; None of anything but ImageNet-C with its 1000 classes."""
  read = functools.partial(_of_alexnet, 'relative_mce')
  return Measure('relative mCE', benchmark, read)


def _of_alexnet(name: str, found: evaluation.Results) -> float | None:
  is_known = found.benchmark == IMAGENET_C.name
  value = getattr(found, name) if is_known else None
  return None if value is None else value / 100


def clean_accuracy(benchmark: Benchmark = CLEAN) -> Measure:
  """Accuracy on the set that is not corrupted."""
  return Measure('clean set', benchmark, lambda found: _clean(found).accuracy)


def clean_error(benchmark: Benchmark = CLEAN) -> Measure:
  """Test error on the set that is not corrupted."""
  return Measure('test error', benchmark, lambda found: _clean(found).error)


def top5_error(benchmark: Benchmark = CLEAN) -> Measure:
  """Share of clean images whose class is not among the five most likely."""
  return Measure('top-5 error', benchmark, _top5_error)


def _top5_error(found: evaluation.Results) -> float:
  accuracy = _clean(found).top5_accuracy
  if accuracy is None:
    expected = 'more than five classes, for top-5 errors'
    raise errors.InputError('dataset', expected, found.source)
  return 1 - accuracy


def weighted_score(score: str, benchmark: Benchmark = CLEAN) -> Measure:
  """A score by class, weighted by the number of images of each class.

  Args:
    score: 'precision', 'recall' or 'f1'. Recall is the accuracy: the weights
      cancel what it is divided by.
    benchmark: whose clean set it is of.

  Returns:
    The `Measure`.
  """
  errors.check_choice('score', score, _SCORES)
  return Measure(
    f'weighted {_SCORES[score]}',
    benchmark,
    lambda found: getattr(_clean(found).class_scores, score),
  )


_SCORES = {'precision': 'precision', 'recall': 'recall', 'f1': 'F1'}


def class_accuracy(label: int, benchmark: Benchmark = CLEAN) -> Measure:
  """Accuracy on the clean images of one class; None without any."""
  return Measure(
    f'accuracy of class {label}',
    benchmark,
    lambda found: _clean(found).per_class.get(label),
  )


def accuracy_at(
  corruption: str, amount: float, benchmark: Benchmark
) -> Measure:
  """Accuracy at one amount of a degradation or attack; 0 is the clean set."""
  read = functools.partial(_accuracy_at, corruption, amount)
  return Measure(f'accuracy at {corruption} {amount:g}', benchmark, read)


def error_at(corruption: str, amount: float, benchmark: Benchmark) -> Measure:
  """Test error at one amount of a degradation or attack; 0 is the clean set."""
  read = functools.partial(_accuracy_at, corruption, amount)
  name = f'test error at {corruption} {amount:g}'
  return Measure(name, benchmark, lambda found: 1 - read(found))


def _accuracy_at(corruption, amount, found: evaluation.Results) -> float:
  if not amount:
    return _clean(found).accuracy
  return next(
    row.accuracy
    for row in found.rows
    if (row.corruption, row.amount) == (corruption, amount)
  )
