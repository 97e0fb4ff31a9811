"""What a classifier got right on the sets of a benchmark.

Files written before a field was added are still read: it is None then.
"""

from collections.abc import Mapping
import json
import math
import re
from typing import Any
from typing import NamedTuple

from robustjax import errors
from robustjax.evaluation import checks
from robustjax.evaluation import references
from robustjax.evaluation import rows as rows_lib
from robustjax.evaluation import scores
from robustjax.evaluation import tables

CLEAN = rows_lib.CLEAN
Row = rows_lib.Row  # its public place
_IMAGENET_CLASSES = 1000


class Results(NamedTuple):
  """Results on all sets of a benchmark.

  Attributes:
    benchmark: name of the benchmark.
    source: what the images are.
    rows: one per set.
    origin: 'published' if the corrupted images were read, 'generated' if they
      were made; None in older files.
    processing: what was done to the images, such as 'rounded to uint8'.
    intervals: 95 % interval (low, high) over images of 'accuracy' and
      'corrupted_accuracy', where it was taken.
    reference: the classifier whose corruption errors are 100, from
      `with_reference`; see `baseline`.
  """

  benchmark: str
  source: str
  rows: tuple[Row, ...]
  origin: str | None = None
  processing: tuple[str, ...] = ()
  intervals: Mapping[str, tuple[float, float]] | None = None
  reference: scores.Reference | None = None

  @property
  def accuracy(self) -> float:
    """Plain mean of the accuracies of all sets, the clean one included."""
    return _mean(row.accuracy for row in self.rows)

  @property
  def error(self) -> float:
    """Plain mean of the errors of all sets, the clean one included."""
    return _mean(row.error for row in self.rows)

  @property
  def clean_accuracy(self) -> float | None:
    """Accuracy on the set that is not corrupted; None without one."""
    return next((row.accuracy for row in self.rows if row.is_clean), None)

  @property
  def corrupted_accuracy(self) -> float:
    """Plain mean of the accuracies of the sets that are corrupted."""
    return _mean(row.accuracy for row in self.rows if not row.is_clean)

  @property
  def top5_accuracy(self) -> float | None:
    """Plain mean over all sets; None with five classes or fewer."""
    return _mean_or_none(row.top5_accuracy for row in self.rows)

  @property
  def calibration_error(self) -> float | None:
    """Plain mean of the expected calibration errors of all sets."""
    return _mean_or_none(row.calibration_error for row in self.rows)

  @property
  def per_set(self) -> Mapping[str, float]:
    """Accuracy by set."""
    return {row.label: row.accuracy for row in self.rows}

  @property
  def per_corruption(self) -> Mapping[str, float]:
    """Mean accuracy over severities or amounts by corruption; clean as well."""
    return {
      name: _mean(row.accuracy for row in rows)
      for name, rows in self.by_corruption.items()
    }

  @property
  def by_corruption(self) -> Mapping[str, tuple[Row, ...]]:
    """The rows by corruption, in order."""
    names = dict.fromkeys(row.corruption for row in self.rows)
    return {
      name: tuple(row for row in self.rows if row.corruption == name)
      for name in names
    }

  @property
  def per_class(self) -> Mapping[int, float]:
    """Accuracy by class over the images of all sets, as `accuracy` is.

    Classes without images are left out. Of one set see `Row.per_class`.

    Raises:
      errors.InputError: if the results were not counted by class.
    """
    return rows_lib.per_class(self.rows)

  @property
  def baseline(self) -> scores.Reference | None:
    """The classifier whose corruption errors are 100.

    What divides errors belongs to a benchmark and its images: the `reference`;
    else AlexNet on ImageNet-C, known by the 1000 classes of ImageNet; else
    None, and there are no corruption errors.
    """
    if self.reference is not None:
      return self.reference
    counted = [len(row.class_total or ()) for row in self.rows]
    is_imagenet = set(counted) == {_IMAGENET_CLASSES}
    if self.benchmark == 'imagenet_c' and is_imagenet:
      return scores.OF_ALEXNET
    return None

  def with_reference(self, reference: 'Results', name: str) -> 'Results':
    """The same results, with CE and mCE relative to another classifier's.

    Args:
      reference: results of that classifier on the same sets.
      name: what reports call it.

    Returns:
      The `Results`.

    Raises:
      errors.InputError: if the sets are not the same, or the reference makes no
        errors on one of them.
    """
    if not isinstance(name, str) or not name:
      raise errors.InputError('reference_name', 'a name', checks.shown(name))
    references.check(
      reference,
      [row.label for row in self.rows],
      benchmark=self.benchmark,
      source=self.source,
      origin=self.origin,
      processing=self.processing,
    )
    references.check_images(reference, self.rows)
    rates = references.rates(reference)
    clean = reference.clean_accuracy
    clean_error = None if clean is None else 1 - clean
    return self._replace(reference=scores.Reference(name, rates, clean_error))

  @property
  def corruption_errors(self) -> Mapping[str, float] | None:
    """CE by corruption in per cent, see `scores`; None without a `baseline`.

    Raises:
      errors.InputError: if one of AlexNet's 75 sets is missing.
    """
    if self.baseline is None:
      return None
    return scores.corruption_errors(self._error_rates(), self.baseline.errors)

  @property
  def mce(self) -> float | None:
    """Mean corruption error in per cent; None without a `baseline`.

    Raises:
      errors.InputError: as `corruption_errors`.
    """
    if self.baseline is None:
      return None
    return scores.mean_corruption_error(
      self._error_rates(), self.baseline.errors
    )

  @property
  def relative_mce(self) -> float | None:
    """Relative mean corruption error in per cent; None without a `baseline`.

    Raises:
      errors.InputError: as `corruption_errors`; also without a clean set, or
        where a corruption adds nothing to the errors of the `baseline`.
    """
    if self.baseline is None:
      return None
    if self.clean_accuracy is None or self.baseline.clean_error is None:
      expected = f'a set that is not corrupted ({" or ".join(CLEAN)})'
      raise errors.InputError('rows', expected, 'none')
    return scores.relative_mean_corruption_error(
      self._error_rates(),
      1 - self.clean_accuracy,
      self.baseline.errors,
      self.baseline.clean_error,
    )

  def _error_rates(self) -> dict[str, Any]:
    """Error by corruption: in order, or for AlexNet by severity."""
    if self.reference is not None:
      return references.rates(self)
    return {
      name: {row.severity: row.error for row in rows}
      for name, rows in self.by_corruption.items()
      if not rows[0].is_clean
    }

  @property
  def summary(self) -> dict[str, float]:
    """Those of the figures over sets that there are, by name."""
    figures = {
      name: getattr(self, name)
      for name in (
        'accuracy',
        'corrupted_accuracy',
        'clean_accuracy',
        'top5_accuracy',
        'calibration_error',
      )
    }
    for name in ('mce', 'relative_mce'):
      try:
        figures[name] = getattr(self, name)
      except errors.InputError:
        continue  # A part of the benchmark.
    return {
      k: v for k, v in figures.items() if v is not None and not math.isnan(v)
    }

  def to_dict(self) -> dict[str, Any]:
    """All of it, as plain Python values; what is None is left out."""
    about = {
      'benchmark': self.benchmark,
      'source': self.source,
      'origin': self.origin,
      'processing': list(self.processing) or None,
      'intervals': self.intervals
      and {name: list(ends) for name, ends in self.intervals.items()},
    }
    baseline = self.baseline
    if baseline is not None:
      about['reference'] = baseline.name
    if self.reference is not None:
      about['reference_errors'] = {
        name: list(rates) for name, rates in self.reference.errors.items()
      }
      about['reference_clean_error'] = self.reference.clean_error
    about = {k: v for k, v in about.items() if v is not None}
    return (
      about | self.summary | {'rows': [rows_lib.to_dict(r) for r in self.rows]}
    )

  @classmethod
  def from_dict(cls, content: Mapping[str, Any]) -> 'Results':
    """What `to_dict` gave, also in an earlier version.

    Args:
      content: what a file says; others may have written it.

    Returns:
      The `Results`.

    Raises:
      errors.InputError: if an entry is missing, or cannot be of results.
    """
    if not isinstance(content, Mapping):
      raise errors.InputError('results', 'an object', checks.shown(content))
    for name, kind in (('benchmark', str), ('source', str), ('rows', list)):
      if not isinstance(content.get(name), kind):
        expected = 'a list' if kind is list else 'text'
        got = checks.shown(content.get(name))
        raise errors.InputError(f'results, {name}', expected, got)
    checks.file_name('results, benchmark', content['benchmark'])
    rows = tuple(
      rows_lib.from_dict(row, f'results, rows[{number}]')
      for number, row in enumerate(content['rows'])
    )
    return cls(
      content['benchmark'],
      content['source'],
      rows,
      content.get('origin'),
      tuple(content.get('processing') or ()),
      _read_intervals(content.get('intervals')),
      references.from_dict(content),
    )

  def to_records(self) -> list[dict[str, Any]]:
    """One flat dictionary per set: the columns of a table."""
    try:
      by_corruption = self.corruption_errors or {}
    except errors.InputError:
      by_corruption = {}  # A part of the benchmark.
    return [
      {
        'benchmark': self.benchmark,
        'corruption': row.corruption,
        'amount': row.amount,
        'severity': row.severity,
        'correct': row.correct,
        'total': row.total,
        'accuracy': row.accuracy,
        'error': row.error,
        'top5_accuracy': row.top5_accuracy,
        'calibration_error': row.calibration_error,
        'corruption_error': by_corruption.get(row.corruption),
        'reference': self.baseline.name if by_corruption else None,
      }
      for row in self.rows
    ]

  def to_pandas(self):
    """A pandas.DataFrame with one line per set.

    Raises:
      errors.InputError: if pandas is not installed.
    """
    try:
      import pandas  # pylint: disable=g-import-not-at-top
    except ImportError as error:
      expected = 'the package pandas (pip install pandas)'
      raise errors.InputError('to_pandas', expected, 'none') from error
    return pandas.DataFrame(self.to_records())

  def to_markdown(self, name: str = 'accuracy %') -> str:
    """A table with one line per set or corruption, and the means."""
    return tables.to_markdown({name: self})


