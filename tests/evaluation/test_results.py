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


def _imagenet_c(total=1_000_000, num_classes=1000):
  """AlexNet's own means at every severity, and its clean error."""
  clean = round((1 - scores.ALEXNET_CLEAN) * total)
  rows = [evaluation.Row('clean', None, clean, total)]
  rows += [
    evaluation.Row(name, None, round((1 - error) * total), total, severity)
    for name, error in scores.ALEXNET.items()
    for severity in range(1, 6)
  ]
  by_class = (total // num_classes,) * num_classes
  rows = [row._replace(class_total=by_class) for row in rows]
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


def test_alexnet_s_errors_are_those_on_imagenet_c():
  small = _imagenet_c(num_classes=10)
  uncounted = small._replace(
    rows=tuple(row._replace(class_total=None) for row in small.rows)
  )
  for found in (small, uncounted, _results(90, 60, 30)):
    assert found.baseline is None
    assert found.mce is None
    assert found.relative_mce is None
    assert found.corruption_errors is None
    assert 'mce' not in found.summary
    assert 'reference' not in found.to_dict()
    assert found.to_records()[0]['reference'] is None
    assert 'mCE' not in found.to_markdown()
  assert _imagenet_c().baseline == scores.OF_ALEXNET


def _severities(name='fog', correct=(80, 60), clean=90, **change):
  rows = [evaluation.Row('identity', None, clean, 100)]
  rows += [
    evaluation.Row(name, None, right, 100, severity)
    for severity, right in enumerate(correct, start=1)
  ]
  found = evaluation.Results('cifar10_c', 'photos', tuple(rows), 'generated')
  return found._replace(**change)


def test_another_classifier_s_errors_are_a_hundred_where_they_are_given():
  base = _severities()
  found = _severities(correct=(70, 60), clean=95).with_reference(base, 'cnn')
  # (.3 + .4) / (.2 + .4)
  assert found.corruption_errors == {'fog': pytest.approx(100 * 0.7 / 0.6)}
  assert found.mce == found.corruption_errors['fog'] == found.summary['mce']
  # (.7 - 2 * .05) / (.6 - 2 * .1)
  assert found.relative_mce == pytest.approx(100 * 0.6 / 0.4)
  assert base.with_reference(base, 'itself').mce == 100.0
  assert found.baseline.name == 'cnn'
  assert '| mCE, cnn = 100 | 116.67 |' in found.to_markdown()
  assert [line['reference'] for line in found.to_records()] == ['cnn'] * 3
  assert found.to_records()[0]['corruption_error'] is None
  assert found.to_records()[1]['corruption_error'] == found.mce
  content = json.loads(json.dumps(found.to_dict()))
  assert content['reference'] == 'cnn'
  assert evaluation.Results.from_dict(content) == found


def test_amounts_and_single_sets_have_corruption_errors_too():
  ours, base = _results(90, 60, 30), _results(80, 80, 50)
  found = ours.with_reference(base, 'cnn')
  assert found.corruption_errors == {
    'fog': pytest.approx(200), 'noise': pytest.approx(140),
  }  # fmt: skip
  assert found.mce == pytest.approx(170)
  # Fog adds nothing to what the reference gets wrong.
  with pytest.raises(errors.InputError, match=r'reference\[fog\]: .*above 0.2'):
    found.relative_mce  # noqa: B018
  assert 'relative_mce' not in found.to_dict()


def test_further_corruptions_do_not_count_towards_mce():
  found = _imagenet_c()
  more = found.rows[-1]._replace(corruption='saturate', correct=0)
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


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'benchmark': None}, 'results, benchmark: expected text'),
    ({'benchmark': '../x'}, 'results, benchmark: expected a name'),
    ({'rows': {}}, 'results, rows: expected a list'),
    ({'rows': [3]}, r'rows\[0\]: expected an object, got 3'),
    ({'rows': [{}]}, r'rows\[0\], corruption: .* got None'),
    ({'intervals': [1]}, 'intervals: '),
    ({'intervals': {'accuracy': [1]}}, 'intervals, accuracy: '),
    ({'intervals': {'accuracy': [1, 'a']}}, 'intervals, accuracy: '),
    ({'reference_errors': 3}, 'reference_errors: '),
    ({'reference_errors': {'fog': [2]}}, 'reference_errors, fog: '),
    ({'reference_errors': {'fog': []}}, 'reference_errors, fog: '),
  ],
)
def test_files_that_were_edited_are_named(change, message):
  with pytest.raises(errors.InputError, match=message):
    evaluation.Results.from_dict(_results(1, 2, 3).to_dict() | change)
  for wrong in (None, 3, []):
    with pytest.raises(errors.InputError, match='results: expected an object'):
      evaluation.Results.from_dict(wrong)


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
