"""What training costs: a table of parameters and seconds per paper.

NoiseOut's Table 5 says what gates and the FIG loss add to training time. Noisy
dropout names resource efficiency among its measures and prints no number.
"""

from collections.abc import Mapping
import csv
import io
import pathlib
from typing import Any
from typing import NamedTuple

import ml_collections

from robustjax import files
from robustjax.evaluation import tables as markdown_tables
from robustjax.papers import model_sizes
from robustjax.papers import noiseout
from robustjax.papers import noisy_dropout
from robustjax.papers import tables
from robustjax.training import timing


class Cost(NamedTuple):
  """A table of what training costs.

  Attributes:
    title: what it shows.
    cells: the models, by row; the first is what others are compared with.
    image_shape: (H, W, C) of the images.
    num_epochs: of a whole training.
    steps_per_epoch: at the batch size of the configs.
    published: seconds of a whole training, mean and deviation, by row.
  """

  title: str
  cells: Mapping[str, tables.Cell]
  image_shape: tuple[int, int, int]
  num_epochs: int
  steps_per_epoch: int
  published: Mapping[str, tuple[float, float]] = {}


COSTS = {
  'noiseout/5': Cost(
    'training time with gates, and with the FIG loss',
    {
      'CNN': tables.Cell('noiseout.py:cnn', {}),
      'NoiseOut': tables.Cell('noiseout.py:noiseout', {'noise.rate': '0.2'}),
      'NoiseOut FIG': tables.Cell(
        'noiseout.py:noiseout_fig', {'noise.rate': '0.2'}
      ),
    },
    image_shape=(28, 28, 1),
    num_epochs=14,
    steps_per_epoch=938,
    published=noiseout.TRAINING_SECONDS,
  ),
  'noisy_dropout/resources': Cost(
    'parameters and training time with noise in the place of dropped states',
    {
      arm: noisy_dropout.cell(arm, '20 %', None)
      for arm in (*noisy_dropout.ARMS[:2], noisy_dropout.ARMS[-1])
    },
    image_shape=(32, 32, 3),
    num_epochs=10,
    steps_per_epoch=782,
  ),
}


def measure(
  name: str,
  configs: Mapping[str, ml_collections.ConfigDict],
  *,
  image_shape: tuple[int, int, int] | None = None,
  **options,
) -> list[dict[str, Any]]:
  """Times the rows of a table.

  Args:
    name: in `COSTS`.
    configs: by row.
    image_shape: (H, W, C); by default that of the table.
    **options: of `timing.time_steps`.

  Returns:
    A row each: parameters, medians in milliseconds, the ratio to the first row,
    seconds of a whole training's steps alone, and what the paper printed.
  """
  cost = COSTS[name]
  shape = cost.image_shape if image_shape is None else image_shape
  found = timing.time_steps(configs, image_shape=shape, **options)
  first = next(iter(cost.cells))
  num_steps = cost.num_epochs * cost.steps_per_epoch
  rows = []
  for row, one in found.items():
    published, deviation = cost.published.get(row, (None, None))
    rows.append(
      {
        'model': row,
        'parameters': model_sizes.find(configs[row], shape).parameters,
        'step_ms': one.median,
        'ratio': one.median / found[first].median,
        'seconds': one.median * num_steps / 1000,
        'compile_s': one.compile_seconds,
        'published_seconds': published,
        'published_deviation': deviation,
        'published_ratio': published and published / cost.published[first][0],
      }
    )
  return rows


def to_markdown(
  name: str, rows: list[dict[str, Any]], remarks: Mapping[str, Any]
) -> str:
  """The table, ours beside the paper's where it prints one."""
  cost = COSTS[name]
  first = next(iter(cost.cells))
  lines = [f'# {name}: {cost.title}', '']
  lines += [f'- {key}: {value}' for key, value in remarks.items()]
  head = [
    'model', 'parameters', 'ms per step', f'/ {first}',
    f's for {cost.num_epochs} epochs of steps', 'compile s',
  ]  # fmt: skip
  if cost.published:
    head += ['paper, s', f'paper, / {first}']
  cells = [_cells(row, bool(cost.published)) for row in rows]
  lines += ['', markdown_tables.markdown([head, *cells])]
  return '\n'.join(lines).rstrip() + '\n'


def _cells(row: Mapping[str, Any], is_published: bool) -> list[str]:
  ours = [
    row['model'],
    f'{row["parameters"]:,}',
    f'{row["step_ms"]:.2f}',
    f'{row["ratio"]:.3f}',
    f'{row["seconds"]:.1f}',
    f'{row["compile_s"]:.1f}',
  ]
  if not is_published:
    return ours
  if row['published_seconds'] is None:
    return [*ours, '-', '-']
  seconds = f'{row["published_seconds"]} ± {row["published_deviation"]}'
  return [*ours, seconds, f'{row["published_ratio"]:.3f}']


def save(
  name: str,
  rows: list[dict[str, Any]],
  remarks: Mapping[str, Any],
  folder: pathlib.Path,
  *,
  suffix: str = '',
) -> list[pathlib.Path]:
  """Writes `PAPER-table-NUMBER` as .json, .csv and .md.

  Args:
    name: in `COSTS`.
    rows: from `measure`.
    remarks: what a reader has to know: hardware, versions.
    folder: created if need be.
    suffix: of the files' names.

  Returns:
    The paths written.

  Raises:
    errors.InputError: if they cannot be written.
  """
  stem = name.replace('/', '-table-') + suffix
  paths = [folder / f'{stem}.{end}' for end in ('json', 'csv', 'md')]
  content = {'table': name, 'remarks': dict(remarks), 'rows': rows}
  files.write_json(paths[0], content)
  text = io.StringIO(newline='')
  writer = csv.DictWriter(text, rows[0])
  writer.writeheader()
  writer.writerows(rows)
  files.write_text(paths[1], text.getvalue())
  files.write_text(paths[2], to_markdown(name, rows, remarks))
  return paths
