"""A published table or figure of many runs, drawn: ours beside the paper's."""

from robustjax.evaluation import canvas
from robustjax.evaluation import statistics
from robustjax.papers import claims
from robustjax.papers import tables

Found = claims.Found
_BAR_WIDTH = 0.85  # of a group's share of the axis, divided among the rows


def draw(table: tables.Table, found: Found):
  """A Matplotlib figure of what was found, by the table's `drawing`.

  Args:
    table: as published.
    found: by cell and seed; cells may be missing.

  Returns:
    The figure.
  """
  return DRAWINGS[table.drawing](table, found)


def _label(table: tables.Table) -> str:
  return f'{table.shows} %'


def _summary(values) -> tuple[float, float]:
  """Mean and deviation of shares, in per cent; no deviation of one value."""
  one = statistics.summarize(values)
  return 100 * one.mean, 0.0 if one.n == 1 else 100 * one.deviation


def curves(table: tables.Table, found: Found):
  """Means over the columns' numbers with deviations, a curve per row."""
  panels = table.panels
  width = min(len(panels), 3 if len(panels) % 3 == 0 else 2)  # full lines
  height = -(-len(panels) // width)
  figure = canvas.new_figure(2 + 4.5 * width, 0.5 + 4 * height)
  grid = figure.subplots(height, width, squeeze=False)
  for axes, panel in zip(grid.flat, panels, strict=False):
    _draw_panel(axes, table, panel, found)
  for axes in grid.flat[len(panels) :]:
    axes.set_axis_off()
  for row in grid:
    row[0].set_ylabel(_label(table))
  return figure


def _draw_panel(axes, table, panel: tables.Panel, found: Found) -> None:
  for row in panel.rows or table.rows:
    points = {
      number: _summary(found[row, column].values())
      for column, number in panel.columns.items()
      if found.get((row, column))
    }
    if not points:
      continue
    means, deviations = zip(*points.values(), strict=True)
    axes.errorbar(
      list(points), means, deviations, marker='o', markersize=4, capsize=3,
      label=row,
    )  # fmt: skip
  if panel.mark is not None:
    axes.axvline(panel.mark, color='tab:gray', linestyle='--')
  if panel.is_logarithmic:
    axes.set_xscale('log')
  axes.set(title=panel.title, xlabel=panel.axis)
  axes.grid(alpha=0.3)
  if axes.get_legend_handles_labels()[0]:
    axes.legend(fontsize='small')


def bars(table: tables.Table, found: Found):
  """A group of bars per column, a bar per row; what is published in grey."""
  rows, columns = table.rows, table.columns
  width = _BAR_WIDTH / len(rows)
  figure = canvas.new_figure(3 + 0.25 * len(rows) * len(columns), 4.5)
  axes = figure.subplots()
  for number, row in enumerate(rows):
    places = [group + number * width for group in range(len(columns))]
    shown = [
      (place, *_summary(found[row, column].values()))
      for place, column in zip(places, columns, strict=True)
      if found.get((row, column))
    ]
    if shown:
      at, means, deviations = zip(*shown, strict=True)
      axes.bar(at, means, width, yerr=deviations, capsize=2, label=row)
    for place, column in zip(places, columns, strict=True):
      _draw_published(axes, place, table.cells[row, column], width)
  middle = _BAR_WIDTH / 2 - width / 2
  axes.set_xticks([group + middle for group in range(len(columns))], columns)
  axes.tick_params('x', rotation=20 if len(columns) > 2 else 0)
  axes.set_ylabel(_label(table))
  axes.grid(axis='y', alpha=0.3)
  _legend(figure, axes)
  return figure


def _draw_published(axes, place: float, cell: tables.Cell, width: float):
  """A number, or the ends of a range that are known, as lines."""
  ends = cell.between or (cell.mean, cell.mean)
  known = [end for end in ends if end is not None]
  style = {'color': 'black', 'label': 'paper'}
  if known:
    axes.hlines(known, place - width / 2, place + width / 2, **style)
  if len(set(known)) == 2:
    axes.vlines(place, *known, **style)


def points(table: tables.Table, found: Found):
  """Our seeds and their means beside the paper's means, axes per column."""
  rows, columns = table.rows, table.columns
  figure = canvas.new_figure(2 + 2.2 * len(columns), 4.5)
  axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
  for axis, column in zip(axes, columns, strict=True):
    for place, row in enumerate(rows):
      values = found.get((row, column))
      _draw_points(axis, place, table.cells[row, column], values)
    axis.set_title(column)
    axis.set_xticks(range(len(rows)), rows, rotation=90)
    axis.grid(axis='y', alpha=0.3)
  axes[0].set_ylabel(_label(table))
  _legend(figure, axes[0])
  return figure


def _draw_points(axis, place: int, cell: tables.Cell, values) -> None:
  if cell.mean is not None:
    axis.errorbar(
      [place + 0.2],
      [cell.mean],
      [cell.deviation or 0],
      fmt='s',
      color='tab:gray',
      label='paper, mean and deviation',
    )
  elif cell.between is not None:
    _draw_published(axis, place + 0.2, cell, 0.3)
  if values:
    percent = [100 * value for value in values.values()]
    style = {'color': 'tab:blue'}
    at = [place - 0.2] * len(percent)
    axis.plot(at, percent, '.', label='seeds', **style)
    mean = [sum(percent) / len(percent)] * 2
    ends = [place - 0.4, place]
    axis.plot(ends, mean, linewidth=2, label='their mean', **style)


def _legend(figure, axes) -> None:
  """One entry for all that have one name, below the axes."""
  handles, labels = axes.get_legend_handles_labels()
  named = dict(zip(labels, handles, strict=True))
  figure.legend(
    named.values(),
    named.keys(),
    loc='outside lower center',
    ncols=3,
    frameon=False,
  )


DRAWINGS = {'points': points, 'bars': bars, 'curves': curves}
