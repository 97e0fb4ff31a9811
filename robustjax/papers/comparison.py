"""Ours beside the paper's: tables in Markdown, CSV and JSON, and a figure."""

from collections.abc import Iterable
from collections.abc import Mapping
import csv
import io
import math
import pathlib
from typing import Any

from robustjax import files
from robustjax.evaluation import canvas
from robustjax.evaluation import statistics
from robustjax.evaluation import tables as markdown_tables
from robustjax.papers import claims
from robustjax.papers import drawing
from robustjax.papers import model_sizes
from robustjax.papers import tables

Found = claims.Found
# Other shares of the same runs, by what they are of.
Others = Mapping[str, Found]
Sizes = Mapping[str, model_sizes.ModelSize]


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
  if cell.between is not None:
    low, high = cell.between
    return f'up to {high:.2f}' if low is None else f'{low:.2f} to {high:.2f}'
  if cell.mean is None:
    return 'none'
  if cell.deviation is None:
    return f'{cell.mean:.2f}'
  return f'{cell.mean:.2f} ± {cell.deviation:.2f}'


def _difference(found: statistics.Summary | None) -> str:
  if found is None:
    return '-'
  shown = f'{100 * found.mean:+.2f}'
  if found.n > 1:
    shown += f' ±{_percent(found.half_width)}'
  return f'{shown} (n {found.n})'


def _markdown(cells: Iterable[Iterable[str]]) -> str:
  """A table; the first line is its head."""
  return markdown_tables.markdown([list(line) for line in cells]).rstrip()


def _parts(table: tables.Table) -> list[tuple[str, list[str], list[str]]]:
  """Title, rows and columns of what is printed as one table each."""
  if not table.panels:
    return [('', table.rows, table.columns)]
  return [
    (panel.title, list(panel.rows or table.rows), list(panel.columns))
    for panel in table.panels
  ]


def _grids(table: tables.Table, corner: str, text) -> list[str]:
  """`text` of every cell, a table for each panel: columns that are numbers."""
  found = []
  for title, rows, columns in _parts(table):
    if title:
      found += [f'{title}:', '']
    lines = [(row, *(text(row, column) for column in columns)) for row in rows]
    found += [_markdown([(corner, *columns), *lines]), '']
  return found


def to_markdown(
  name: str,
  table: tables.Table,
  found: Found,
  remarks: Mapping[str, Any],
  others: Others | None = None,
  sizes: Sizes | None = None,
) -> str:
  """The table as published and as found here.

  Args:
    name: `PAPER/NUMBER`.
    table: as published.
    found: by cell and seed; cells may be missing.
    remarks: what a reader has to know of the runs: epochs, hardware, versions.
    others: more that was measured of the same runs, such as clean accuracy.
    sizes: of the models, by row.

  Returns:
    Markdown: ours, theirs, the paired differences to the reference row, what
    the paper says and whether it holds, and the other measures.
  """
  parts = [f'# {name}: {table.title}', '']
  parts += [f'- {key}: {value}' for key, value in remarks.items()]
  parts += [f'- {remark}' for remark in table.remarks]
  parts += ['', f'Ours, {_over_seeds(table)}:', '']
  parts += _grids(table, 'ours', lambda r, c: _ours(found.get((r, c), {})))
  parts += _paper(table)
  parts += [_about_differences(table), '']
  parts += _grids(table, 'difference', _differences(table, found))
  parts += _sizes(sizes or {}, table)
  parts += _claims(table, found)
  for what, other in (others or {}).items():
    parts += [f'Ours, {what}, {_over_seeds(table, what="")}:', '']
    parts += _grids(
      table, 'ours', lambda r, c, other=other: _ours(other.get((r, c), {}))
    )
  return '\n'.join(parts).rstrip() + '\n'


def _over_seeds(table: tables.Table, what: str | None = None) -> str:
  what = f'{table.shows}, ' if what is None else what
  return f'{what}mean ± standard deviation over seeds, %'


def _paper(table: tables.Table) -> list[str]:
  if not table.has_published_values:
    return [f'The paper has {table.note}.', '']
  text = lambda r, c: _published(table.cells[r, c])
  return [f'The paper, {table.note}, %:', '', *_grids(table, 'paper', text)]


def _about_differences(table: tables.Table) -> str:
  references = set(map(table.reference_of, table.rows))
  named = table.reference if len(references) == 1 else 'reference row'
  better = 'below' if table.shows in tables.LOWER_IS_BETTER else 'above'
  return (
    f'Ours minus our {named}, paired by seed, 95 % interval, points; {better} 0'
    ' is better:'
  )


