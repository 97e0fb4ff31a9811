import runpy

import pytest

from robustjax import papers
from robustjax.papers import reproduction


@pytest.fixture
def load_config(root):
  """The configs of this checkout, by FILE:VARIANT."""

  def load(text):
    file, variant = text.split(':')
    return runpy.run_path(str(root / 'configs' / file))['get_config'](variant)

  return load


@pytest.mark.parametrize('name', [*papers.TABLES, *papers.CURVES])
@pytest.mark.parametrize('scale', ['full', 'smoke'])
def test_every_cell_has_a_config(name, scale, load_config):
  full = reproduction.Scale({}, 10)
  scale = {'full': full, 'smoke': reproduction.SMOKE}[scale]
  table = {**papers.TABLES, **papers.CURVES}[name]
  found = reproduction.run_names(table, load_config, scale)
  assert found.keys() == table.cells.keys()
  assert table.reference in table.rows


def test_tables_1_3_and_4_of_noiseout_share_sixty_configurations(load_config):
  full = reproduction.Scale({}, 10)
  names = set()
  for number in (1, 3, 4):
    table = papers.TABLES[f'noiseout/{number}']
    found = reproduction.run_names(table, load_config, full)
    names |= {name for name, _ in found.values()}
  assert len(names) == 60


@pytest.mark.parametrize('name', papers.FIGURES)
def test_every_figure_has_a_config(name, load_config):
  full = reproduction.Scale({}, 1)
  cell = papers.FIGURES[name].cell
  config = reproduction.cell_config(cell, load_config, full)
  assert config.num_epochs == 14
