import math

import numpy as np
import pytest
from scipy import stats

from robustjax import errors
from robustjax.evaluation import statistics


def test_equals_a_worked_example():
  # t(0.975, 3 degrees of freedom) = 3.182446, from a printed table.
  found = statistics.summarize([1.0, 2.0, 4.0, 5.0])
  assert found.n == 4
  assert found.mean == 3.0
  assert found.deviation == pytest.approx(math.sqrt(10 / 3))
  assert found.half_width == pytest.approx(3.182446 * math.sqrt(10 / 3) / 2)


def test_one_value_has_no_deviation():
  found = statistics.summarize([0.5])
  assert (found.mean, found.n) == (0.5, 1)
  assert math.isnan(found.deviation)
  assert math.isnan(found.half_width)


def test_the_interval_covers_the_mean_as_often_as_it_says(rng):
  draws = rng.normal(3, 2, size=(2000, 5))
  found = [statistics.summarize(values) for values in draws]
  covered = np.mean([abs(one.mean - 3) <= one.half_width for one in found])
  # 4 standard errors of a share of 0.95 among 2000.
  assert abs(covered - 0.95) <= 4 * math.sqrt(0.95 * 0.05 / 2000)


def test_differences_are_paired_by_seed():
  ours, others = {0: 1.0, 1: 5.0, 2: 9.0}, {1: 4.0, 2: 7.0, 3: 0.0}
  found = statistics.paired_difference(ours, others)
  assert (found.mean, found.n) == (1.5, 2)
  assert statistics.paired_difference({0: 1.0}, {1: 1.0}) is None


def test_no_values_are_named():
  with pytest.raises(errors.InputError, match='values: expected one per seed'):
    statistics.summarize([])


def test_bootstrap_equals_a_literal_one(rng):
  values = rng.integers(0, 4, 40) / 3
  found = statistics.bootstrap_interval(values, num_resamples=20_000)
  drawn = rng.integers(0, 40, (20_000, 40))
  low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
  assert found.mean == pytest.approx(values.mean())
  # A quantile of 20,000 draws has the standard error
  # sqrt(.025 * .975 / 20000) / density = .0011 / .058 deviations; both are
  # drawn, so 4 sqrt(2) of them. Means are multiples of 1 / 120.
  deviation = values.std() / math.sqrt(40)
  tolerance = 4 * math.sqrt(2) * 0.0011 / 0.058 * deviation + 1 / 120
  assert found.low == pytest.approx(low, abs=tolerance)
  assert found.high == pytest.approx(high, abs=tolerance)


def test_images_are_resampled_jointly_over_sets(rng):
  is_correct = rng.uniform(size=100) < 0.7
  once = statistics.bootstrap_interval(is_correct)
  # The same results in every set say no more than those of one set.
  assert statistics.bootstrap_interval([is_correct] * 3) == pytest.approx(once)
  sets = rng.uniform(size=(16, 100)) < 0.7
  several = statistics.bootstrap_interval(sets)
  assert several.mean == pytest.approx(sets.mean())
  assert several.high - several.low < 0.5 * (once.high - once.low)


def test_the_bootstrap_interval_covers_as_often_as_it_says(rng):
  draws = rng.uniform(size=(1000, 200)) < 0.7
  found = [
    statistics.bootstrap_interval(one, num_resamples=1000) for one in draws
  ]
  covered = np.mean([one.low <= 0.7 <= one.high for one in found])
  # 4 standard errors of a share of 0.95 among 1000; the percentile interval of
  # 200 draws covers 0.945 (the binomial is discrete).
  assert abs(covered - 0.945) <= 4 * math.sqrt(0.95 * 0.05 / 1000)


def test_the_bootstrap_is_seeded_and_the_same_in_parts(rng, monkeypatch):
  values = rng.uniform(size=50)
  first = statistics.bootstrap_interval(values, seed=1, num_resamples=70)
  assert (
    statistics.bootstrap_interval(values, seed=1, num_resamples=70) == first
  )
  assert (
    statistics.bootstrap_interval(values, seed=2, num_resamples=70) != first
  )
  monkeypatch.setattr(statistics, '_MAX_COUNTS', 50 * 11)
  again = statistics.bootstrap_interval(values, seed=1, num_resamples=70)
  assert again == pytest.approx(first, rel=1e-12)