def _read_intervals(content: Any) -> dict[str, tuple[float, float]] | None:
  """Intervals from a file, checked."""
  if content is None:
    return None
  field = 'results, intervals'
  if not isinstance(content, Mapping):
    raise errors.InputError(field, 'an object', checks.shown(content))
  for name, ends in content.items():
    if not isinstance(ends, list | tuple) or len(ends) != 2:
      raise errors.InputError(
        f'{field}, {name}', 'two numbers', checks.shown(ends)
      )
    for end in ends:
      errors.check_range(f'{field}, {name}', end, high=1.0)
  return {name: tuple(ends) for name, ends in content.items()}


def to_json(content: Mapping[str, Any]) -> str:
  """Indented JSON, with lists of numbers on one line.

  Args:
    content: what to write.

  Returns:
    The text.

  Raises:
    errors.InputError: if JSON cannot hold it.
  """
  try:
    text = json.dumps(content, indent=2)
  except (TypeError, ValueError, RecursionError) as error:
    expected = 'what JSON can hold'
    raise errors.InputError('content', expected, str(error)) from error
  numbers = re.compile(r'\[\n([-+.\deE,\s]+)\n\s*\]')  # Never in a string.
  one_line = lambda match: f'[{" ".join(match[1].split())}]'
  return numbers.sub(one_line, text) + '\n'


def _mean(values) -> float:
  """The plain mean; nan of nothing."""
  values = list(values)
  return sum(values) / len(values) if values else math.nan


def _mean_or_none(values) -> float | None:
  values = list(values)
  return None if None in values else _mean(values)
