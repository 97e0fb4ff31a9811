"""Ours beside the paper's: tables in Markdown, CSV and JSON, and a figure."""

from collections.abc import Mapping
import csv
import json
import math
import pathlib
from typing import Any

from robustjax.evaluation import canvas
from robustjax.evaluation import statistics
from robustjax.papers import tables

# Accuracy in [0, 1] by seed, for each (row, column) measured so far.
Found = Mapping[tuple[str, str], Mapping[int, float]]
# Other accuracies of the same runs, by what they are of.
Others = Mapping[str, Found]


def _percent(value: float) -> str:
  return f'{100 * value:.2f}'


def _ours(values: Mapping[int, float]) -> str:
  if not values:
    return '-'
  found = statistics.summarize(values.values())
  if found.n == 1:
    return f'{_percent(found.mean)} (n 1)'
  interval = f'95 % ±{_percent(found.half_width)}'
  return (
    f'{_percent(found.mean)} ± {_percent(found.deviation)}'
    f' ({interval}, n {found.n})'
  )


def _published(cell: tables.Cell) -> str:
  if cell.mean is None:
    return 'unreadable'
  return f'{cell.mean:.2f} ± {cell.deviation:.2f}'


def _difference(found: statistics.Summary | None) -> str:
  if found is None:
    return '-'
  shown = f'{100 * found.mean:+.2f}'
  if found.n > 1:
    shown += f' ±{_percent(found.half_width)}'
  return f'{shown} (n {found.n})'


def _grid(table: tables.Table, corner: str, text) -> list[str]:
  lines = [(corner, *table.columns), ('---', *('---:' for _ in table.columns))]
  for row in table.rows:
    lines.append((row, *(text(row, column) for column in table.columns)))
  return [f'| {" | ".join(line)} |' for line in lines]


def to_markdown(
  name: str,
  table: tables.Table,
  found: Found,
  remarks: Mapping[str, Any],
  others: Others | None = None,
) -> str:
  """The table as published and as found here.

  Args:
    name: `PAPER/NUMBER`.
    table: as published.
    found: accuracy by seed for each cell; cells may be missing.
    remarks: what a reader has to know of the runs: epochs, hardware, versions.
    others: more accuracies of the same runs, such as the clean one.

  Returns:
    Markdown: ours, theirs, the paired differences to the reference row, and the
    other accuracies.
  """

  def values(row, column):
    return found.get((row, column), {})

  def difference(row, column):
    if row == table.reference:
      return '0'
    reference = values(table.reference, column)
    return _difference(
      statistics.paired_difference(values(row, column), reference)
    )

  parts = [f'# {name}: {table.title}', '']
  parts += [f'- {key}: {value}' for key, value in remarks.items()]
  parts += ['', 'Ours, mean ± standard deviation over seeds, %:', '']
  parts += _grid(table, 'ours', lambda r, c: _ours(values(r, c)))
  if table.has_published_values:
    parts += ['', f'The paper, {table.note}, %:', '']
    parts += _grid(table, 'paper', lambda r, c: _published(table.cells[r, c]))
  else:
    parts += ['', f'The paper has {table.note}.']
  parts += [
    '',
    f'Ours minus our {table.reference}, paired by seed, 95 % interval, points:',
    '',
  ]
  parts += _grid(table, 'difference', difference)
  for what, other in (others or {}).items():
    parts += ['', f'Ours, {what}, mean ± standard deviation over seeds, %:', '']
    parts += _grid(
      table, 'ours', lambda r, c, other=other: _ours(other.get((r, c), {}))
    )
  return '\n'.join(parts) + '\n'


def to_dict(
  name: str,
  table: tables.Table,
  found: Found,
  remarks: Mapping[str, Any],
  others: Others | None = None,
) -> dict[str, Any]:
  """All of it as plain values; accuracies in [0, 1]."""
  cells = []
  for (row, column), cell in table.cells.items():
    values = found.get((row, column), {})
    entry = {
      'row': row,
      'column': column,
      'by_seed': dict(values),
      'published_mean': cell.mean and cell.mean / 100,
      'published_deviation': cell.deviation and cell.deviation / 100,
    }
    for what, other in (others or {}).items():
      entry[what] = dict(other.get((row, column), {}))
    if values:
      summary = statistics.summarize(values.values())._asdict()
      entry |= {
        key: None if math.isnan(value) else value
        for key, value in summary.items()
      }
    cells.append(entry)
  return {'table': name, 'remarks': dict(remarks), 'cells': cells}


