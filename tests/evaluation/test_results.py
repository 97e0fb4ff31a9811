import json
import math
import sys
import types

import pytest

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import results
from robustjax.evaluation import scores


def _results(*correct):
  rows = [
    evaluation.Row(name, amount, number, 100)
    for (name, amount), number in zip(
      [('identity', None), ('fog', None), ('noise', 0.5)],
      correct,
      strict=False,
    )
  ]
  return evaluation.Results('test', 'none', tuple(rows))


def _imagenet_c(total=1_000_000):
  """AlexNet's own means at every severity, and its clean error."""
  clean = round((1 - scores.ALEXNET_CLEAN) * total)
  rows = [evaluation.Row('clean', None, clean, total)]
  rows += [
    evaluation.Row(name, None, round((1 - error) * total), total, severity)
    for name, error in scores.ALEXNET.items()
    for severity in range(1, 6)
  ]
  return evaluation.Results('imagenet_c', 'none', tuple(rows))


def test_means_are_over_all_sets_and_over_corrupted_ones():
  found = _results(90, 60, 30)
  assert found.accuracy == pytest.approx(0.6)
  assert found.error == pytest.approx(0.4)
  assert found.corrupted_accuracy == pytest.approx(0.45)
  assert found.clean_accuracy == 0.9
  assert found.per_set == {'identity': 0.9, 'fog': 0.6, 'noise 0.5': 0.3}
  assert math.isnan(_results(90).corrupted_accuracy)
  assert found._replace(rows=found.rows[1:]).clean_accuracy is None


def test_a_corruption_is_the_mean_of_its_strengths():
  found = _results(90, 60, 30)
  more = evaluation.Row('fog', 2.0, 20, 100)
  found = found._replace(rows=(*found.rows, more))
  assert found.per_corruption == {'identity': 0.9, 'fog': 0.4, 'noise': 0.3}
  assert [len(rows) for rows in found.by_corruption.values()] == [1, 2, 1]


def test_alexnet_has_exactly_one_hundred():
  found = _imagenet_c()
  assert found.mce == 100.0
  assert set(found.corruption_errors.values()) == {100.0}
  # 1 - (1 - .4348) is not .4348 to the last digit.
  assert found.relative_mce == pytest.approx(100, rel=1e-12)
  assert found.summary['mce'] == 100.0


def test_further_corruptions_do_not_count_towards_mce():
  found = _imagenet_c()
  more = evaluation.Row('saturate', None, 0, 100, 1)
  assert found._replace(rows=(*found.rows, more)).mce == 100.0


def test_what_mce_lacks_is_named():
  found = _imagenet_c()
  for rows, message in (
    ([r for r in found.rows if r.corruption != 'snow'], 'none of snow'),
    ([r for r in found.rows if r.severity != 4], r'gaussian_noise.* none of 4'),
  ):
    partial = found._replace(rows=tuple(rows))
    with pytest.raises(errors.InputError, match=message):
      partial.mce  # noqa: B018
    assert 'mce' not in partial.summary
    assert 'mce' not in partial.to_dict()
  with pytest.raises(errors.InputError, match='benchmark: .*imagenet_c.* test'):
    _results(1, 2, 3).mce  # noqa: B018
  corrupted = found._replace(rows=found.rows[1:])
  assert corrupted.mce == 100.0
  with pytest.raises(errors.InputError, match='rows: .*identity or clean'):
    corrupted.relative_mce  # noqa: B018


def test_classes_count_over_all_sets():
  rows = (
    evaluation.Row('clean', None, 5, 6, None, 6, 0.1, (2, 3), (2, 4)),
    evaluation.Row('fog', None, 2, 6, None, 4, 0.3, (0, 2), (2, 4)),
  )
  found = evaluation.Results('test', 'none', rows)
  assert found.per_class == {0: 2 / 4, 1: 5 / 8}
  # As many images of each class in every set: the same mean.
  share = [6 / 6 * a for a in (2 / 6, 4 / 6)]
  mean = sum(
    w * a for w, a in zip(share, found.per_class.values(), strict=True)
  )
  assert mean == pytest.approx(found.accuracy)
  assert found.top5_accuracy == pytest.approx((6 / 6 + 4 / 6) / 2)
  assert found.calibration_error == pytest.approx(0.2)


def test_json_gives_results_back():
  row = evaluation.Row('fog', None, 2, 6, 3, 4, 0.3, (0, 2), (2, 4))
  found = evaluation.Results(
    'cifar10_c',
    'a folder',
    (row, evaluation.Row('clean', None, 1, 2)),
    'generated',
    ('rounded to uint8', 'procedural frost [\n 1\n]'),
    {'accuracy': (0.25, 0.75)},
  )
  text = results.to_json(found.to_dict())
  assert evaluation.Results.from_dict(json.loads(text)) == found
  assert '"class_correct": [0, 2],' in text
  assert json.loads(text)['accuracy'] == found.accuracy
  plain = _results(1, 2, 3)
  assert evaluation.Results.from_dict(plain.to_dict()) == plain


def test_files_of_an_earlier_version_are_read():
  old = {
    'benchmark': 'mnist_c',
    'source': 'TFDS mnist_corrupted 1.0.0',
    'accuracy': 0.5,
    'corrupted_accuracy': 0.5,
    'rows': [
      {
        'corruption': 'fog',
        'amount': None,
        'correct': 1,
        'total': 2,
        'accuracy': 0.5,
      }
    ],
  }
  found = evaluation.Results.from_dict(old)
  assert found.rows == (evaluation.Row('fog', None, 1, 2),)
  assert (found.origin, found.processing, found.intervals) == (None, (), None)
  assert found.to_dict() == old


def test_pandas_is_asked_for_only_when_needed(monkeypatch):
  found = _results(90, 60, 30)
  monkeypatch.setitem(sys.modules, 'pandas', None)
  with pytest.raises(errors.InputError, match='pip install pandas'):
    found.to_pandas()
  # pandas is no dependency; its constructor takes a list of dictionaries.
  stub = types.SimpleNamespace(DataFrame=list)
  monkeypatch.setitem(sys.modules, 'pandas', stub)
  lines = found.to_pandas()
  assert [line['accuracy'] for line in lines] == [0.9, 0.6, 0.3]
  assert lines[2]['amount'] == 0.5
