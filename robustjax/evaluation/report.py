"""Results as files: JSON, CSV, Markdown and figures."""

from collections.abc import Mapping
import csv
import io
import os
import pathlib
from typing import Any

from robustjax import errors
from robustjax import files
from robustjax.evaluation import checks
from robustjax.evaluation import plots
from robustjax.evaluation import results
from robustjax.evaluation import tables

_MAX_CLASSES = 20  # whose accuracies are printed; of more they are in the JSON


def save(
  table: Mapping[str, results.Results],
  folder: str | os.PathLike,
  *,
  details: Mapping[str, Any] | None = None,
) -> list[pathlib.Path]:
  """Writes `BENCHMARK.json`, `.csv`, `.md` and `.png`.

  Also `BENCHMARK-curves.png`, where there are several severities or amounts.

  Args:
    table: results on one benchmark, by name of the classifier.
    folder: created if need be; files of the same names are replaced.
    details: what else a reader has to know: hardware, versions, seeds.

  Returns:
    The paths written.

  Raises:
    errors.InputError: if the results are not on the same sets, a name cannot be
      a file's, or the files cannot be written.
  """
  tables.common_labels(table)
  if details is not None and not isinstance(details, Mapping):
    raise errors.InputError('details', 'a mapping', checks.shown(details))
  folder = checks.path('folder', folder)
  benchmark = next(iter(table.values())).benchmark
  checks.file_name('benchmark', benchmark)
  paths = [
    folder / f'{benchmark}.{end}' for end in ('json', 'csv', 'md', 'png')
  ]
  details = dict(details or {})
  _write_json(paths[0], table, details)
  _write_csv(paths[1], table)
  files.write_text(paths[2], _document(table, details))
  plots.bars(table, paths[3])
  if plots.has_curves(next(iter(table.values()))):
    paths.append(folder / f'{benchmark}-curves.png')
    plots.curves(table, paths[-1])
  return paths


def _write_json(path, table, details) -> None:
  content = {
    'details': details,
    'results': {name: r.to_dict() for name, r in table.items()},
  }
  files.write_text(path, results.to_json(content))


def _write_csv(path, table) -> None:
  """One line per classifier and set."""
  lines = [
    {'classifier': name} | record
    for name, found in table.items()
    for record in found.to_records()
  ]
  text = io.StringIO(newline='')
  writer = csv.DictWriter(text, lines[0])
  writer.writeheader()
  writer.writerows(lines)
  files.write_text(path, text.getvalue())


def _document(table, details) -> str:
  first = next(iter(table.values()))
  lines = [
    f'# {first.benchmark}: accuracy %',
    '',
    *_about_images(table),
    '',
    tables.to_markdown(table),
  ]
  if all('mce' in found.summary for found in table.values()):
    names = tables.reference_names(table)
    lines += [f'Corruption errors (CE), {names} being 100:', '', _errors(table)]
  if _has_few_classes(table):
    title = 'By class, over the images of all sets:'
    lines += [title, '', tables.class_table(table)]
  lines += [f'- {name}: {value}' for name, value in details.items()]
  return '\n'.join(lines) + '\n'


def _about_images(table) -> list[str]:
  """What the images are, by classifier where they are not the same."""
  about = {name: _about(found) for name, found in table.items()}
  if len(set(about.values())) == 1:
    return [f'Images: {next(iter(about.values()))}.']
  return [f'Images for {name}: {one}.  ' for name, one in about.items()]


def _about(found: results.Results) -> str:
  """What the images are, where from and what was done to them."""
  origin = f' ({found.origin})' if found.origin else ''
  done = f'; {", ".join(found.processing)}' if found.processing else ''
  number = f'{found.rows[0].total} per set, each once'
  return f'{found.source}{origin}{done}; {number}'


def _errors(table) -> str:
  """CE by corruption as a Markdown table."""
  every = [found.corruption_errors for found in table.values()]
  lines = [(name, *(f'{one[name]:.1f}' for one in every)) for name in every[0]]
  return tables.markdown([('corruption', *table), *lines])


def _has_few_classes(table) -> bool:
  """Whether classes were counted, and are few enough to be printed."""
  rows = [row for found in table.values() for row in found.rows]
  return all(
    row.class_total is not None and len(row.class_total) <= _MAX_CLASSES
    for row in rows
  )