def test_a_sure_result_has_an_interval_of_no_width():
  found = statistics.bootstrap_interval(np.ones(10, bool))
  assert found == (1.0, 1.0, 1.0)
  with pytest.raises(errors.InputError, match='values: '):
    statistics.bootstrap_interval(np.ones((2, 0)))


def _pair(both, only_ours, only_others, neither):
  ours = [True] * (both + only_ours) + [False] * (only_others + neither)
  others = [True] * both + [False] * only_ours + [True] * only_others
  return np.array(ours), np.array(others + [False] * neither)


def test_mcnemar_equals_the_published_example():
  # Fagerland et al., 2013, table 1 (airway hyper-responsiveness): 1 and 7
  # discordant pairs of 21, exact p .0703, mid-p .0391.
  found = statistics.mcnemar(*_pair(1, 1, 7, 12))
  assert (found.only_ours, found.only_others) == (1, 7)
  assert found.p_value == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(('b', 'c'), [(0, 3), (12, 5), (40, 90), (2100, 1900)])
def test_mcnemar_is_the_exact_test_less_half_of_what_was_seen(b, c):
  found = statistics.mcnemar(*_pair(10, b, c, 20))
  exact = stats.binomtest(b, b + c).pvalue
  seen = math.comb(b + c, b) / 2 ** (b + c)
  assert found.p_value == pytest.approx(exact - seen, rel=1e-9)


def test_classifiers_alike_have_a_p_value_of_one():
  ours, others = _pair(3, 0, 0, 3)
  assert statistics.mcnemar(ours, others) == (0, 0, 1.0)
  assert statistics.mcnemar(*_pair(3, 4, 4, 3)).p_value == 1.0


def test_images_count_by_how_many_of_their_versions_are_right(rng):
  skill = rng.uniform(0.3, 1, 300)
  ours = rng.uniform(size=(4, 300)) < skill
  others = rng.uniform(size=(4, 300)) < skill - 0.02
  found = statistics.mcnemar(ours, others)
  difference = ours.sum(axis=0) - others.sum(axis=0)
  assert found.only_ours == (difference > 0).sum()
  assert found.only_others == (difference < 0).sum()
  signs = rng.choice([-1, 1], size=(20_000, 300))
  drawn = np.abs(signs @ difference)
  seen = abs(difference.sum())
  # Half of what was seen left out, which the continuous normal does as well.
  expected = (drawn > seen).mean() + (drawn == seen).mean() / 2
  assert 0.01 < expected < 0.99
  error = math.sqrt(expected * (1 - expected) / 20_000)
  # 4 standard errors, and 1 / 300 for the approximation.
  assert found.p_value == pytest.approx(expected, abs=4 * error + 1 / 300)


def test_versions_of_an_image_are_not_taken_for_independent(rng):
  ours, others = rng.uniform(size=(2, 100)) < 0.8
  once = statistics.mcnemar(ours, others)
  several = statistics.mcnemar([ours] * 5, [others] * 5)
  assert several[:2] == once[:2]
  # The normal approximation of a binomial of some 30.
  assert several.p_value == pytest.approx(once.p_value, abs=0.02)


@pytest.mark.parametrize('shape', [(60,), (3, 60)])
def test_the_p_value_is_at_most_as_small_as_chance_makes_it(rng, shape):
  p_values = [
    statistics.mcnemar(*(rng.uniform(size=(2, *shape)) < 0.8)).p_value
    for _ in range(1000)
  ]
  # 4 standard errors of a share of 0.05 among 1000.
  limit = 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1000)
  assert np.mean(np.array(p_values) <= 0.05) <= limit


