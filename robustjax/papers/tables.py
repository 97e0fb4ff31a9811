"""What a published table or figure is, and how each number of it is run."""

from collections.abc import Mapping
from collections.abc import Sequence
import fnmatch
from typing import NamedTuple

from robustjax import errors
from robustjax.papers import claims as claims_lib
from robustjax.papers import measures

Place = claims_lib.Place
LOWER_IS_BETTER = ('error', 'mCE')


class Cell(NamedTuple):
  """One number of a published table.

  Attributes:
    config: file and variant in configs/, such as `noiseout.py:cnn`.
    overrides: fields of the config and their values, as on a command line.
    mean: published, in per cent; None where there is no number, or the paper's
      text is unreadable.
    deviation: published, over the paper's runs; None where there is none.
    between: published, in per cent, where there is a range only: from, to;
      None for an end that is not printed.
    measure: what is measured of the run; None where only its model is used.
  """

  config: str
  overrides: Mapping[str, str]
  mean: float | None = None
  deviation: float | None = None
  between: tuple[float | None, float | None] | None = None
  measure: measures.Measure | None = None

  @property
  def has_published_value(self) -> bool:
    """Whether the paper prints a number or a range."""
    return self.mean is not None or self.between is not None


class Panel(NamedTuple):
  """A part of a figure whose columns are numbers: one pair of axes.

  Attributes:
    title: what it shows.
    axis: what the columns count.
    columns: the numbers, by name of the column.
    rows: its curves; None for all.
    is_logarithmic: whether the axis is.
    mark: a number on the axis to mark, or None.
  """

  title: str
  axis: str
  columns: Mapping[str, float]
  rows: tuple[str, ...] | None = None
  is_logarithmic: bool = False
  mark: float | None = None


class Size(NamedTuple):
  """How large a model is, as published.

  Attributes:
    parameters: as printed.
    gflops: billions of operations for one image.
  """

  parameters: str
  gflops: float


class Table(NamedTuple):
  """A published table, or a figure of many runs.

  Attributes:
    title: what it shows.
    cells: by (row, column).
    reference: the row others are compared with, column by column.
    note: how the published figures came about.
    shows: what the numbers are, in per cent: 'accuracy' or another score, or
      one of `LOWER_IS_BETTER`.
    references: rows that are compared with another row, and with which.
    others: more that is measured of the same runs, each on the benchmark of
      the cell.
    drawing: a name in `drawing.DRAWINGS`: points | bars | curves.
    panels: of curves.
    claims: what the paper says of it.
    sizes: published, by row.
    remarks: what a reader of ours has to know besides.
  """

  title: str
  cells: Mapping[Place, Cell]
  reference: str
  note: str
  shows: str = 'accuracy'
  references: Mapping[str, str] = {}
  others: tuple[measures.Measure, ...] = ()
  drawing: str = 'points'
  panels: tuple[Panel, ...] = ()
  claims: tuple[claims_lib.Claim, ...] = ()
  sizes: Mapping[str, Size] = {}
  remarks: tuple[str, ...] = ()

  @property
  def rows(self) -> list[str]:
    """Names of the rows, in order."""
    return list(dict.fromkeys(row for row, _ in self.cells))

  @property
  def columns(self) -> list[str]:
    """Names of the columns, in order."""
    return list(dict.fromkeys(column for _, column in self.cells))

  @property
  def has_published_values(self) -> bool:
    """Whether the paper prints numbers, and not a figure only."""
    return any(cell.has_published_value for cell in self.cells.values())

  @property
  def is_figure(self) -> bool:
    """Whether the paper draws it."""
    return self.drawing != 'points'

  def reference_of(self, row: str) -> str:
    """The row that a row is compared with."""
    return self.references.get(row, self.reference)


def only(
  table: Table, *, rows: Sequence[str] = ('*',), columns: Sequence[str] = ('*',)
) -> Table:
  """A part of a table.

  Args:
    table: the whole.
    rows: patterns of the names of the rows that stay, such as 'CNN*'.
    columns: the same of columns.

  Returns:
    The table with those cells, and the panels that have some of them. Rows that
    others are compared with stay as well.

  Raises:
    errors.InputError: if no row or no column has such a name.
  """
  rows = _matching('rows', table.rows, rows)
  columns = _matching('columns', table.columns, columns)
  rows = {*map(table.reference_of, rows), *rows}
  cells = {
    (row, column): cell
    for (row, column), cell in table.cells.items()
    if row in rows and column in columns
  }
  panels = [_only(panel, rows, columns) for panel in table.panels]
  panels = tuple(panel for panel in panels if panel is not None)
  return table._replace(cells=cells, panels=panels)


def _only(panel: Panel, rows, columns) -> Panel | None:
  """A part of a panel; None if nothing is left."""
  kept = {name: one for name, one in panel.columns.items() if name in columns}
  own = panel.rows and tuple(row for row in panel.rows if row in rows)
  is_empty = not kept or (panel.rows is not None and not own)
  return None if is_empty else panel._replace(columns=kept, rows=own)


def _matching(
  field: str, names: Sequence[str], patterns: Sequence[str]
) -> list[str]:
  found = [
    name
    for name in names
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
  ]
  if not found:
    expected = f'patterns that fit some of {" | ".join(names)}'
    raise errors.InputError(field, expected, ', '.join(patterns))
  return found
