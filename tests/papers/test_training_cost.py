import csv

import pytest

from robustjax.papers import training_cost
from robustjax.training import timing


def test_rows_hold_ours_and_the_papers(monkeypatch, tmp_path):
  times = {'CNN': timing.Timing([2.0, 2.0, 9.0], 1.0)}
  times['NoiseOut'] = timing.Timing([3.0, 2.5, 1.0], 1.5)
  monkeypatch.setattr(timing, 'time_steps', lambda configs: times)
  rows = training_cost.measure({})
  cnn, noiseout = rows
  assert (cnn['step_ms'], noiseout['step_ms']) == (2.0, 2.5)
  assert noiseout['ratio'] == 1.25
  assert cnn['seconds_14_epochs'] == pytest.approx(14 * 938 * 0.002)
  assert noiseout['published_ratio'] == pytest.approx(237.91 / 230.76)
  paths = training_cost.save(rows, {'devices': 'x'}, tmp_path)
  text = paths[2].read_text()
  assert '| NoiseOut | 2.50 | 1.250 |' in text
  assert '| 237.91 ± 1.96 | 1.031 |' in text
  with paths[1].open() as file:
    assert [row['model'] for row in csv.DictReader(file)] == list(times)
