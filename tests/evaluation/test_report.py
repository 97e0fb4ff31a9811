import csv
import json

import numpy as np
from PIL import Image
import pytest

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import report
from robustjax.evaluation import scores


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


def test_says_of_each_classifier_what_its_images_were_crafted_on(
  table, tmp_path
):
  itself = 'crafted on the classifier itself'
  for name, done in (('cnn', itself), ('noiseout', 'crafted on cnn')):
    table[name] = table[name]._replace(processing=(done,))
  document = report.save(table, tmp_path)[2].read_text()
  for name, done in (('cnn', itself), ('noiseout', 'crafted on cnn')):
    assert f'Images for {name}: digits test; {done}; 100 per set' in document
  table['noiseout'] = table['cnn']
  document = report.save(table, tmp_path)[2].read_text()
  assert document.count(itself) == 1


def test_nothing_is_written_for_results_that_do_not_match(table, tmp_path):
  table['other'] = table['cnn']._replace(rows=table['cnn'].rows[:1])
  with pytest.raises(errors.InputError, match='other sets'):
    report.save(table, tmp_path / 'new')
  assert not (tmp_path / 'new').exists()


def _imagenet_c():
  rows = [evaluation.Row('clean', None, 76, 100, None, 90, 0.04)]
  rows += [
    evaluation.Row(name, None, 40, 100, severity, 60, 0.1)
    for name in scores.ALEXNET
    for severity in range(1, 6)
  ]
  by_class = (1,) * 100 + (0,) * 900
  right = {n: (1,) * n + (0,) * (1000 - n) for n in (76, 40)}
  rows = [
    row._replace(class_correct=right[row.correct], class_total=by_class)
    for row in rows
  ]
  return evaluation.Results(
    'imagenet_c',
    'photographs',
    tuple(rows),
    'generated',
    ('rounded to uint8', 'JPEG of quality 85'),
  )


def test_a_report_says_what_the_images_are_and_has_the_corruption_errors(
  tmp_path,
):
  found = _imagenet_c()
  paths = report.save({'cnn': found}, tmp_path)
  assert [path.name for path in paths][3:] == [
    'imagenet_c.png', 'imagenet_c-curves.png',
  ]  # fmt: skip
  assert all(path.is_file() for path in paths)
  document = paths[2].read_text()
  assert (
    'Images: photographs (generated); rounded to uint8, JPEG of quality 85;'
    ' 100 per set, each once.'
  ) in document
  assert f'| mCE, AlexNet = 100 | {found.mce:.2f} |' in document
  # 0.6 of AlexNet's 0.819324.
  assert '| fog | 73.2 |' in document
  with paths[1].open() as file:
    lines = list(csv.DictReader(file))
  assert len(lines) == 76
  assert lines[5]['severity'] == '5'
  assert float(lines[5]['error']) == 0.6
  assert lines[5]['reference'] == 'AlexNet'
  content = json.loads(paths[0].read_text())['results']['cnn']
  assert content['mce'] == found.mce
  assert content['reference'] == 'AlexNet'
  assert evaluation.Results.from_dict(content) == found


@pytest.mark.parametrize('num_classes', [2, 21])
def test_few_classes_are_printed(num_classes, tmp_path):
  total = (2,) * num_classes
  right = (1,) + (2,) * (num_classes - 1)
  row = evaluation.Row('clean', None, sum(right), sum(total))
  row = row._replace(class_correct=right, class_total=total)
  found = evaluation.Results('mnist_c', 'none', (row,))
  document = report.save({'cnn': found}, tmp_path)[2].read_text()
  assert ('| 0 | 50.00 |' in document) == (num_classes == 2)


def test_a_reference_is_named_in_every_file(table, tmp_path):
  base = table['cnn']
  rows = (base.rows[0], base.rows[1]._replace(correct=82))
  found = base._replace(rows=rows).with_reference(base, 'plain')
  paths = report.save({'ours': found}, tmp_path)
  content = json.loads(paths[0].read_text())['results']['ours']
  assert content['reference'] == 'plain'
  assert content['mce'] == pytest.approx(100 * 18 / 45)
  with paths[1].open() as file:
    lines = list(csv.DictReader(file))
  assert [line['reference'] for line in lines] == ['plain'] * 2
  assert lines[0]['corruption_error'] == ''
  assert float(lines[1]['corruption_error']) == content['mce']
  document = paths[2].read_text()
  assert 'Corruption errors (CE), plain being 100:' in document
  assert '| gaussian_noise | 40.0 |' in document
  assert '| mCE, plain = 100 | 40.00 |' in document


def test_reports_appear_whole_and_under_names_of_files(table, tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(errors.InputError, match='that can be written'):
    report.save(table, tmp_path / 'file' / 'folder')
  away = {'cnn': table['cnn']._replace(benchmark='../away')}
  with pytest.raises(errors.InputError, match='benchmark: .*away'):
    report.save(away, tmp_path / 'folder')
  with pytest.raises(errors.InputError, match='what JSON can hold'):
    report.save(table, tmp_path / 'folder', details={'x': object()})
  with pytest.raises(errors.InputError, match='details: '):
    report.save(table, tmp_path / 'folder', details=3)
  with pytest.raises(errors.InputError, match='folder: '):
    report.save(table, '~nobody-of-this-name/x')
  assert [path.name for path in tmp_path.iterdir()] == ['file']
