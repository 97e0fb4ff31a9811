import numpy as np
import pytest

from robustjax import errors
from robustjax.evaluation import scores

# CE of torchvision's ResNet-50 on ImageNet-C to one decimal, in the order of
# `scores.ALEXNET`, and its published mCE.
_RESNET_50 = (
  79.8, 81.6, 82.6, 74.7, 88.6, 78.0, 79.9, 77.8, 74.8, 66.1, 56.6, 71.4, 84.8,
  76.9, 76.8,
)  # fmt: skip
_RESNET_50_MCE = 76.7
# Of the same network, from a public log of an evaluation of all severities:
# mean top-1 accuracy and CE, both in per cent.
_LOGGED = {
  'brightness': (68.02, 56.64),
  'contrast': (39.06, 71.43),
  'defocus_blur': (38.75, 74.71),
  'elastic_transform': (45.25, 84.75),
  'fog': (45.83, 66.11),
  'frost': (38.14, 74.84),
  'gaussian_noise': (29.29, 79.77),
  'glass_blur': (26.79, 88.61),
  'impulse_noise': (23.81, 82.58),
}


def _spread(mean):
  """Five unequal error rates with this mean."""
  return mean * np.array([0.8, 0.9, 1.0, 1.1, 1.2])


def _alexnet():
  return {name: [error] * 5 for name, error in scores.ALEXNET.items()}


def test_alexnet_against_itself_is_exactly_one_hundred():
  assert scores.mean_corruption_error(_alexnet()) == 100.0
  assert set(scores.corruption_errors(_alexnet()).values()) == {100.0}
  assert (
    scores.relative_mean_corruption_error(_alexnet(), scores.ALEXNET_CLEAN)
    == 100.0
  )


@pytest.mark.parametrize('name', _LOGGED)
def test_accuracies_of_a_public_log_give_its_corruption_errors(name):
  accuracy, expected = _LOGGED[name]
  reference = {name: scores.ALEXNET[name]}
  errors_by_severity = {name: _spread(1 - accuracy / 100)}
  found = scores.corruption_errors(errors_by_severity, reference)[name]
  # Both are rounded to two decimals; the first is then divided by AlexNet's.
  assert found == pytest.approx(
    expected, abs=0.005 + 0.005 / scores.ALEXNET[name]
  )


def test_a_published_row_gives_its_published_mce():
  given = dict(zip(scores.ALEXNET, _RESNET_50, strict=True))
  rates = {
    name: _spread(ce / 100 * scores.ALEXNET[name]) for name, ce in given.items()
  }
  assert scores.corruption_errors(rates) == pytest.approx(given)
  # Each CE is rounded by at most 0.05, and so is the mCE.
  found = scores.mean_corruption_error(rates)
  assert found == pytest.approx(_RESNET_50_MCE, abs=0.05 + 0.05)


def test_severities_count_by_their_errors_not_by_their_ratios():
  reference = {'fog': 0.5}
  rates = {'fog': [0.1, 0.2, 0.3, 0.4, 0.5]}
  assert scores.mean_corruption_error(rates, reference) == pytest.approx(60)
  # (1.5 - 5 * 0.1) / (2.5 - 5 * 0.3)
  found = scores.relative_mean_corruption_error(rates, 0.1, reference, 0.3)
  assert found == pytest.approx(100)
  assert scores.mean_error(rates, reference) == pytest.approx(0.3)


def test_errors_may_be_given_by_severity_and_more_corruptions_do_not_count():
  reference = {'fog': 0.5}
  rates = {'fog': {5: 0.5, 4: 0.4, 3: 0.3, 2: 0.2, 1: 0.1}, 'saturate': [1.0]}
  assert scores.corruption_errors(rates, reference) == {
    'fog': pytest.approx(60)
  }


def test_a_reference_may_have_strengths_of_its_own():
  rates = {'fog': {0.1: 0.2, 0.5: 0.4}, 'line': [0.3]}
  reference = {'fog': {0.5: 0.5, 0.1: 0.3}, 'line': [0.1]}
  found = scores.corruption_errors(rates, reference)
  assert found == {
    'fog': pytest.approx(100 * (0.2 + 0.4) / (0.3 + 0.5)),
    'line': pytest.approx(300),
  }
  # (0.6 - 2 * 0.1) / (0.8 - 2 * 0.05), (0.3 - 0.1) / (0.1 - 0.05)
  found = scores.relative_corruption_errors(rates, 0.1, reference, 0.05)
  assert found == {
    'fog': pytest.approx(100 * 0.4 / 0.7),
    'line': pytest.approx(400),
  }
  assert set(scores.corruption_errors(reference, reference).values()) == {100}
  with pytest.raises(errors.InputError, match=r'errors\[fog\]: .*none of 0.1'):
    scores.corruption_errors(rates | {'fog': {0.5: 0.4}}, reference)


def test_a_reference_without_errors_is_named():
  rates = {'fog': [0.5]}
  with pytest.raises(errors.InputError, match=r'reference\[fog\]: .*above 0'):
    scores.corruption_errors(rates, {'fog': [0.0]})
  assert scores.mean_error(rates, {'fog': [0.0]}) == 0.5
  with pytest.raises(errors.InputError, match=r'reference\[fog\]: .*above 0.3'):
    scores.relative_corruption_errors(rates, 0.1, {'fog': [0.3]}, 0.3)
  # Thrice 0.1 is not three times 0.1 to the last digit.
  with pytest.raises(errors.InputError, match=r'reference\[fog\]: .*above 0.1'):
    scores.relative_corruption_errors(
      {'fog': [0.5] * 3}, 0.1, {'fog': [0.1] * 3}, 0.1
    )


@pytest.mark.parametrize(
  'wrong',
  [
    None,
    3,
    'fog',
    [],
    {},
    {'fog': None},
    {'fog': 'abc'},
    {'fog': [None] * 5},
    {'fog': [[0.1] * 5]},
    {'fog': np.ones((5, 2))},
    {'fog': [[1], [1, 2]]},
  ],
)
def test_what_is_no_mapping_of_errors_is_named(wrong):
  with pytest.raises(errors.InputError, match='errors'):
    scores.corruption_errors(wrong, {'fog': 0.5})
  with pytest.raises(errors.InputError, match='reference'):
    scores.corruption_errors({'fog': [0.5] * 5}, wrong)


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'fog': [0.5] * 4}, r'errors\[fog\]: .* 1 to 5, got none of 5'),
    ({'fog': {1: 0.1, 3: 0.1, 5: 0.1}}, 'none of 2, 4'),
    ({'fog': [0.5] * 6}, 'also severity 6'),
    ({'fog': [0.5] * 4 + [np.nan]}, r'errors\[fog\], severity 5: .* nan'),
    ({'fog': [50.0] * 5}, r'severity 1: .* got 50.0'),
  ],
)
def test_what_is_missing_or_wrong_is_named(change, message):
  with pytest.raises(errors.InputError, match=message):
    scores.mean_corruption_error(_alexnet() | change)


def test_a_missing_corruption_is_named():
  rates = _alexnet()
  del rates['snow'], rates['pixelate']
  for function in (
    scores.corruption_errors,
    scores.mean_error,
    lambda r: scores.relative_corruption_errors(r, 0.2),
  ):
    with pytest.raises(errors.InputError, match='none of snow, pixelate'):
      function(rates)
  with pytest.raises(errors.InputError, match='clean_error: .* 23.9'):
    scores.relative_mean_corruption_error(_alexnet(), 23.9)
