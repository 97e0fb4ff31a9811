import runpy

import pytest

from robustjax import papers
from robustjax.papers import reproduction

FULL = reproduction.Scale(num_seeds=10)
ENTRIES = {
  f'{kind} {name}': entry
  for kind, entries in (('table', papers.TABLES), ('figure', papers.CURVES))
  for name, entry in entries.items()
}


@pytest.fixture
def load_config(root, monkeypatch):
  """The configs of this checkout, by FILE:VARIANT."""
  monkeypatch.syspath_prepend(str(root))  # They import one another.

  def load(text):
    file, variant = text.split(':')
    return runpy.run_path(str(root / 'configs' / file))['get_config'](variant)

  return load


@pytest.mark.parametrize('name', ENTRIES)
def test_every_cell_has_a_config_and_a_measure(name, load_config):
  table = ENTRIES[name]
  found = reproduction.run_names(table, load_config, FULL)
  assert found.keys() == table.cells.keys()
  assert all(cell.measure for cell in table.cells.values())
  rows = set(table.rows)
  assert {table.reference, *map(table.reference_of, rows)} <= rows
  assert table.is_figure == name.startswith('figure')


@pytest.mark.parametrize('name', ENTRIES)
def test_a_smoke_run_of_every_table_is_of_two_rows(name, load_config):
  found = reproduction.run_names(ENTRIES[name], load_config, reproduction.SMOKE)
  assert len({run for run, _ in found.values()}) == 2
  assert {config.dataset for _, config in found.values()} == {'digits/14'}


def test_panels_and_columns_agree():
  for table in ENTRIES.values():
    assert bool(table.panels) == (table.drawing == 'curves')
    for panel in table.panels:
      places = {
        (row, column)
        for row in panel.rows or table.rows
        for column in panel.columns
      }
      assert places <= table.cells.keys(), panel.title


def test_tables_1_3_and_4_of_noiseout_share_sixty_configurations(load_config):
  names = set()
  for number in (1, 3, 4):
    table = papers.TABLES[f'noiseout/{number}']
    found = reproduction.run_names(table, load_config, FULL)
    names |= {name for name, _ in found.values()}
  assert len(names) == 60


@pytest.mark.parametrize(
  ('paper', 'expected'),
  [
    ('noisy_dropout', 3 * 7),
    ('weight_map', 9 + 10 + 6 + 6),
    # Nine on two data sets; 3 x 7 deviations and none on two; four regimes on
    # two. Of the sweep 1.5 and 3.5, falling and rising, and none are in Figure
    # 1; of that with low resolution first 3.5 and none.
    ('noise_progression', 2 * 9 + 2 * (3 * 7 + 1) - 2 * 3 + 8 - 2 + 2 * 4),
  ],
)
def test_figures_of_a_paper_share_runs(paper, expected, load_config):
  names = set()
  for name, table in ENTRIES.items():
    if f' {paper}/' in name:
      found = reproduction.run_names(table, load_config, FULL)
      names |= {run for run, _ in found.values()}
  assert len(names) == expected


@pytest.mark.parametrize('name', papers.FIGURES)
def test_every_figure_has_its_configs(name, load_config):
  epochs = {'noiseout': 14, 'weight_map': 300}[name.split('/')[0]]
  epochs = {'noiseout/5': 30, 'noiseout/5-cifar10': 30}.get(name, epochs)
  for cell in papers.FIGURES[name].cells.values():
    config = reproduction.cell_config(cell, load_config, FULL)
    assert config.num_epochs == epochs
