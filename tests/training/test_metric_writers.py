import json

from robustjax.training import metric_writers


def _write(workdir, start, steps):
  with metric_writers.MetricWriters(workdir, start) as writers:
    for step in steps:
      writers.write(step, {'loss': step / 10})


def _steps(workdir):
  lines = (workdir / 'metrics.jsonl').read_text().splitlines()
  return [json.loads(line)['step'] for line in lines]


def test_a_resumed_run_leaves_no_step_twice(tmp_path):
  _write(tmp_path, 0, [1, 2, 3, 4])
  _write(tmp_path, 2, [3, 4, 5])
  assert _steps(tmp_path) == [1, 2, 3, 4, 5]


def test_half_a_line_of_a_killed_run_is_dropped(tmp_path):
  _write(tmp_path, 0, [1, 2])
  with (tmp_path / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 3, "lo')
  _write(tmp_path, 2, [3])
  assert _steps(tmp_path) == [1, 2, 3]


def test_tensorboard_gets_every_metric(tmp_path):
  _write(tmp_path, 0, [1, 2])
  (events,) = (tmp_path / 'tensorboard').iterdir()
  assert b'loss' in events.read_bytes()


def test_says_a_line(capsys):
  metric_writers.say('resuming')
  assert capsys.readouterr().out == 'resuming\n'
