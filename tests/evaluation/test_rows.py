import numpy as np
import pytest

from robustjax import errors
from robustjax.evaluation import predictions
from robustjax.evaluation import rows


@pytest.fixture
def found():
  labels = np.array([0, 0, 1, 1, 1, 3])
  predicted = np.array([0, 1, 1, 1, 0, 3])
  top5 = np.array([True, False, True, True, True, True])
  confidence = np.full(6, 0.5, np.float32)
  return predictions.Predictions(labels, predicted, top5, confidence, 7)


def test_a_row_counts_what_predictions_say(found):
  row = rows.row_of(found, 'fog', severity=3)
  assert row == (
    'fog', None, 4, 6, 3, 5, pytest.approx(abs(4 / 6 - 0.5)),
    (1, 2, 0, 1, 0, 0, 0), (2, 3, 0, 1, 0, 0, 0), (2, 3, 0, 1, 0, 0, 0),
  )  # fmt: skip
  assert (row.accuracy, row.error) == (4 / 6, 2 / 6)
  assert row.top5_accuracy == 5 / 6
  assert row.per_class == {0: 1 / 2, 1: 2 / 3, 3: 1.0}
  assert (
    rows.row_of(found._replace(top5_correct=None), 'x').top5_correct is None
  )


def test_scores_by_class_are_those_of_the_predictions(found):
  # Of class 0 one of two is found, of the two taken for it one is; of class 1
  # two of three; of class 3 all.
  row = rows.row_of(found, 'fog')
  weighted = (2 * 1 / 2 + 3 * 2 / 3 + 1) / 6
  assert row.class_scores == pytest.approx((weighted,) * 3)
  uneven = found._replace(predicted=np.array([0, 1, 1, 1, 1, 3]))
  row = rows.row_of(uneven, 'fog')
  assert row.class_scores == uneven.class_scores()
  assert row.class_scores.recall == pytest.approx(row.accuracy)
  # Precision: 1 of 1, 3 of 4, 1 of 1.
  assert row.class_scores.precision == pytest.approx((2 + 3 * 3 / 4 + 1) / 6)
  again = rows.from_dict(rows.to_dict(row))
  assert again.class_scores == row.class_scores
  with pytest.raises(errors.InputError, match='earlier version'):
    _ = row._replace(class_taken=None).class_scores


def test_labels_say_the_strength():
  assert rows.Row('fog', None, 1, 2).label == 'fog'
  assert rows.Row('fog', None, 1, 2, 3).label == 'fog 3'
  assert rows.Row('noise', 0.05, 1, 2).label == 'noise 0.05'
  assert rows.Row('identity', None, 1, 2).is_clean
  assert not rows.Row('fog', None, 1, 2).is_clean


def test_classes_are_pooled_over_sets(found):
  pair = [rows.row_of(found, 'fog'), rows.row_of(found, 'snow')]
  other = pair[1]._replace(class_correct=(2, 3, 0, 1, 0, 0, 0))
  assert rows.per_class([pair[0], other]) == {0: 3 / 4, 1: 5 / 6, 3: 1.0}
  with pytest.raises(errors.InputError, match='per_class: .*earlier version'):
    rows.per_class([pair[0], rows.Row('fog', None, 1, 2)])


def test_dictionaries_give_rows_back_also_older_ones(found):
  row = rows.row_of(found, 'fog', severity=3)
  assert rows.from_dict(rows.to_dict(row)) == row
  old = {
    'corruption': 'noise', 'amount': None, 'correct': 1, 'total': 2,
    'accuracy': 0.5,
  }  # fmt: skip
  assert rows.from_dict(old) == ('noise', None, 1, 2, *[None] * 6)
  assert rows.to_dict(rows.from_dict(old)) == old


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'corruption': '../x'}, 'corruption: expected a name'),
    ({'corruption': None}, 'corruption: expected a name'),
    ({'total': 0}, 'total: '),
    ({'total': '6'}, 'total: '),
    ({'correct': 7}, 'correct: '),
    ({'correct': -1}, 'correct: '),
    ({'correct': 2.5}, 'correct: '),
    ({'top5_correct': 7}, 'top5_correct: '),
    ({'severity': 'a'}, 'severity: '),
    ({'amount': 'a'}, 'amount: '),
    ({'calibration_error': [1]}, 'calibration_error: '),
    ({'class_total': 6}, 'class_total: expected a list'),
    ({'class_total': [1, 2]}, 'class_total: .*add up to 6'),
    ({'class_total': ['a']}, 'class_total: '),
    ({'class_total': [6]}, 'class_correct: .*class_total'),
    ({'class_correct': [0, 3, 0, 0, 1, 0, 0]}, 'class_correct: .*class_total'),
  ],
)
def test_a_row_that_was_edited_is_named(found, change, message):
  content = rows.to_dict(rows.row_of(found, 'fog', severity=3)) | change
  with pytest.raises(errors.InputError, match=f'row, {message}'):
    rows.from_dict(content)
  for wrong in (None, 3, []):
    with pytest.raises(errors.InputError, match='row: expected an object'):
      rows.from_dict(wrong)


def test_rows_are_of_predictions_with_a_name_and_a_strength(found):
  for arguments, field in (
    ((None, 'fog'), 'found'),
    ((found, '../fog'), 'corruption'),
    ((found, None), 'corruption'),
  ):
    with pytest.raises(errors.InputError, match=f'{field}: '):
      rows.row_of(*arguments)
  with pytest.raises(errors.InputError, match='amount: '):
    rows.row_of(found, 'fog', amount=-1.0)
  with pytest.raises(errors.InputError, match='severity: '):
    rows.row_of(found, 'fog', severity=2.5)


@pytest.mark.parametrize('wrong', [None, [], 3, 'x', [3], ['fog']])
def test_what_are_no_rows_is_named(wrong):
  with pytest.raises(errors.InputError, match='rows: '):
    rows.per_class(wrong)
