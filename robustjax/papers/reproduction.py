"""Runs the cells of a published table: trains what is missing, and measures it.

Every run is in the folder `runs/NAME/seed-N`, where the name says which model
it is and stands for all of its config: tables with a configuration in common
share its runs.
"""

from collections.abc import Callable
from collections.abc import Mapping
import json
import pathlib
from typing import Any
from typing import NamedTuple

import ml_collections

from robustjax import evaluation
from robustjax import training
from robustjax.data import sources
from robustjax.papers import tables
from robustjax.training import run_config

LoadConfig = Callable[[str], ml_collections.ConfigDict]


class Scale(NamedTuple):
  """How large the runs are.

  Attributes:
    overrides: fields of every config, and their values, as on a command line.
    num_seeds: runs per cell.
    benchmark: another one than the table's, or None.
    num_images: how many test images `benchmark` corrupts; None for all.
  """

  overrides: Mapping[str, str]
  num_seeds: int
  benchmark: str | None = None
  num_images: int | None = None


SMOKE = Scale(
  {
    'dataset': 'digits',
    'num_epochs': '1',
    'optimizer.decay_per_epoch': '0.9',
    'fig.num_steps': '4',
  },
  num_seeds=2,
  benchmark='degradations',
  num_images=40,
)


class Measured(NamedTuple):
  """What a run did.

  Attributes:
    accuracy: mean over the sets of the benchmark, in [0, 1].
    corrupted: mean over those that are corrupted.
    clean: accuracy on the clean set.
    summary: what training reported.
  """

  accuracy: float
  corrupted: float
  clean: float
  summary: Mapping[str, Any]


def cell_config(
  cell: tables.Cell, load_config: LoadConfig, scale: Scale
) -> ml_collections.ConfigDict:
  """The config of a cell at a scale, for seed 0."""
  config = load_config(cell.config)
  for field, text in {**cell.overrides, **scale.overrides}.items():
    run_config.override(config, field, text)
  run_config.validate(config)
  return config


def run_names(
  table: tables.Table, load_config: LoadConfig, scale: Scale
) -> dict[tuple[str, str], tuple[str, ml_collections.ConfigDict]]:
  """The name and the config of the run behind each cell."""
  found = {}
  for place, cell in table.cells.items():
    config = cell_config(cell, load_config, scale)
    found[place] = (run_config.name(config), config)
  return found


def jobs(
  names: Mapping[tuple[str, str], tuple[str, ml_collections.ConfigDict]],
  num_seeds: int,
  *,
  at_once: bool,
) -> list[ml_collections.ConfigDict]:
  """What to train, in order; each run once, however many cells share it.

  Args:
    names: from `run_names`.
    num_seeds: runs per cell.
    at_once: whether the seeds of a cell are trained by one program. Else every
      cell gets its first seed before any gets its second.

  Returns:
    Configs with their seeds.
  """
  unique = dict(names.values()).values()
  seeds = [(0, num_seeds)] if at_once else [(s, 1) for s in range(num_seeds)]
  found = []
  for first, count in seeds:
    for config in unique:
      config = ml_collections.ConfigDict(config.to_dict())
      config.seed, config.num_seeds = first, count
      found.append(config.lock())
  return found


def run_job(
  config: ml_collections.ConfigDict,
  out: pathlib.Path,
  benchmark: str,
  scale: Scale,
  data_dir: str | None = None,
) -> bool:
  """Trains the seeds of one run as far as they are not, and measures them.

  Args:
    config: of the run, with its seeds.
    out: the folder of `runs/`.
    benchmark: a name in `evaluation.BENCHMARKS`.
    scale: how large the runs are.
    data_dir: folder of prepared TFDS data sets.

  Returns:
    Whether all is done; False if training was interrupted.
  """
  folder = run_folder(out, config)
  numbers = range(config.seed, config.seed + config.num_seeds)
  missing = [n for n in numbers if not measured(folder, n, benchmark, config)]
  if not missing:
    return True
  is_one = config.num_seeds == 1
  workdir = run_config.seed_folder(folder, config.seed) if is_one else folder
  if not is_one and (folder / 'config.json').is_file():
    # An earlier call asked for more seeds: they are there, or go on.
    before = run_config.read(folder).num_seeds
    config = ml_collections.ConfigDict(config.to_dict())
    config.num_seeds = max(config.num_seeds, before)
  if not training.train(config, workdir, data_dir=data_dir)['finished']:
    return False
  for seed in missing:
    _measure(run_config.seed_folder(folder, seed), benchmark, scale, data_dir)
  return True


def check_benchmark(benchmark: str, data_dir: str | None = None) -> None:
  """Raises errors.InputError if what measures the runs is not prepared."""
  if benchmark == 'mnist_c':
    for name in evaluation.MNIST_C:
      sources.prepared_folder(f'mnist_corrupted/{name}', data_dir=data_dir)


def run_folder(
  out: pathlib.Path, config: ml_collections.ConfigDict
) -> pathlib.Path:
  """Where the runs of a config are, a folder per seed."""
  return out / 'runs' / run_config.name(config)


def measured(
  folder: pathlib.Path,
  seed: int,
  benchmark: str,
  config: ml_collections.ConfigDict,
) -> Measured | None:
  """What an earlier call measured of one seed; None if that is missing."""
  folder = run_config.seed_folder(folder, seed)
  try:
    summary = json.loads((folder / 'summary.json').read_text())
    content = json.loads(_results_file(folder, benchmark).read_text())
  except (OSError, ValueError):
    return None
  is_last = summary['finished'] and summary['step'] == content['step']
  if not is_last or run_config.read(folder).num_epochs != config.num_epochs:
    return None
  found = evaluation.Results.from_dict(content['results'])
  clean = found.rows[0].accuracy
  return Measured(found.accuracy, found.corrupted_accuracy, clean, summary)


def _measure(folder, benchmark, scale, data_dir) -> None:
  """Evaluates one seed's model and writes the results into its folder."""
  restored = training.restore(folder)
  source = None
  if benchmark != 'mnist_c':
    source = sources.load(restored.config.dataset, 'test', data_dir=data_dir)
    count = scale.num_images
    source = (source.images[:count], source.labels[:count])
  found = evaluation.evaluate(
    restored.predict, source, benchmark=benchmark, data_dir=data_dir
  )
  content = {'step': restored.step, 'results': found.to_dict()}
  path = _results_file(folder, benchmark)
  path.parent.mkdir(exist_ok=True)
  path.write_text(json.dumps(content, indent=2) + '\n')


def _results_file(folder: pathlib.Path, benchmark: str) -> pathlib.Path:
  return folder / 'evaluation' / f'{benchmark}-latest.json'
