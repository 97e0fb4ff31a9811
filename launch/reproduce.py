"""Runs a paper's table again, and prints ours beside the published figures.

  python launch/reproduce.py --table=noiseout/1 --num_seeds=10 --out=DIR

Runs what is missing in DIR and goes on where an earlier call stopped; the table
is written anew after every run. --scale=smoke does it in seconds on the digits,
to see that all works: its figures mean nothing.
"""

import pathlib

from absl import flags
import jax

import command_line
from robustjax import errors
from robustjax import papers
from robustjax import progress
from robustjax import training
from robustjax.papers import comparison
from robustjax.papers import reproduction

_TABLE = flags.DEFINE_string('table', None, 'PAPER/NUMBER; see --list.')
_LIST = flags.DEFINE_boolean('list', False, 'Lists what can be run, and ends.')
_OUT = flags.DEFINE_string('out', 'reproduction', 'Folder for runs and tables.')
_NUM_SEEDS = flags.DEFINE_integer('num_seeds', 10, 'Runs per cell.')
_NUM_EPOCHS = flags.DEFINE_integer(
  'num_epochs', None, 'Fewer epochs than the paper; its number by default.'
)
_SCALE = flags.DEFINE_enum(
  'scale', 'full', ('full', 'smoke'), 'full: the paper; smoke: seconds.'
)
_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)

_SMOKE = (
  'SMOKE RUN on the digits, to see that all works: the figures mean nothing'
)


def _scale() -> reproduction.Scale:
  if _SCALE.value == 'smoke':
    return reproduction.SMOKE
  errors.check_integer('num_seeds', _NUM_SEEDS.value, low=1)
  overrides = {}
  if _NUM_EPOCHS.value is not None:
    overrides['num_epochs'] = str(_NUM_EPOCHS.value)
  return reproduction.Scale(overrides, _NUM_SEEDS.value)


def _load_config(text: str):
  file, variant = text.split(':')
  return command_line.load_config(command_line.ROOT / 'configs' / file, variant)


def _print_list() -> None:
  for name, table in papers.TABLES.items():
    print(f'--table={name}  {table.title}')


def _found(table, names, out, scale, benchmark):
  """What has been measured so far: accuracies by cell and seed; summaries."""
  found, summaries = {}, []
  for place, (_, config) in names.items():
    folder = reproduction.run_folder(out, config)
    values = {}
    for seed in range(scale.num_seeds):
      one = reproduction.measured(folder, seed, benchmark, config)
      if one is not None:
        values[seed] = one.accuracy
        summaries.append(one.summary)
    found[place] = values
  return found, summaries


def _remarks(summaries, names, benchmark) -> dict[str, str]:
  configs = [config for _, config in names.values()]
  epochs = sorted({config.num_epochs for config in configs})
  devices = sorted({one['devices'] for one in summaries})
  versions = sorted(
    {f'JAX {s["jax"]}, Python {s["python"]}' for s in summaries}
  )
  remarks = {'scale': _SMOKE} if _SCALE.value == 'smoke' else {}
  return remarks | {
    'benchmark': benchmark,
    'trained on': ', '.join(sorted({config.dataset for config in configs})),
    'epochs': ', '.join(map(str, epochs)),
    'devices': '; '.join(devices),
    'versions': '; '.join(versions),
  }


def _write(table, names, out, scale, benchmark) -> list[pathlib.Path]:
  found, summaries = _found(table, names, out, scale, benchmark)
  remarks = _remarks(summaries, names, benchmark)
  return comparison.save(_TABLE.value, table, found, remarks, out)


def _reproduce(table, out: pathlib.Path) -> int | None:
  scale = _scale()
  benchmark = scale.benchmark or table.benchmark
  names = reproduction.run_names(table, _load_config, scale)
  at_once = training.gains_from_seeds_at_once(jax.devices())
  jobs = reproduction.jobs(names, scale.num_seeds, at_once=at_once)
  with progress.bar(len(jobs), 'runs') as shown:
    for config in jobs:
      is_done = reproduction.run_job(
        config, out, benchmark, scale, _DATA_DIR.value
      )
      paths = _write(table, names, out, scale, benchmark)
      if not is_done:
        print('interrupted; the same command resumes')
        return command_line.INTERRUPTED
      shown.update(1)
  print(next(path for path in paths if path.suffix == '.md').read_text())
  print('saved', ', '.join(path.name for path in paths), 'in', out)
  return None


def main(unused_names):
  if _LIST.value:
    return _print_list()
  errors.check_choice('table', _TABLE.value, papers.TABLES)
  out = pathlib.Path(_OUT.value).expanduser()
  return _reproduce(papers.TABLES[_TABLE.value], out)


if __name__ == '__main__':
  command_line.run(main)
