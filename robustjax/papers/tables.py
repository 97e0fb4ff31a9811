"""What a published table is: rows, columns, and how each cell is run."""

from collections.abc import Mapping
from typing import NamedTuple


class Cell(NamedTuple):
  """One cell of a published table.

  Attributes:
    config: file and variant in configs/, such as `noiseout.py:cnn`.
    overrides: fields of the config and their values, as on a command line.
    mean: published, in per cent; None where the paper's text is unreadable.
    deviation: published, over the paper's runs; None where there is none.
  """

  config: str
  overrides: Mapping[str, str]
  mean: float | None
  deviation: float | None


class Table(NamedTuple):
  """A published table of accuracies.

  Attributes:
    title: what it shows.
    benchmark: a name in `evaluation.BENCHMARKS`.
    cells: by (row, column).
    reference: the row others are compared with, column by column.
    note: how the published figures came about.
    axis: what the columns count, where they are numbers and the table is
      printed as curves; else None.
    mark: a number on that axis to mark, or None.
  """

  title: str
  benchmark: str
  cells: Mapping[tuple[str, str], Cell]
  reference: str
  note: str
  axis: str | None = None
  mark: float | None = None

  @property
  def rows(self) -> list[str]:
    """Names of the rows, in order."""
    return list(dict.fromkeys(row for row, _ in self.cells))

  @property
  def has_published_values(self) -> bool:
    """Whether the paper prints numbers, and not a figure only."""
    return any(cell.mean is not None for cell in self.cells.values())

  @property
  def columns(self) -> list[str]:
    """Names of the columns, in order."""
    return list(dict.fromkeys(column for _, column in self.cells))