def _differences(table: tables.Table, found: Found):
  def text(row, column):
    reference = table.reference_of(row)
    if row == reference:
      return '0'
    pair = found.get((row, column), {}), found.get((reference, column), {})
    return _difference(statistics.paired_difference(*pair))

  return text


def _sizes(sizes: Sizes, table: tables.Table) -> list[str]:
  if not sizes:
    return []
  head = ('size', 'parameters', 'paper', 'GFLOPs, counted as there', 'paper',
          'GFLOPs, all layers as here')  # fmt: skip
  lines = []
  for row, one in sizes.items():
    paper = table.sizes[row]
    ours = f'{one.parameters:,}', f'{one.paper_gflops:.4f}'
    theirs = paper.parameters, f'{paper.gflops:g}'
    lines.append(
      (row, ours[0], theirs[0], ours[1], theirs[1], f'{one.gflops:.4f}')
    )
  title = 'Sizes of the models, operations for one image:'
  return [title, '', _markdown([head, *lines]), '']


def _claims(table: tables.Table, found: Found) -> list[str]:
  if not table.claims:
    return []
  lines = claims.to_markdown(table.claims, found)
  return ['What the paper says, judged by our runs:', '', lines]


def to_dict(
  name: str,
  table: tables.Table,
  found: Found,
  remarks: Mapping[str, Any],
  others: Others | None = None,
  sizes: Sizes | None = None,
) -> dict[str, Any]:
  """All of it as plain values; accuracies and errors in [0, 1]."""
  cells = []
  for (row, column), cell in table.cells.items():
    values = found.get((row, column), {})
    entry = {
      'row': row,
      'column': column,
      'by_seed': dict(values),
      'published_mean': _share(cell.mean),
      'published_deviation': _share(cell.deviation),
      'published_between': cell.between and [*map(_share, cell.between)],
    }
    for what, other in (others or {}).items():
      entry[what] = dict(other.get((row, column), {}))
    cells.append(entry | _summary(values))
  return {
    'table': name,
    'shows': table.shows,
    'remarks': dict(remarks),
    'cells': cells,
    'claims': claims.judge_all(table.claims, found),
    'sizes': {row: one._asdict() for row, one in (sizes or {}).items()},
  }


def _share(percent: float | None) -> float | None:
  return None if percent is None else percent / 100


def _summary(values: Mapping[int, float]) -> dict[str, float | None]:
  if not values:
    return {}
  summary = statistics.summarize(values.values())._asdict()
  return {k: None if math.isnan(v) else v for k, v in summary.items()}


def save(
  name: str,
  table: tables.Table,
  found: Found,
  remarks: Mapping[str, Any],
  folder: pathlib.Path,
  *,
  others: Others | None = None,
  sizes: Sizes | None = None,
  suffix: str = '',
) -> list[pathlib.Path]:
  """Writes a table or its curves as .json, .csv, .md and .png.

  Args:
    name: `PAPER/NUMBER`.
    table: as published.
    found: by cell and seed; cells may be missing.
    remarks: what a reader has to know of the runs.
    folder: created if need be; files of the same names are replaced.
    others: more that was measured of the same runs.
    sizes: of the models, by row.
    suffix: of the files' names, for runs that are not the paper's.

  Returns:
    The paths written: `PAPER-table-NUMBER` or `PAPER-figure-NUMBER`.

  Raises:
    errors.InputError: if they cannot be written.
  """
  kind = 'figure' if table.is_figure else 'table'
  stem = name.replace('/', f'-{kind}-') + suffix
  paths = [folder / f'{stem}.{end}' for end in ('json', 'csv', 'md', 'png')]
  files.write_json(
    paths[0], to_dict(name, table, found, remarks, others, sizes)
  )
  files.write_text(paths[1], _to_csv(table, found))
  text = to_markdown(name, table, found, remarks, others, sizes)
  files.write_text(paths[2], text)
  title = f'{name}: {table.title}'
  if 'scale' in remarks:
    title += f'\n{remarks["scale"]}'
  figure = drawing.draw(table, found)
  figure.suptitle(title)
  canvas.save(figure, paths[3])
  return paths


def _to_csv(table: tables.Table, found: Found) -> str:
  text = io.StringIO(newline='')
  writer = csv.writer(text)
  writer.writerow(('row', 'column', 'seed', table.shows))
  for (row, column), values in found.items():
    for seed, value in values.items():
      writer.writerow((row, column, seed, value))
  return text.getvalue()
