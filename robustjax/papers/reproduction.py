"""Runs the cells of a published table: trains what is missing, and measures it.

Every run is in the folder `runs/NAME/seed-N`, where the name says which model
it is and stands for all of its config: tables with a configuration in common
share its runs.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import pathlib
from typing import NamedTuple

import ml_collections

from robustjax import errors
from robustjax import training
from robustjax.papers import measures
from robustjax.papers import measuring
from robustjax.papers import tables
from robustjax.training import run_config
from robustjax.training import run_data
from robustjax.training import run_files

LoadConfig = Callable[[str], ml_collections.ConfigDict]
# Name and config of the run behind each cell.
Runs = Mapping[tables.Place, tuple[str, ml_collections.ConfigDict]]
# What runs are measured on, by name of the run and label of the benchmark.
Wanted = Mapping[str, Mapping[str, measures.Benchmark]]


class Scale(NamedTuple):
  """How large the runs are.

  Attributes:
    num_seeds: runs per cell.
    overrides: fields of every config, and their values, as on a command line.
    changes: more of them, asked for by the user; a table may not vary them.
    by_config: more of them, by how the name of the config begins.
    num_images: how many test images are measured; None for all.
    stand_ins: benchmarks in the place of others, by their label.
    num_rows: how many rows of a table are run; None for all.
  """

  num_seeds: int
  overrides: Mapping[str, str] = {}
  changes: Mapping[str, str] = {}
  by_config: Mapping[str, Mapping[str, str]] = {}
  num_images: int | None = None
  stand_ins: Mapping[str, measures.Benchmark] = {}
  num_rows: int | None = None

  def benchmark_of(self, measure: measures.Measure) -> measures.Benchmark:
    """What a run is measured on."""
    benchmark = measure.benchmark
    return self.stand_ins.get(benchmark.label, benchmark)


SMOKE = Scale(
  num_seeds=2,
  overrides={
    'dataset': 'digits/14',  # small enough for gates that see all states
    'train_share': '0.1',
    'batch_size': '256',  # all of them: one step, and one program, an epoch
    'num_epochs': '2',
    'fig.num_steps': '4',
  },
  by_config={
    'imagenet.py': {
      'model.width': '4',
      'model.blocks': '(1, 1, 1, 1)',
      'model.mean': '(0.5,)',  # of one channel
      'model.deviation': '(0.5,)',
      'ant.warmup_steps': '2',
      'augmix.width': '1',
    },
    'cifar10.py': {
      'model.channels': '(4, 8)',
      'model.blocks': '(1, 1)',
      'ant.warmup_steps': '2',
      'augmix.width': '1',
    },
    'noise_progression.py': {'model.width': '0.05'},
    'noise_progression.py:imagenet': {
      'model.mean': '(0.5,)',  # of one channel
      'model.deviation': '(0.5,)',
    },
    'weight_map.py': {'validation_share': '0.1', 'crop_padding': '2'},
    'weight_map.py:resnet': {
      'model.channels': '(8, 16)',
      'model.blocks': '(1, 1)',
    },
    'weight_map.py:densenet': {'model.blocks': '(1, 2)'},
  },
  num_images=20,
  stand_ins={
    benchmark.label: measures.DEGRADATIONS
    for benchmark in (measures.MNIST_C, measures.CIFAR10_C, measures.IMAGENET_C)
  },
  num_rows=2,
)


def cell_config(
  cell: tables.Cell, load_config: LoadConfig, scale: Scale
) -> ml_collections.ConfigDict:
  """The config of a cell at a scale, for seed 0.

  Raises:
    errors.InputError: on an override that is none, or that would undo what
      tells the cell from others.
  """
  for field in scale.changes:
    if field in cell.overrides:
      expected = 'none of a field that differs from cell to cell'
      raise errors.InputError('override', expected, field)
  own = [
    overrides
    for start, overrides in scale.by_config.items()
    if cell.config.startswith(start)
  ]
  config = load_config(cell.config)
  for overrides in (cell.overrides, scale.overrides, *own, scale.changes):
    for field, text in overrides.items():
      run_config.override(config, field, text)
  run_config.validate(config)
  return config


def run_names(
  table: tables.Table, load_config: LoadConfig, scale: Scale
) -> Runs:
  """The name and the config of the run behind each cell that is run.

  At a scale of a few rows, those are the runs of their middle cells.
  """
  found, known = {}, {}
  for place, cell in table.cells.items():
    key = cell.config, tuple(cell.overrides.items())
    if key not in known:
      config = cell_config(cell, load_config, scale)
      known[key] = run_config.name(config), config
    found[place] = known[key]
  if scale.num_rows is None or scale.num_rows >= len(table.rows):
    return found
  kept = {
    found[row, _middle_column(table, row)][0]
    for row in _some_rows(table, scale.num_rows)
  }
  return {place: run for place, run in found.items() if run[0] in kept}


def _middle_column(table: tables.Table, row: str) -> str:
  """Of those that have a cell in the row."""
  columns = [column for own, column in table.cells if own == row]
  return columns[(len(columns) - 1) // 2]


def _some_rows(table: tables.Table, count: int) -> list[str]:
  """The reference and others, evenly spaced, the last one among them."""
  is_there = table.reference in table.rows
  first = table.reference if is_there else table.rows[0]
  others = [row for row in table.rows if row != first]
  count = min(count - 1, len(others))
  ends = [len(others) * (place + 1) // count for place in range(count)]
  return [first, *(others[end - 1] for end in ends)]


def wanted_benchmarks(table: tables.Table, runs: Runs, scale: Scale) -> Wanted:
  """What each run has to be measured on."""
  found = {}
  for place, (name, _) in runs.items():
    benchmark = scale.benchmark_of(table.cells[place].measure)
    found.setdefault(name, {})[benchmark.label] = benchmark
  return found


def jobs(
  runs: Runs, num_seeds: int, *, at_once: bool
) -> list[ml_collections.ConfigDict]:
  """What to train, in order; each run once, however many cells share it.

  Args:
    runs: from `run_names`.
    num_seeds: runs per cell.
    at_once: whether the seeds of a cell are trained by one program. Else every
      cell gets its first seed before any gets its second.

  Returns:
    Configs with their seeds.
  """
  unique = dict(runs.values()).values()
  seeds = [(0, num_seeds)] if at_once else [(s, 1) for s in range(num_seeds)]
  found = []
  for first, count in seeds:
    for config in unique:
      found.append(with_seed(config, first, count))
  return found


def with_seed(
  config: ml_collections.ConfigDict, seed: int, num_seeds: int = 1
) -> ml_collections.ConfigDict:
  """A copy of a config for the seeds from `seed` on, locked."""
  config = ml_collections.ConfigDict(config.to_dict())
  config.seed, config.num_seeds = seed, num_seeds
  return config.lock()


def run_job(
  config: ml_collections.ConfigDict,
  out: pathlib.Path,
  benchmarks: Iterable[measures.Benchmark],
  num_images: int | None = None,
  data_dir: str | None = None,
) -> bool:
  """Trains the seeds of one run as far as they are not, and measures them.

  Args:
    config: of the run, with its seeds.
    out: the folder of `runs/`.
    benchmarks: what it is measured on.
    num_images: how many test images; None for all.
    data_dir: folder of prepared TFDS data sets.

  Returns:
    Whether all is done; False if training was interrupted.
  """
  folder = run_folder(out, config)
  missing = {}
  for seed in range(config.seed, config.seed + config.num_seeds):
    own = run_files.seed_folder(folder, seed)
    missing[own] = [
      benchmark
      for benchmark in benchmarks
      if not measuring.read(own, benchmark, config, num_images)
    ]
  if not any(missing.values()):
    return True
  if not _train(config, folder, data_dir):
    return False
  for own, lacking in missing.items():
    if lacking:
      measuring.measure(own, lacking, num_images, data_dir)
  return True


def _train(config, folder: pathlib.Path, data_dir) -> bool:
  """Trains, or goes on training; whether that was finished."""
  is_one = config.num_seeds == 1
  workdir = run_files.seed_folder(folder, config.seed) if is_one else folder
  if not is_one and (folder / 'config.json').is_file():
    # An earlier call asked for more seeds: they are there, or go on.
    before = run_files.read(folder).num_seeds
    config = ml_collections.ConfigDict(config.to_dict())
    config.num_seeds = max(config.num_seeds, before)
  return training.train(config, workdir, data_dir=data_dir)['finished']


def run_folder(
  out: pathlib.Path, config: ml_collections.ConfigDict
) -> pathlib.Path:
  """Where the runs of a config are, a folder per seed."""
  return out / 'runs' / run_config.name(config)


def check(
  runs: Runs, wanted: Wanted, num_images: int | None, data_dir: str | None
) -> None:
  """Raises errors.InputError if data sets are not prepared, before training."""
  benchmarks = {k: v for one in wanted.values() for k, v in one.items()}
  for benchmark in benchmarks.values():
    measuring.check(benchmark, num_images, data_dir)
  by_dataset = {config.dataset: config for _, config in runs.values()}
  for config in by_dataset.values():
    run_data.load_test(config, data_dir)
