"""Numbers read off results made by hand."""

import pytest

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import scores
from robustjax.papers import measures

# Ten images clean, four of class 0; 7 right, 9 of them among five.
CLEAN = evaluation.Row(
  'clean',
  None,
  7,
  10,
  top5_correct=9,
  class_correct=(1, 6),
  class_total=(4, 6),
  class_taken=(1, 9),
)
NOISY = evaluation.Row('gaussian_noise', 0.2, 4, 10)
BLURRED = evaluation.Row('gaussian_blur', 0.2, 2, 10)
FOUND = evaluation.Results('degradations', 'x', (CLEAN, NOISY, BLURRED))
ON = measures.DEGRADATIONS


@pytest.mark.parametrize(
  ('measure', 'expected'),
  [
    (measures.mean_accuracy(ON), (0.7 + 0.4 + 0.2) / 3),
    (measures.corrupted_accuracy(ON), 0.3),
    (measures.clean_accuracy(), 0.7),
    (measures.clean_error(), 0.3),
    (measures.top5_error(), 0.1),
    (measures.class_accuracy(0), 0.25),
    (measures.class_accuracy(1), 1.0),
    (measures.class_accuracy(2), None),
    (measures.accuracy_at('gaussian_noise', 0.2, ON), 0.4),
    (measures.accuracy_at('gaussian_blur', 0.2, ON), 0.2),
    (measures.accuracy_at('gaussian_blur', 0.0, ON), 0.7),
    (measures.error_at('gaussian_noise', 0.2, ON), 0.6),
  ],
)
def test_a_measure_is_one_number(measure, expected):
  assert measure.of(FOUND) == pytest.approx(expected)


@pytest.mark.parametrize(('amount', 'accuracy'), [(0.2, 0.4), (0.5, 0.1)])
def test_a_strength_is_the_one_asked_for(amount, accuracy):
  stronger = evaluation.Row('gaussian_noise', 0.5, 1, 10)
  for rows in ((CLEAN, NOISY, stronger), (stronger, NOISY, CLEAN)):
    found = evaluation.Results('degradations', 'x', rows)
    measure = measures.accuracy_at('gaussian_noise', amount, ON)
    assert measure.of(found) == pytest.approx(accuracy)


def _imagenet_c(errors_):
  """Every set of a corruption has its error; clean ones are all right."""
  rows = [evaluation.Row('clean', None, 1_000_000, 1_000_000)]
  for name, error in errors_.items():
    correct = round(1_000_000 * (1 - error))
    rows += [
      evaluation.Row(name, None, correct, 1_000_000, severity=severity)
      for severity in range(1, 6)
    ]
  rows = [row._replace(class_total=(1000,) * 1000) for row in rows]
  return evaluation.Results('imagenet_c', 'x', tuple(rows))


def test_corruption_errors_are_shares_of_alexnet_s():
  found = _imagenet_c({k: v / 2 for k, v in scores.ALEXNET.items()})
  assert measures.mean_corruption_error().of(found) == pytest.approx(0.5)
  # Half of AlexNet's error, over what corruption adds to AlexNet's clean one.
  added = [v / (v - scores.ALEXNET_CLEAN) for v in scores.ALEXNET.values()]
  expected = 0.5 * sum(added) / len(added)
  relative = measures.relative_mean_corruption_error()
  assert relative.of(found) == pytest.approx(expected, rel=1e-5)
  assert measures.clean_accuracy(measures.IMAGENET_C).of(found) == 1.0


def test_only_imagenet_c_has_corruption_errors():
  for measure in (
    measures.mean_corruption_error(),
    measures.relative_mean_corruption_error(),
  ):
    assert measure.benchmark.label == 'imagenet_c'
    assert measure.of(FOUND) is None
    assert measure.of(FOUND._replace(benchmark='cifar10_c')) is None
  part = _imagenet_c({'fog': 0.5})
  with pytest.raises(errors.InputError, match='errors: .*none of'):
    measures.mean_corruption_error().of(part)


@pytest.mark.parametrize(
  ('score', 'expected'),
  [
    # Of four images of class 0 one is right, of six of class 1 all are; one is
    # taken for class 0, nine for class 1.
    ('precision', 0.4 * 1 / 1 + 0.6 * 6 / 9),
    ('recall', 0.4 * 1 / 4 + 0.6 * 6 / 6),
    ('f1', 0.4 * 2 / 5 + 0.6 * 12 / 15),
  ],
)
def test_scores_by_class_are_weighted_by_their_images(score, expected):
  measure = measures.weighted_score(score)
  assert measure.of(FOUND) == pytest.approx(expected)
  assert (measure.of(FOUND) == pytest.approx(CLEAN.accuracy)) is (
    score == 'recall'
  )


def test_top_5_takes_more_than_five_classes():
  few = FOUND._replace(rows=(CLEAN._replace(top5_correct=None),))
  with pytest.raises(errors.InputError, match='more than five classes'):
    measures.top5_error().of(few)


def test_a_label_says_which_sets_there_are():
  blur = {'gaussian_blur': (0.0, 2.0)}
  benchmark = measures.Benchmark('degradations', blur)
  assert benchmark.label == 'degradations-gaussian_blur-2'
  assert benchmark.options == {'benchmark': 'degradations', 'amounts': blur}
  attack = measures.Benchmark('fgsm', epsilons=(0.0, 1 / 255))
  assert attack.label == 'fgsm-0.00392'
  assert attack.options['epsilons'] == (0.0, 1 / 255)
  assert measures.CLEAN.label == 'clean'
  assert measures.MNIST_C.label == 'mnist_c'
  assert measures.MNIST_C.options == {'benchmark': 'mnist_c'}
