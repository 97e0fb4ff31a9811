"""The sets that published benchmarks of corrupted images consist of."""

import abc
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import functools
import itertools

from robustjax import corruptions
from robustjax import errors
from robustjax import progress
from robustjax.data import sources
from robustjax.evaluation import checks

BENCHMARKS = ('mnist_c', 'cifar10_c', 'imagenet_c')
SEVERITIES = (1, 2, 3, 4, 5)


def corruption_names(benchmark: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
  """Names of a benchmark's sets: those it consists of, and all there are.

  Args:
    benchmark: a name in `BENCHMARKS`.

  Returns:
    Two tuples; the second also holds the further corruptions, published for
    validation.

  Raises:
    errors.InputError: on another benchmark.
  """
  checks.choice('benchmark', benchmark, BENCHMARKS)
  own, further = {
    'mnist_c': (corruptions.MNIST_C, {}),
    'cifar10_c': (corruptions.CIFAR10_C, corruptions.CIFAR10_C_EXTRA),
    'imagenet_c': (corruptions.IMAGENET_C, corruptions.IMAGENET_C_EXTRA),
  }[benchmark]
  return tuple(own), (*own, *further)


def has_severities(benchmark: str) -> bool:
  """Whether each corruption of a benchmark has five severities."""
  return benchmark != 'mnist_c'


class Published(abc.ABC):
  """The sets of a benchmark in one place.

  Attributes:
    benchmark: a name in `BENCHMARKS`.
    description: what a report calls them.
  """

  benchmark: str
  description: str

  def check(
    self,
    names: Sequence[str] | None = None,
    severities: Sequence[int] | None = None,
  ) -> None:
    """Raises errors.InputError unless these sets are there and whole.

    Args:
      names: of the corruptions; None for those the benchmark consists of.
      severities: which of them; None for all there are.
    """
    sets = list(self._sets(names, severities))
    with progress.bar(len(sets), f'checking {self.benchmark}') as shown:
      for name, severity in sets:
        self._check_one(name, severity)
        shown.update(1)

  def _sets(self, names, severities=None) -> Iterator[tuple[str, int | None]]:
    default, known = corruption_names(self.benchmark)
    if names is None:
      names = default
    else:
      names = checks.names('corruption', names, known)
    if not has_severities(self.benchmark):
      severities = (None,)
    elif severities is None:
      severities = SEVERITIES
    else:
      severities = checks.levels('severity', severities, high=5)
    return itertools.product(names, severities)

  def open(self, name: str, severity: int | None = None) -> sources.DataSet:
    """Reads one set.

    Args:
      name: of the corruption, also a further one.
      severity: 1 to 5; None for MNIST-C, which has no severities.

    Returns:
      The data set; its images are mapped from a file, or decoded in slices.

    Raises:
      errors.InputError: on an unknown name or severity, or if the set is
        missing or damaged.
    """
    checks.choice('corruption', name, corruption_names(self.benchmark)[1])
    if has_severities(self.benchmark):
      errors.check_integer('severity', severity, low=1, high=5)
    elif severity is not None:
      raise errors.InputError(
        'severity', 'None for mnist_c', checks.shown(severity)
      )
    return self._open(name, severity)

  def opener(
    self, name: str, severity: int | None = None
  ) -> Callable[[], sources.DataSet]:
    """`open` with these arguments, for later."""
    return functools.partial(self.open, name, severity)

  def _name(self, name: str, severity: int | None) -> str:
    parts = (self.benchmark, name, severity)
    return '/'.join(str(part) for part in parts if part is not None)

  @abc.abstractmethod
  def _check_one(self, name, severity) -> None:
    """Raises errors.InputError unless the set is there and whole."""

  @abc.abstractmethod
  def _open(self, name, severity) -> sources.DataSet:
    """Reads a set that is known to exist by name."""
