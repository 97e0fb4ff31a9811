"""Runs a paper's table or figure again, ours beside what was published.

  python launch/reproduce.py --table=noiseout/1 --num_seeds=10 --out=DIR
  python launch/reproduce.py --figure=noiseout/4 --out=DIR
  python launch/reproduce.py --all --scale=smoke --out=DIR

Runs what is missing in DIR and goes on where an earlier call stopped; meanwhile
a table is written anew after every run, once a minute at most.
--override=FIELD=VALUE changes every run, such as --override=dataset=cifar100.
--scale=smoke takes seconds a run, on a few of the digits and for some rows of
each table, to see that all works: its figures mean nothing.
"""

import pathlib
import platform
import re
import time

from absl import flags
import jax
import numpy as np

import command_line
import robustjax
from robustjax import corruptions
from robustjax import data
from robustjax import errors
from robustjax import files
from robustjax import papers
from robustjax import progress
from robustjax import random_keys
from robustjax import training
from robustjax.papers import figures
from robustjax.papers import reporting
from robustjax.papers import reproduction
from robustjax.papers import tables
from robustjax.papers import training_cost
from robustjax.training import interruption
from robustjax.training import run_config
from robustjax.training import run_files

_TABLE = flags.DEFINE_string('table', None, 'PAPER/NUMBER; see --list.')
_FIGURE = flags.DEFINE_string('figure', None, 'PAPER/NUMBER; see --list.')
_ALL = flags.DEFINE_boolean('all', False, 'Runs all that --list lists.')
_LIST = flags.DEFINE_boolean('list', False, 'Lists what can be run, and ends.')
_OUT = flags.DEFINE_string(
  'out', 'reproduction', 'Folder for runs, tables and figures.'
)
_NUM_SEEDS = flags.DEFINE_integer(
  'num_seeds',
  None,
  'Runs per cell of a table or curve, and per classifier of a figure with'
  ' statements to judge; by default 10.',
)
_NUM_EPOCHS = flags.DEFINE_integer(
  'num_epochs', None, "Epochs per run; the paper's number by default."
)
_NUM_IMAGES = flags.DEFINE_integer(
  'num_images', None, 'Test images that runs are measured on; by default all.'
)
_OVERRIDES = flags.DEFINE_multi_string(
  'override', [], 'FIELD=VALUE, for the config of every run; may be repeated.'
)
_ROWS = flags.DEFINE_multi_string(
  'rows',
  ['*'],
  'Rows of the table or curves that are run beside the reference, as patterns;'
  " may be repeated, such as --rows='CNN*'. By default all.",
)
_COLUMNS = flags.DEFINE_multi_string('columns', ['*'], 'The same for columns.')
_SCALE = flags.DEFINE_enum(
  'scale', 'full', ('full', 'smoke'), 'full: the paper; smoke: seconds a run.'
)
_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)

_SMOKE = 'SMOKE RUN on the digits: figures without meaning, to see that it runs'
_SMOKE_DEGRADATION = 'gaussian_noise'
_NUM_SEEDS_BY_DEFAULT = 10
_NOT_OVERRIDDEN = ('variant', 'seed', 'num_seeds')
_SECONDS_BETWEEN_WRITES = 60


def _scale() -> reproduction.Scale:
  """The paper's scale or the smoke run's, with what the flags change."""
  scale = reproduction.Scale(_NUM_SEEDS_BY_DEFAULT)
  if _SCALE.value == 'smoke':
    scale = reproduction.SMOKE
  for flag, high in ((_NUM_SEEDS, 1000), (_NUM_IMAGES, 10**9)):
    if flag.value is not None:
      errors.check_integer(flag.name, flag.value, low=1, high=high)
      scale = scale._replace(**{flag.name: flag.value})
  changes = _changes()
  if _NUM_EPOCHS.value is not None:
    changes['num_epochs'] = str(_NUM_EPOCHS.value)
  return scale._replace(changes=changes)


def _changes() -> dict[str, str]:
  """The flag --override, by field."""
  found = {}
  for text in _OVERRIDES.value:
    field, has_value, value = text.partition('=')
    if not has_value:
      raise errors.InputError('override', 'FIELD=VALUE', repr(text))
    if field in _NOT_OVERRIDDEN:
      expected = 'another field: seeds are counted by --num_seeds, from 0'
      raise errors.InputError('override', expected, repr(text))
    found[field] = value
  return found


