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
from robustjax.evaluation import rows as rows_lib
from robustjax.evaluation import scores
from robustjax.evaluation import tables

CLEAN = rows_lib.CLEAN
Row = rows_lib.Row  # its public place


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
  """

  benchmark: str
  source: str
  rows: tuple[Row, ...]
  origin: str | None = None
  processing: tuple[str, ...] = ()
  intervals: Mapping[str, tuple[float, float]] | None = None

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
  def corruption_errors(self) -> Mapping[str, float]:
    """CE by corruption in per cent: see `scores`.

    Raises:
      errors.InputError: on another benchmark than ImageNet-C, or if one of its
        75 sets is missing.
    """
    return scores.corruption_errors(self._error_rates())

  @property
  def mce(self) -> float:
    """Mean corruption error in per cent, 100 being AlexNet's.

    Raises:
      errors.InputError: as `corruption_errors`.
    """
    return scores.mean_corruption_error(self._error_rates())

  @property
  def relative_mce(self) -> float:
    """Relative mean corruption error in per cent: see `scores`.

    Raises:
      errors.InputError: as `corruption_errors`; also without a clean set.
    """
    rates = self._error_rates()
    if self.clean_accuracy is None:
      expected = f'a set that is not corrupted ({" or ".join(CLEAN)})'
      raise errors.InputError('rows', expected, 'none')
    clean_error = 1 - self.clean_accuracy
    return scores.relative_mean_corruption_error(rates, clean_error)

  def _error_rates(self) -> dict[str, dict[int, float]]:
    """Error by corruption and severity, of ImageNet-C only."""
    if self.benchmark != 'imagenet_c':
      # AlexNet's errors are those on ImageNet-C.
      expected = 'imagenet_c, for corruption errors'
      raise errors.InputError('benchmark', expected, self.benchmark)
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
        continue  # Another benchmark, or a part of it.
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
    about = {k: v for k, v in about.items() if v is not None}
    return (
      about | self.summary | {'rows': [rows_lib.to_dict(r) for r in self.rows]}
    )

  @classmethod
  def from_dict(cls, content: Mapping[str, Any]) -> 'Results':
    """What `to_dict` gave, also in an earlier version."""
    intervals = content.get('intervals')
    return cls(
      content['benchmark'],
      content['source'],
      tuple(rows_lib.from_dict(row) for row in content['rows']),
      content.get('origin'),
      tuple(content.get('processing', ())),
      intervals and {name: tuple(ends) for name, ends in intervals.items()},
    )

  def to_records(self) -> list[dict[str, Any]]:
    """One flat dictionary per set: the columns of a table."""
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


def to_json(content: Mapping[str, Any]) -> str:
  """Indented JSON, with lists of numbers on one line."""
  text = json.dumps(content, indent=2)
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