def save(
  name: str,
  table: tables.Table,
  found: Found,
  remarks: Mapping[str, Any],
  folder: pathlib.Path,
  *,
  others: Others | None = None,
  suffix: str = '',
) -> list[pathlib.Path]:
  """Writes a table or its curves as .json, .csv, .md and .png.

  Args:
    name: `PAPER/NUMBER`.
    table: as published.
    found: accuracy by seed for each cell; cells may be missing.
    remarks: what a reader has to know of the runs.
    folder: created if need be; files of the same names are replaced.
    others: more accuracies of the same runs.
    suffix: of the files' names, for runs that are not the paper's.

  Returns:
    The paths written: `PAPER-table-NUMBER` or `PAPER-figure-NUMBER`.
  """
  folder.mkdir(parents=True, exist_ok=True)
  stem = name.replace('/', '-figure-' if table.axis else '-table-') + suffix
  paths = [folder / f'{stem}.{end}' for end in ('json', 'csv', 'md', 'png')]
  content = to_dict(name, table, found, remarks, others)
  paths[0].write_text(json.dumps(content, indent=2) + '\n')
  with paths[1].open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(('row', 'column', 'seed', 'accuracy'))
    for (row, column), values in found.items():
      for seed, value in values.items():
        writer.writerow((row, column, seed, value))
  paths[2].write_text(to_markdown(name, table, found, remarks, others))
  title = f'{name}: {table.title}'
  if 'scale' in remarks:
    title += f'\n{remarks["scale"]}'
  figure = plot_curves(table, found) if table.axis else plot(table, found)
  figure.suptitle(title)
  figure.savefig(paths[3], dpi=150)
  return paths


def plot_curves(table: tables.Table, found: Found):
  """A Matplotlib figure: mean accuracy over the columns, a curve per row."""
  figure = canvas.new_figure(7, 4.5)
  axes = figure.subplots()
  for row in table.rows:
    values = {int(c): found.get((row, c), {}) for c in table.columns}
    summaries = {
      size: statistics.summarize(one.values())
      for size, one in values.items()
      if one
    }
    axes.errorbar(
      list(summaries),
      [100 * one.mean for one in summaries.values()],
      [100 * one.deviation for one in summaries.values()],
      marker='o',
      capsize=3,
      label=row,
    )
  if table.mark is not None:
    axes.axvline(table.mark, color='tab:gray', linestyle='--')
  axes.set(xscale='log', xlabel=table.axis, ylabel='accuracy %')
  axes.grid(alpha=0.3)
  axes.legend()
  return figure


def plot(table: tables.Table, found: Found):
  """A Matplotlib figure: our seeds and their means beside the paper's means."""
  rows, columns = table.rows, table.columns
  figure = canvas.new_figure(2 + 2.2 * len(columns), 4.5)
  axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
  for axis, column in zip(axes, columns, strict=True):
    for place, row in enumerate(rows):
      _plot_cell(
        axis, place, table.cells[row, column], found.get((row, column))
      )
    axis.set_title(column)
    axis.set_xticks(range(len(rows)), rows, rotation=90)
    axis.grid(axis='y', alpha=0.3)
  axes[0].set_ylabel('accuracy %')
  handles, labels = axes[0].get_legend_handles_labels()
  named = dict(zip(labels, handles, strict=True))
  figure.legend(
    named.values(),
    named.keys(),
    loc='outside lower center',
    ncols=3,
    frameon=False,
  )
  return figure


def _plot_cell(axis, place: int, cell: tables.Cell, values) -> None:
  if cell.mean is not None:
    axis.errorbar(
      [place + 0.2],
      [cell.mean],
      [cell.deviation],
      fmt='s',
      color='tab:gray',
      label='paper, mean and deviation',
    )
  if values:
    percent = [100 * value for value in values.values()]
    axis.plot(
      [place - 0.2] * len(percent),
      percent,
      '.',
      color='tab:blue',
      label='seeds',
    )
    mean = sum(percent) / len(percent)
    axis.plot(
      [place - 0.4, place],
      [mean, mean],
      color='tab:blue',
      linewidth=2,
      label='their mean',
    )
