"""Means over seeds, with how far they can be trusted."""

from collections.abc import Mapping
from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from robustjax import errors


class Summary(NamedTuple):
  """A sample of one value per seed.

  Attributes:
    mean: of the values.
    deviation: sample standard deviation (n - 1); nan for one value.
    half_width: of the 95 % interval of the mean (Student's t); nan for one.
    n: number of values.
  """

  mean: float
  deviation: float
  half_width: float
  n: int


def summarize(values: Sequence[float], confidence: float = 0.95) -> Summary:
  """Mean, deviation and confidence interval of independent values.

  Args:
    values: one per seed, at least one.
    confidence: of the interval, in (0, 1).

  Returns:
    A `Summary`.

  Raises:
    errors.InputError: if there are no values.
  """
  values = np.asarray(list(values), np.float64)
  if values.ndim != 1 or not len(values):
    raise errors.InputError('values', 'one per seed', f'{values.shape}')
  n, mean = len(values), float(values.mean())
  if n == 1:
    return Summary(mean, math.nan, math.nan, 1)
  deviation = float(values.std(ddof=1))
  quantile = float(stats.t.ppf((1 + confidence) / 2, n - 1))
  return Summary(mean, deviation, quantile * deviation / math.sqrt(n), n)


def paired_difference(
  ours: Mapping[int, float], others: Mapping[int, float]
) -> Summary | None:
  """How much more one has than the other, seed by seed.

  Two runs with one seed share their data order and much of what they draw, so
  the difference varies less than either.

  Args:
    ours: value by seed.
    others: value by seed.

  Returns:
    The `Summary` of ours minus others over common seeds; None without any.
  """
  common = sorted(ours.keys() & others.keys())
  if not common:
    return None
  return summarize([ours[seed] - others[seed] for seed in common])
