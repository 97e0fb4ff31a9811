"""What a classifier got right on one set of images, as counts."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from robustjax import errors
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
    strength = self.strength
    return self.corruption + ('' if strength is None else f' {strength:g}')

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
  """
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
    errors.InputError: if a row was not counted by class.
  """
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


def from_dict(content: Mapping[str, Any]) -> Row:
  """What `to_dict` gave, also before there were the later fields."""
  values = {name: content[name] for name in Row._fields if name in content}
  return Row(
    **{
      name: tuple(value) if isinstance(value, list) else value
      for name, value in values.items()
    }
  )
