"""Writes what runs of a table did: the files, and what a reader has to know."""

from collections.abc import Iterable
from collections.abc import Mapping
import pathlib
from typing import Any

from robustjax.papers import collecting
from robustjax.papers import comparison
from robustjax.papers import model_sizes
from robustjax.papers import reproduction
from robustjax.papers import tables
from robustjax.training import run_data


def write(
  name: str,
  table: tables.Table,
  runs: reproduction.Runs,
  out: pathlib.Path,
  scale: reproduction.Scale,
  remarks: Mapping[str, Any],
  suffix: str = '',
  data_dir: str | None = None,
) -> list[pathlib.Path]:
  """Writes a table as far as its runs are there.

  Args:
    name: `PAPER/NUMBER`.
    table: as published.
    runs: name and config of the run behind each cell.
    out: folder of `runs/`, and of the files.
    scale: how large the runs are.
    remarks: what a reader has to know besides.
    suffix: of the files' names.
    data_dir: folder of prepared TFDS data sets.

  Returns:
    The paths written.
  """
  collected = collecting.collect(table, runs, out, scale)
  remarks = {
    **remarks,
    **_about_runs(table, runs, scale),
    **_about_training(collected.summaries),
  }
  return comparison.save(
    name,
    table,
    collected.found,
    remarks,
    out,
    others=collected.others,
    sizes=_sizes(table, runs, data_dir),
    suffix=suffix,
  )


def _among(values: Iterable[Any]) -> str:
  return '; '.join(sorted({str(value) for value in values}))


def _about_runs(table, runs, scale) -> dict[str, str]:
  """What runs are trained and measured on."""
  configs = [config for _, config in runs.values()]
  benchmarks = [
    scale.benchmark_of(table.cells[place].measure) for place in runs
  ]
  found = {
    'measured on': _among(benchmark.label for benchmark in benchmarks),
    'trained on': _among(config.dataset for config in configs),
    'epochs': _among(config.num_epochs for config in configs),
  }
  if scale.num_images is not None:
    found['images'] = f'the first {scale.num_images} of the test set'
  if scale.num_rows is not None:
    found['rows'] = f'{scale.num_rows} and what shares their runs'
  return found


def _about_training(summaries) -> dict[str, str]:
  """Hardware and versions."""
  versions = (f'JAX {one["jax"]}, Python {one["python"]}' for one in summaries)
  devices = (one['devices'] for one in summaries)
  return {'devices': _among(devices), 'versions': _among(versions)}


def _sizes(table, runs, data_dir) -> dict[str, model_sizes.ModelSize]:
  """How large the models are, where the paper prints it."""
  if not table.sizes:
    return {}
  _, config = next(iter(runs.values()))
  images = run_data.load_test(config, data_dir).images
  configs = {row: config for (row, _), (_, config) in runs.items()}
  return {
    row: model_sizes.find(configs[row], images.shape[1:])
    for row in table.sizes
    if row in configs
  }
