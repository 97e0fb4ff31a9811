import json

import pytest

from robustjax import errors
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


@pytest.mark.parametrize(
  'damage',
  [
    lambda line: line.replace(b'{', b'['),
    lambda line: line.replace(b'loss', b'lo\xffs'),
    lambda line: b'[]',
    lambda line: b'{"step": null}',
    lambda line: b'7',
    lambda line: b'',
  ],
)
def test_damaged_lines_are_set_aside_and_the_others_kept(
  tmp_path, capsys, damage
):
  _write(tmp_path, 0, [1, 2, 3])
  path = tmp_path / 'metrics.jsonl'
  lines = path.read_bytes().splitlines()
  lines[1] = damage(lines[1])
  content = b''.join(line + b'\n' for line in lines)
  path.write_bytes(content)
  _write(tmp_path, 3, [4])
  assert _steps(tmp_path) == [1, 3, 4]
  assert (tmp_path / 'damaged-metrics.jsonl').read_bytes() == content
  printed = capsys.readouterr().out
  assert printed.count('\n') == 1
  assert '1 damaged lines' in printed


def test_folders_and_files_in_each_other_s_place_are_set_aside(
  tmp_path, capsys
):
  (tmp_path / 'metrics.jsonl').mkdir()
  (tmp_path / 'tensorboard').write_text('')
  _write(tmp_path, 0, [1])
  assert _steps(tmp_path) == [1]
  assert (tmp_path / 'damaged-metrics.jsonl').is_dir()
  assert (tmp_path / 'damaged-tensorboard').is_file()
  assert capsys.readouterr().out.count('\n') == 2


def test_a_full_disk_is_named(tmp_path):
  with (
    pytest.raises(errors.InputError, match='metrics.jsonl: .*No space left'),
    metric_writers.MetricWriters(tmp_path, 0) as writers,
  ):
    writers._lines.close()
    writers._lines = open('/dev/full', 'w')  # noqa: SIM115
    writers.write(1, {'loss': 1.0})
