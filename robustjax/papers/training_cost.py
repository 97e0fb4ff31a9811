"""NoiseOut's Table 5: what gates and the FIG loss add to training time."""

from collections.abc import Mapping
import csv
import json
import pathlib
from typing import Any

import ml_collections

from robustjax.papers import noiseout
from robustjax.papers import tables
from robustjax.training import timing

NAME = 'noiseout/5'
TITLE = 'training time with gates, and with the FIG loss'
CELLS = {
  'CNN': tables.Cell('noiseout.py:cnn', {}, None, None),
  'NoiseOut': tables.Cell(
    'noiseout.py:noiseout', {'noise.rate': '0.2'}, None, None
  ),
  'NoiseOut FIG': tables.Cell(
    'noiseout.py:noiseout_fig', {'noise.rate': '0.2'}, None, None
  ),
}
_NUM_STEPS = 14 * 938


def measure(
  configs: Mapping[str, ml_collections.ConfigDict], **options
) -> list[dict[str, Any]]:
  """Times the rows of the table.

  Args:
    configs: by row; 'CNN' is what others are compared with.
    **options: of `timing.time_steps`.

  Returns:
    A row each: medians in milliseconds, the ratio to the CNN, seconds for 14
    epochs of steps alone, and what the paper printed.
  """
  found = timing.time_steps(configs, **options)
  reference = noiseout.TRAINING_SECONDS['CNN'][0]
  rows = []
  for name, one in found.items():
    published, deviation = noiseout.TRAINING_SECONDS.get(name, (None, None))
    rows.append(
      {
        'model': name,
        'step_ms': one.median,
        'ratio': one.median / found['CNN'].median,
        'seconds_14_epochs': one.median * _NUM_STEPS / 1000,
        'compile_s': one.compile_seconds,
        'published_seconds': published,
        'published_deviation': deviation,
        'published_ratio': published and published / reference,
      }
    )
  return rows


def to_markdown(rows: list[dict[str, Any]], remarks: Mapping[str, Any]) -> str:
  """The table, ours beside the paper's."""
  lines = [f'# {NAME}: {TITLE}', '']
  lines += [f'- {key}: {value}' for key, value in remarks.items()]
  lines += [
    '',
    '| model | ms per step | / CNN | s for 14 epochs of steps | compile s'
    ' | paper, s | paper, / CNN |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  ]
  for row in rows:
    paper = ('-', '-')
    if row['published_seconds'] is not None:
      seconds = f'{row["published_seconds"]} ± {row["published_deviation"]}'
      paper = (seconds, f'{row["published_ratio"]:.3f}')
    cells = (
      row['model'],
      f'{row["step_ms"]:.2f}',
      f'{row["ratio"]:.3f}',
      f'{row["seconds_14_epochs"]:.1f}',
      f'{row["compile_s"]:.1f}',
      *paper,
    )
    lines.append(f'| {" | ".join(cells)} |')
  return '\n'.join(lines) + '\n'


def save(
  rows: list[dict[str, Any]],
  remarks: Mapping[str, Any],
  folder: pathlib.Path,
  *,
  suffix: str = '',
) -> list[pathlib.Path]:
  """Writes `noiseout-table-5` as .json, .csv and .md.

  Args:
    rows: from `measure`.
    remarks: what a reader has to know: hardware, versions.
    folder: created if need be.
    suffix: of the files' names.

  Returns:
    The paths written.
  """
  folder.mkdir(parents=True, exist_ok=True)
  stem = NAME.replace('/', '-table-') + suffix
  paths = [folder / f'{stem}.{end}' for end in ('json', 'csv', 'md')]
  content = {'table': NAME, 'remarks': dict(remarks), 'rows': rows}
  paths[0].write_text(json.dumps(content, indent=2) + '\n')
  with paths[1].open('w', newline='') as file:
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)
  paths[2].write_text(to_markdown(rows, remarks))
  return paths
