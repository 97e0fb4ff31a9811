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
