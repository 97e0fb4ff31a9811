import math

import numpy as np
import pytest

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
