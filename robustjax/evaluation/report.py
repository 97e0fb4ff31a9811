"""Results as files: JSON, CSV, Markdown and one figure."""

from collections.abc import Mapping
import csv
import json
import os
import pathlib
from typing import Any

from robustjax.evaluation import canvas
from robustjax.evaluation import results

_BAR_HEIGHT = 0.8  # of a set's share of the axis, divided among classifiers


def save(
  table: Mapping[str, results.Results],
  folder: str | os.PathLike,
  *,
  details: Mapping[str, Any] | None = None,
) -> list[pathlib.Path]:
  """Writes `BENCHMARK.json`, `.csv`, `.md` and `.png`.

  Args:
    table: results on one benchmark, by name of the classifier.
    folder: created if need be; files of the same names are replaced.
    details: what else a reader has to know: hardware, versions, seeds.

  Returns:
    The paths written.

  Raises:
    errors.InputError: if the results are not on the same sets.
  """
  results.common_labels(table)
  folder = pathlib.Path(folder).expanduser()
  folder.mkdir(parents=True, exist_ok=True)
  benchmark = next(iter(table.values())).benchmark
  paths = [
    folder / f'{benchmark}.{end}' for end in ('json', 'csv', 'md', 'png')
  ]
  details = dict(details or {})
  _write_json(paths[0], table, details)
  _write_csv(paths[1], table)
  paths[2].write_text(_document(table, details))
  plot(table, paths[3])
  return paths


def _write_json(path, table, details) -> None:
  content = {
    'details': details,
    'results': {name: r.to_dict() for name, r in table.items()},
  }
  path.write_text(json.dumps(content, indent=2) + '\n')


def _write_csv(path, table) -> None:
  fields = ('classifier', 'benchmark', *results.Row._fields, 'accuracy')
  with path.open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(fields)
    for name, found in table.items():
      for row in found.rows:
        writer.writerow((name, found.benchmark, *row, row.accuracy))


def _document(table, details) -> str:
  first = next(iter(table.values()))
  lines = [
    f'# {first.benchmark}: accuracy %',
    '',
    f'Images: {first.source}; {first.rows[0].total} per set, each once.',
    '',
    results.to_markdown(table),
  ]
  lines += [f'- {name}: {value}' for name, value in details.items()]
  return '\n'.join(lines) + '\n'


def plot(table: Mapping[str, results.Results], path: str | os.PathLike) -> None:
  """Draws accuracy by set as horizontal bars, one colour per classifier.

  Args:
    table: results on one benchmark, by name of the classifier.
    path: the image file to write.

  Raises:
    errors.InputError: if the results are not on the same sets.
  """
  labels = results.common_labels(table)
  height = _BAR_HEIGHT / len(table)
  figure = canvas.new_figure(7, 1.5 + 0.28 * len(labels))
  axes = figure.subplots()
  for number, (name, found) in enumerate(table.items()):
    places = [i + number * height for i in range(len(labels))]
    values = [100 * row.accuracy for row in found.rows]
    mean = 100 * found.accuracy
    axes.barh(places, values, height, label=f'{name}, mean {mean:.2f} %')
  middle = _BAR_HEIGHT / 2 - height / 2
  axes.set_yticks([i + middle for i in range(len(labels))], labels)
  axes.invert_yaxis()
  axes.set_xlim(0, 100)
  axes.set_xlabel('accuracy %')
  axes.set_title(next(iter(table.values())).benchmark)
  figure.legend(loc='outside lower center', ncols=len(table), frameon=False)
  figure.savefig(path, dpi=150)