def _suffix() -> str:
  """Of the files' names: what is not at full scale does not replace it."""
  parts = ['smoke'] if _SCALE.value == 'smoke' else []
  if _NUM_EPOCHS.value is not None:
    parts.append(f'{_NUM_EPOCHS.value}-epochs')
  if _NUM_IMAGES.value is not None:
    parts.append(f'{_NUM_IMAGES.value}-images')
  # A data set's name may hold a slash.
  parts += [re.sub(r'[^\w.=]', '-', text) for text in _OVERRIDES.value]
  return ''.join(f'-{part}' for part in parts)


def _load_config(text: str):
  file, variant = text.split(':')
  return command_line.load_config(command_line.ROOT / 'configs' / file, variant)


def _tables() -> dict[str, str]:
  entries = {**papers.TABLES, **training_cost.COSTS}
  return {name: entry.title for name, entry in entries.items()}


def _figures() -> dict[str, str]:
  entries = {**papers.FIGURES, **papers.CURVES}
  return {name: entries[name].title for name in sorted(entries)}


def _print_list() -> None:
  for flag, titles in (('table', _tables()), ('figure', _figures())):
    for name, title in titles.items():
      print(f'--{flag}={name:30}{title}')


def _remarks(**more) -> dict[str, str]:
  """What a reader has to know: a smoke run first of all."""
  found = {'scale': _SMOKE} if _SCALE.value == 'smoke' else {}
  if _OVERRIDES.value:
    found['changed'] = ', '.join(_OVERRIDES.value)
  return found | more


def _here(count: int) -> dict[str, str]:
  """The devices at hand, `count` of which are used, and the versions."""
  kind = jax.devices()[0].device_kind
  versions = f'JAX {jax.__version__}, Python {platform.python_version()}'
  return {'devices': f'{count} x {kind}', 'versions': versions}


def _say_saved(paths, out) -> None:
  for path in paths:
    if path.suffix == '.md':
      print(path.read_text())
  print('saved', ', '.join(path.name for path in paths), 'in', out, '\n')


def _reproduce_table(name: str, table, out: pathlib.Path) -> bool:
  """Runs the cells of a table; whether all are done."""
  scale, data_dir = _scale(), _DATA_DIR.value
  table = tables.only(table, rows=_ROWS.value, columns=_COLUMNS.value)
  runs = reproduction.run_names(table, _load_config, scale)
  wanted = reproduction.wanted_benchmarks(table, runs, scale)
  reproduction.check(runs, wanted, scale.num_images, data_dir)
  at_once = training.gains_from_seeds_at_once(jax.devices())
  jobs = reproduction.jobs(runs, scale.num_seeds, at_once=at_once)

  def write():
    return reporting.write(
      name, table, runs, out, scale, _remarks(), _suffix(), data_dir
    )

  written = time.monotonic()
  with (
    progress.bar(len(jobs), f'runs of {name}') as shown,
    interruption.Interruption() as interrupted,
  ):
    for config in jobs:
      benchmarks = wanted[run_config.name(config)].values()
      is_done = reproduction.run_job(
        config, out, benchmarks, scale.num_images, data_dir
      )
      if interrupted or not is_done:
        write()
        return False
      if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
        write()
        written = time.monotonic()
      shown.update(1)
  _say_saved(write(), out)
  return True


def _reproduce_cost(name: str, out: pathlib.Path) -> bool:
  full = reproduction.Scale(num_seeds=1)
  configs = {
    row: reproduction.cell_config(cell, _load_config, full)
    for row, cell in training_cost.COSTS[name].cells.items()
  }
  options = {'count': 50}
  if _SCALE.value == 'smoke':
    options = {'count': 2, 'rounds': 2, 'image_shape': (8, 8, 1)}
  rows = training_cost.measure(name, configs, **options)
  remarks = _remarks(**_here(count=1))
  paths = training_cost.save(name, rows, remarks, out, suffix=_suffix())
  _say_saved(paths, out)
  return True


def _smoke_images(figure, count: int):
  """Digits in place of the figure's images: clean, then with rising noise."""
  digits = data.load(reproduction.SMOKE.overrides['dataset'], 'test')
  count = min(count, figure.num_images)
  images = np.asarray(digits.images[:count], np.float32) / 255
  degrade = corruptions.DEGRADATIONS[_SMOKE_DEGRADATION]
  found = {}
  for place, name in enumerate(figure.datasets):
    amount = 0.2 * place
    noisy = degrade(random_keys.root_key(0), images, amount=amount)
    labels = digits.labels[:count]
    found[f'{_SMOKE_DEGRADATION} {amount:g} for {name}'] = (noisy, labels)
  return found


