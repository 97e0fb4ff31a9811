"""What a classifier got right on one set of images, as counts."""

from collections.abc import Mapping
from collections.abc import Sequence
import operator
from typing import Any
from typing import NamedTuple

import numpy as np

from robustjax import errors
from robustjax.evaluation import checks
from robustjax.evaluation import predictions

CLEAN = ('identity', 'clean')  # names of the set that is not corrupted


class Row(NamedTuple):
  """Results on one set.

  Attributes:
    corruption: name of the corruption, or one of `CLEAN`.
    amount: its strength where that is a number with a unit, else None.
    correct: number of images classified right.
    total: number of images.
    severity: its strength where that is a level, 1 to 5, else None.
    top5_correct: number of images with the true class among the five most
      likely; None with five classes or fewer.
    calibration_error: `predictions.expected_calibration_error`.
    class_correct: number of images classified right by class, C integers.
    class_total: number of images by class, C integers.
    class_taken: number of images by the class they are taken for, C integers.
  """

  corruption: str
  amount: float | None
  correct: int
  total: int
  severity: int | None = None
  top5_correct: int | None = None
  calibration_error: float | None = None
  class_correct: tuple[int, ...] | None = None
  class_total: tuple[int, ...] | None = None
  class_taken: tuple[int, ...] | None = None

  @property
  def accuracy(self) -> float:
    """Share of images classified right, in [0, 1]."""
    return self.correct / self.total

  @property
  def error(self) -> float:
    """Share of images classified wrong, in [0, 1]."""
    return (self.total - self.correct) / self.total

  @property
  def top5_accuracy(self) -> float | None:
    """Share of images with the true class among five."""
    return None if self.top5_correct is None else self.top5_correct / self.total

  @property
  def is_clean(self) -> bool:
    """Whether this is the set that is not corrupted."""
    return self.corruption in CLEAN

  @property
  def strength(self) -> float | None:
    """The amount or the severity, whichever it has."""
    return self.severity if self.amount is None else self.amount

  @property
  def label(self) -> str:
    """The corruption, with its amount or severity if it has one."""
    return label_of(self.corruption, self.strength)

  @property
  def per_class(self) -> dict[int, float]:
    """Accuracy by class; classes without images are left out.

    Raises:
      errors.InputError: if the results were not counted by class.
    """
    return per_class([self])

  @property
  def class_scores(self) -> predictions.ClassScores:
    """Support-weighted precision, recall and F1.

    Raises:
      errors.InputError: if the results were not counted by class.
    """
    counts = self.class_correct, self.class_total, self.class_taken
    if None in counts:
      expected = 'results counted by class'
      raise errors.InputError(
        'class_scores', expected, 'those of an earlier version'
      )
    return predictions.weighted_scores(*map(np.asarray, counts))


def label_of(corruption: str, strength: float | None) -> str:
  """What tables call a set."""
  return corruption + ('' if strength is None else f' {strength:g}')


def row_of(
  found: predictions.Predictions,
  corruption: str,
  *,
  amount: float | None = None,
  severity: int | None = None,
) -> Row:
  """Sums up predictions.

  Args:
    found: what a classifier says of the images of a set.
    corruption: name of the corruption, or one of `CLEAN`.
    amount: its strength, or None.
    severity: its level, or None.

  Returns:
    The `Row`.

  Raises:
    errors.InputError: on what are no predictions, or no name or strength.
  """
  if not isinstance(found, predictions.Predictions):
    expected = 'predictions of a set'
    raise errors.InputError('found', expected, checks.shown(found))
  checks.file_name('corruption', corruption)
  if amount is not None:
    errors.check_range('amount', amount)
  if severity is not None:
    errors.check_integer('severity', severity)
  top5_correct = found.top5_correct
  return Row(
    corruption,
    amount,
    *found.counts,
    severity=severity,
    top5_correct=None if top5_correct is None else int(top5_correct.sum()),
    calibration_error=found.calibration_error,
    class_correct=tuple(found.class_correct.tolist()),
    class_total=tuple(found.class_total.tolist()),
    class_taken=tuple(found.class_taken.tolist()),
  )


def per_class(rows: Sequence[Row]) -> dict[int, float]:
  """Accuracy by class over the images of several sets.

  Args:
    rows: results on the sets.

  Returns:
    Accuracy in [0, 1] by class; classes without images are left out.

  Raises:
    errors.InputError: if there are no rows, or one was not counted by class.
  """
  rows = checks.items('rows', rows, 'row')
  for row in rows:
    if not isinstance(row, Row):
      raise errors.InputError('rows', 'results on sets', checks.shown(row))
  if any(row.class_correct is None for row in rows):
    expected = 'results counted by class'
    raise errors.InputError(
      'per_class', expected, 'those of an earlier version'
    )
  correct = map(sum, zip(*(row.class_correct for row in rows), strict=True))
  total = map(sum, zip(*(row.class_total for row in rows), strict=True))
  pairs = enumerate(zip(correct, total, strict=True))
  return {label: right / count for label, (right, count) in pairs if count}


def to_dict(row: Row) -> dict[str, Any]:
  """A row as plain Python values; later fields are left out where None."""
  optional = Row._field_defaults
  content = {
    name: list(value) if isinstance(value, tuple) else value
    for name, value in row._asdict().items()
    if value is not None or name not in optional
  }
  return content | {'accuracy': row.accuracy}


def from_dict(content: Mapping[str, Any], field: str = 'row') -> Row:
  """What `to_dict` gave, also before there were the later fields.

  Args:
    content: what a file says of a row.
    field: name to report.

  Returns:
    The `Row`.

  Raises:
    errors.InputError: if an entry is missing, or cannot be of results.
  """
  if not isinstance(content, Mapping):
    raise errors.InputError(field, 'an object', checks.shown(content))
  values = {name: content.get(name) for name in Row._fields}
  checks.file_name(f'{field}, corruption', values['corruption'])
  errors.check_integer(f'{field}, total', values['total'], low=1)
  total = values['total']
  errors.check_integer(f'{field}, correct', values['correct'], high=total)
  if values['top5_correct'] is not None:
    errors.check_integer(
      f'{field}, top5_correct', values['top5_correct'], high=total
    )
  if values['severity'] is not None:
    errors.check_integer(f'{field}, severity', values['severity'])
  for name in ('amount', 'calibration_error'):
    if values[name] is not None:
      errors.check_range(f'{field}, {name}', values[name])
  return Row(**values | _by_class(values, field))


def _by_class(values: Mapping[str, Any], field: str) -> dict[str, Any]:
  """The counts by class as tuples, checked against those of all classes."""
  found = {}
  for name in [name for name in values if name.startswith('class_')]:
    counts, place = values[name], f'{field}, {name}'
    if counts is not None:
      if not isinstance(counts, list | tuple):
        expected = 'a list of numbers of images'
        raise errors.InputError(place, expected, checks.shown(counts))
      for count in counts:
        errors.check_integer(place, count)
      total = values['correct' if name == 'class_correct' else 'total']
      if sum(counts) != total:
        expected = f'numbers of images that add up to {total}'
        raise errors.InputError(place, expected, str(sum(counts)))
    found[name] = counts and tuple(counts)
  right, total = (found[f'class_{name}'] or () for name in ('correct', 'total'))
  if len(right) != len(total) or any(map(operator.gt, right, total)):
    expected = 'for each class at most its number in class_total'
    raise errors.InputError(f'{field}, class_correct', expected, 'others')
  return found
