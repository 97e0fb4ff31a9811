import csv
import json
import runpy

import pytest

from robustjax.papers import model_sizes
from robustjax.papers import reproduction
from robustjax.papers import training_cost
from robustjax.training import timing


def _measure(name, rows, monkeypatch):
  times = {
    row: timing.Timing([1.0 + place, 2.0 + place, 9.0], 1.0)
    for place, row in enumerate(rows)
  }
  monkeypatch.setattr(timing, 'time_steps', lambda configs, **options: times)
  size = model_sizes.ModelSize(1234567, 0.1, 0.1)
  monkeypatch.setattr(model_sizes, 'find', lambda config, shape: size)
  return training_cost.measure(name, dict.fromkeys(rows))


def test_rows_hold_ours_and_the_papers(monkeypatch, tmp_path):
  rows = _measure('noiseout/5', ('CNN', 'NoiseOut'), monkeypatch)
  cnn, noiseout = rows
  assert (cnn['step_ms'], noiseout['step_ms']) == (2.0, 3.0)
  assert noiseout['ratio'] == 1.5
  assert cnn['seconds'] == pytest.approx(14 * 938 * 0.002)
  assert noiseout['published_ratio'] == pytest.approx(237.91 / 230.76)
  paths = training_cost.save('noiseout/5', rows, {'devices': 'x'}, tmp_path)
  assert [path.name for path in paths] == [
    f'noiseout-table-5.{end}' for end in ('json', 'csv', 'md')
  ]
  text = paths[2].read_text()
  assert '| NoiseOut | 1,234,567 | 3.00 | 1.500 |' in text
  assert '| 237.91 ± 1.96 | 1.031 |' in text
  assert 's for 14 epochs of steps' in text
  assert json.loads(paths[0].read_text())['rows'] == rows
  with paths[1].open(newline='') as file:
    assert [row['model'] for row in csv.DictReader(file)] == ['CNN', 'NoiseOut']


def test_a_paper_without_numbers_has_no_column_for_them(monkeypatch, tmp_path):
  name = 'noisy_dropout/resources'
  cells = training_cost.COSTS[name].cells
  assert list(cells) == ['standard', 'unscaled, no noise', 'noise 100 %']
  rows = _measure(name, cells, monkeypatch)
  # 50,000 images in batches of 64: 782 steps an epoch.
  assert rows[0]['seconds'] == pytest.approx(10 * 782 * 0.002)
  text = training_cost.to_markdown(name, rows, {})
  assert '| standard | 1,234,567 | 2.00 | 1.000 | 15.6 | 1.0 |' in text
  assert 'paper' not in text
  paths = training_cost.save(name, rows, {}, tmp_path)
  assert paths[2].name == 'noisy_dropout-table-resources.md'


def test_the_models_and_lengths_are_those_of_the_configs(root, monkeypatch):
  monkeypatch.syspath_prepend(str(root))  # They import one another.

  def load(text):
    file, variant = text.split(':')
    return runpy.run_path(str(root / 'configs' / file))['get_config'](variant)

  images = {'noiseout/5': 60_000, 'noisy_dropout/resources': 50_000}
  scale = reproduction.Scale(1)
  for name, cost in training_cost.COSTS.items():
    for cell in cost.cells.values():
      config = reproduction.cell_config(cell, load, scale)
      assert config.num_epochs == cost.num_epochs
      assert -(-images[name] // config.batch_size) == cost.steps_per_epoch
  found = model_sizes.find(config, cost.image_shape)
  # Weights and biases of four 5x5 convolutions and three dense layers.
  sizes = [(25 * 3, 32), (25 * 32, 64), (25 * 64, 128), (25 * 128, 256),
           (4096, 512), (512, 256), (256, 10)]  # fmt: skip
  assert found.parameters == sum(out * (fan_in + 1) for fan_in, out in sizes)