def _reproduce_figure(name: str, out: pathlib.Path) -> bool:
  """Draws a figure of single classifiers; whether they were trained."""
  figure, scale = papers.FIGURES[name], _scale()
  configs = {
    classifier: reproduction.cell_config(cell, _load_config, scale)
    for classifier, cell in figure.cells.items()
  }
  if _SCALE.value == 'smoke':
    images = _smoke_images(figure, scale.num_images)
  else:
    side = next(iter(configs.values())).input.side
    images = figures.images_of(figure, _DATA_DIR.value, side=side)
  # Statements are judged over seeds; what is only drawn needs one.
  seeds = range(scale.num_seeds if figure.claims else 1)
  restored, runs = {seed: {} for seed in seeds}, []
  for classifier, config in configs.items():
    for seed in seeds:
      workdir = run_files.seed_folder(
        reproduction.run_folder(out, config), seed
      )
      own = reproduction.with_seed(config, seed)
      summary = robustjax.train(own, workdir, data_dir=_DATA_DIR.value)
      if not summary['finished']:
        return False
      restored[seed][classifier] = robustjax.restore(workdir)
    shown = 'seed 0' if len(seeds) == 1 else f'seeds 0 to {seeds[-1]}, 0 drawn'
    runs.append(f'{config.variant}, {shown}, {config.num_epochs} epochs')
  remarks = _remarks(classifier='; '.join(runs), **_here(jax.device_count()))
  paths = figures.draw(name, restored, images, out, remarks, suffix=_suffix())
  _say_saved(paths, out)
  return True


def _reproduce(kind: str, name: str, out: pathlib.Path) -> bool:
  """Runs one table or figure; whether it is done."""
  if kind == 'table' and name in training_cost.COSTS:
    return _reproduce_cost(name, out)
  if kind == 'table':
    return _reproduce_table(name, papers.TABLES[name], out)
  if name in papers.CURVES:
    return _reproduce_table(name, papers.CURVES[name], out)
  return _reproduce_figure(name, out)


def _wanted() -> list[tuple[str, str]]:
  """The tables and figures the flags name, all of them checked."""
  known = {'table': _tables(), 'figure': _figures()}
  given = {'table': _TABLE.value, 'figure': _FIGURE.value}
  found = [(kind, name) for kind, name in given.items() if name is not None]
  for kind, name in found:
    errors.check_choice(kind, name, known[kind])
  if _ALL.value:
    return [(kind, name) for kind, names in known.items() for name in names]
  costs = training_cost.COSTS.keys()
  for flag in (_NUM_SEEDS, _NUM_EPOCHS, _NUM_IMAGES, _OVERRIDES):
    if flag.value and found and {one for _, one in found} <= costs:
      expected = f'none for {", ".join(costs)}: no model is trained'
      raise errors.InputError(flag.name, expected, f'{flag.value}')
  if not found:
    expected = '--table, --figure, --all or --list'
    raise errors.InputError('arguments', expected, 'none of them')
  return found


def _check(kind: str, name: str) -> None:
  """Raises errors.InputError on bad overrides, rows and columns."""
  scale = _scale()
  if kind == 'figure' and name in papers.FIGURES:
    for cell in papers.FIGURES[name].cells.values():
      reproduction.cell_config(cell, _load_config, scale)
    return
  table = (papers.TABLES if kind == 'table' else papers.CURVES).get(name)
  if table is not None:  # What a training costs has no cells.
    table = tables.only(table, rows=_ROWS.value, columns=_COLUMNS.value)
    reproduction.run_names(table, _load_config, scale)


def main(unused_names):
  if _LIST.value:
    return _print_list()
  wanted, out = _wanted(), run_files.check_new('out', _OUT.value)
  for kind, name in wanted:  # All of them, before anything is written.
    _check(kind, name)
  with files.writing(out):
    out.mkdir(parents=True, exist_ok=True)
  for kind, name in wanted:
    if not _reproduce(kind, name, out):
      print('interrupted; the same command resumes')
      return command_line.INTERRUPTED
  return None


if __name__ == '__main__':
  command_line.run(main)
