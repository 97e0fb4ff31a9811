"""What a classifier got right on the sets of a benchmark."""

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

from robustjax import errors

CLEAN = ('identity', 'clean')  # names of the set that is not corrupted


class Row(NamedTuple):
  """Top-1 results on one set.

  Attributes:
    corruption: name of the corruption, or one of `CLEAN`.
    amount: its strength where it has one, else None.
    correct: number of images classified right.
    total: number of images.
  """

  corruption: str
  amount: float | None
  correct: int
  total: int

  @property
  def accuracy(self) -> float:
    """Share of images classified right, in [0, 1]."""
    return self.correct / self.total

  @property
  def label(self) -> str:
    """The corruption, with its amount if it has one."""
    if self.amount is None:
      return self.corruption
    return f'{self.corruption} {self.amount:g}'


class Results(NamedTuple):
  """Top-1 results on all sets of a benchmark.

  Attributes:
    benchmark: name of the benchmark.
    source: what the images are.
    rows: one per set.
  """

  benchmark: str
  source: str
  rows: tuple[Row, ...]

  @property
  def accuracy(self) -> float:
    """Plain mean of the accuracies of all sets, the clean one included."""
    return _mean(row.accuracy for row in self.rows)

  @property
  def corrupted_accuracy(self) -> float:
    """Plain mean of the accuracies of the sets that are corrupted."""
    return _mean(
      row.accuracy for row in self.rows if row.corruption not in CLEAN
    )

  @property
  def per_set(self) -> Mapping[str, float]:
    """Accuracy by set."""
    return {row.label: row.accuracy for row in self.rows}

  def to_dict(self) -> dict[str, Any]:
    """All of it, as plain Python values."""
    return {
      'benchmark': self.benchmark,
      'source': self.source,
      'accuracy': self.accuracy,
      'corrupted_accuracy': self.corrupted_accuracy,
      'rows': [row._asdict() | {'accuracy': row.accuracy} for row in self.rows],
    }

  @classmethod
  def from_dict(cls, content: Mapping[str, Any]) -> 'Results':
    """What `to_dict` gave."""
    rows = tuple(
      Row(*(row[field] for field in Row._fields)) for row in content['rows']
    )
    return cls(content['benchmark'], content['source'], rows)

  def to_markdown(self, name: str = 'accuracy %') -> str:
    """A table with one line per set, and both means."""
    return to_markdown({name: self})


def to_markdown(table: Mapping[str, Results]) -> str:
  """A Markdown table of accuracies in per cent, one column per classifier.

  Args:
    table: results on one benchmark, by name of the classifier.

  Returns:
    One line per set; above them the means over all sets and over those that are
    corrupted.

  Raises:
    errors.InputError: if the results are not on the same sets.
  """
  labels = common_labels(table)
  first = next(iter(table.values()))
  num_corrupted = sum(row.corruption not in CLEAN for row in first.rows)
  lines = [
    ('set', *table),
    ('---', *('---:' for _ in table)),
    (
      f'**mean of all {len(labels)} sets**',
      *(f'**{100 * r.accuracy:.2f}**' for r in table.values()),
    ),
    (
      f'mean of the {num_corrupted} corrupted sets',
      *(f'{100 * r.corrupted_accuracy:.2f}' for r in table.values()),
    ),
  ]
  for label in labels:
    cells = (f'{100 * r.per_set[label]:.2f}' for r in table.values())
    lines.append((label, *cells))
  return '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def common_labels(table: Mapping[str, Results]) -> list[str]:
  """The labels of the sets, which must be the same for every classifier.

  Args:
    table: results, by name of the classifier.

  Returns:
    The labels, in order.

  Raises:
    errors.InputError: if there are no results, or they are not on the same
    sets.
  """
  if not table:
    raise errors.InputError('table', 'at least one classifier', 'none')
  every = {name: [row.label for row in r.rows] for name, r in table.items()}
  labels = next(iter(every.values()))
  for name, others in every.items():
    if others != labels:
      expected = 'results on the same sets for every classifier'
      raise errors.InputError('table', expected, f'{name} with other sets')
  return labels


def _mean(values) -> float:
  values = list(values)
  return sum(values) / len(values)
