import ml_collections
import pytest

from robustjax.papers import collecting
from robustjax.papers import measures
from robustjax.papers import reporting
from robustjax.papers import reproduction
from robustjax.papers import tables

CONFIG = ml_collections.ConfigDict({'dataset': 'digits', 'num_epochs': 3})
SUMMARY = {'devices': '2 x chip', 'jax': '1', 'python': '3'}


@pytest.mark.parametrize('is_part', [False, True])
def test_a_report_says_what_was_run(tmp_path, monkeypatch, is_part):
  measure = measures.clean_accuracy()
  cells = {('a', 'x'): tables.Cell('f.py:v', {}, 50.0, measure=measure)}
  table = tables.Table('t', cells, 'a', 'n')
  runs = {('a', 'x'): ('name', CONFIG)}
  found = {('a', 'x'): {0: 0.25}}
  collected = collecting.Collected(found, {'also': found}, (SUMMARY, SUMMARY))
  monkeypatch.setattr(collecting, 'collect', lambda *arguments: collected)
  scale = reproduction.Scale(1)
  if is_part:
    scale = scale._replace(num_images=7, num_rows=1)
  paths = reporting.write(
    'p/1', table, runs, tmp_path, scale, {'changed': 'x=y'}, '-x=y'
  )
  assert paths[2].name == 'p-table-1-x=y.md'
  text = paths[2].read_text()
  for line in (
    '- changed: x=y',
    '- measured on: clean',
    '- trained on: digits',
    '- epochs: 3',
    '- devices: 2 x chip',
    '- versions: JAX 1, Python 3',
    'Ours, also',
  ):
    assert line in text
  assert ('- images: the first 7 of the test set' in text) is is_part
  assert ('- rows: ' in text) is is_part
