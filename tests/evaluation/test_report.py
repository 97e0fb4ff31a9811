import csv
import json

import numpy as np
from PIL import Image
import pytest

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import report


@pytest.fixture
def table():
  rows = (
    evaluation.Row('clean', None, 97, 100),
    evaluation.Row('gaussian_noise', 0.1, 55, 100),
  )
  found = evaluation.Results('degradations', 'digits test', rows)
  return {'cnn': found, 'noiseout': found}


def test_saves_json_csv_markdown_and_a_figure(table, tmp_path):
  paths = report.save(table, tmp_path / 'new', details={'seed': 3})
  assert [path.name for path in paths] == [
    f'degradations.{end}' for end in ('json', 'csv', 'md', 'png')
  ]
  content = json.loads(paths[0].read_text())
  assert content['details'] == {'seed': 3}
  assert content['results']['cnn']['accuracy'] == 0.76
  assert content['results']['cnn']['rows'][1] == {
    'corruption': 'gaussian_noise',
    'amount': 0.1,
    'correct': 55,
    'total': 100,
    'accuracy': 0.55,
  }
  with paths[1].open() as file:
    lines = list(csv.DictReader(file))
  assert len(lines) == 4
  assert lines[3]['classifier'] == 'noiseout'
  assert float(lines[3]['accuracy']) == 0.55
  document = paths[2].read_text()
  assert evaluation.to_markdown(table) in document
  assert '- seed: 3' in document
  assert np.asarray(Image.open(paths[3])).std() > 0


def test_nothing_is_written_for_results_that_do_not_match(table, tmp_path):
  table['other'] = table['cnn']._replace(rows=table['cnn'].rows[:1])
  with pytest.raises(errors.InputError, match='other sets'):
    report.save(table, tmp_path / 'new')
  assert not (tmp_path / 'new').exists()