def test_a_difference_is_paired_by_image(rng):
  ours, others = _pair(70, 6, 2, 22)
  found = statistics.bootstrap_difference(ours, others)
  assert found.mean == pytest.approx(0.04)
  # The deviation of a mean of 8 ones or minus ones among 100, by hand; not of
  # the difference of two independent accuracies, which is 2.2 times as large.
  deviation = math.sqrt((0.08 - 0.04**2) / 100)
  assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=0.1)


def test_results_on_other_images_cannot_be_paired():
  ours, others = _pair(1, 1, 1, 1)
  with pytest.raises(errors.InputError, match=r'others: .*\(4,\), as ours'):
    statistics.mcnemar(ours, others[:3])
  with pytest.raises(errors.InputError, match='got int64'):
    statistics.bootstrap_difference(ours, others.astype(np.int64))


def test_holm_equals_its_definition(rng):
  # m_k = (m - k + 1) p_(k), made monotone by a running maximum.
  for p in rng.uniform(0, 0.3, size=(20, 6)).round(1):
    order = np.argsort(p, kind='stable')
    expected = np.empty(6)
    for place, test in enumerate(order):
      expected[test] = max(
        min(1, (6 - k) * p[order[k]]) for k in range(place + 1)
      )
    names = dict(zip('abcdef', p, strict=True))
    assert list(statistics.holm(names)) == list('abcdef')
    np.testing.assert_allclose(list(statistics.holm(names).values()), expected)


def test_holm_of_worked_examples():
  # d: 4 * .005; a: 3 * .01; c: 2 * .03; b: 1 * .04, raised to c's.
  given = {'a': 0.01, 'b': 0.04, 'c': 0.03, 'd': 0.005}
  found = statistics.holm(given)
  assert found == pytest.approx({'a': 0.03, 'b': 0.06, 'c': 0.06, 'd': 0.02})
  assert statistics.holm({}) == {}
  with pytest.raises(errors.InputError, match=r'p_values\[fog\]'):
    statistics.holm({'fog': 1.2})


_BAD_CONFIDENCES = (-1.0, 0.0, 1.0, 2.0, math.nan, None, '0.9', [0.9], True)


@pytest.mark.parametrize('confidence', _BAD_CONFIDENCES)
def test_a_confidence_is_between_0_and_1(confidence):
  for call in (
    lambda: statistics.summarize([1.0, 2.0], confidence),
    lambda: statistics.bootstrap_interval([1.0, 2.0], confidence=confidence),
    lambda: statistics.bootstrap_difference(
      [True], [False], confidence=confidence
    ),
  ):
    with pytest.raises(errors.InputError, match='confidence: expected a num'):
      call()


@pytest.mark.parametrize(
  'values',
  [[], [np.nan, 1.0], [np.inf], ['a'], None, 3, 'ab', [[1], [1, 2]], {1: 2.0}],
)
def test_values_are_finite_numbers(values):
  for function in (statistics.summarize, statistics.bootstrap_interval):
    with pytest.raises(errors.InputError, match='values: expected'):
      function(values)


def test_other_options_and_arrays_are_named():
  for field, value in (
    ('num_resamples', 0),
    ('num_resamples', -3),
    ('num_resamples', 1e4),
    ('num_resamples', 10**12),
    ('seed', -1),
    ('seed', None),
  ):
    with pytest.raises(errors.InputError, match=f'{field}: '):
      statistics.bootstrap_interval([1.0, 2.0], **{field: value})
  for empty in ([], np.zeros((2, 0), bool), np.ones((1, 1, 1), bool), None):
    with pytest.raises(errors.InputError, match='ours: expected bool'):
      statistics.mcnemar(empty, empty)
  with pytest.raises(errors.InputError, match='ours: '):
    statistics.paired_difference([1.0], {0: 1.0})
  with pytest.raises(errors.InputError, match='others: '):
    statistics.paired_difference({0: 1.0}, {0: 'a'})
  for wrong in ([0.1], None, {'fog': 'a'}, {'fog': np.ones(2)}):
    with pytest.raises(errors.InputError, match='p_values'):
      statistics.holm(wrong)
