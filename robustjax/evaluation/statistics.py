"""How far a figure can be trusted: over seeds, over images, between two models.

A deviation over seeds says how training varies; an interval over images says
how far the test images stand for all images. They are different questions.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from robustjax import errors
from robustjax import random_keys
from robustjax.evaluation import checks

_MAX_COUNTS = 10_000_000  # held at once while resampling: 80 MB
_MOST_RESAMPLES = 10_000_000


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


class Interval(NamedTuple):
  """A mean over images with its confidence interval.

  Attributes:
    mean: of the values.
    low: lower end.
    high: upper end.
  """

  mean: float
  low: float
  high: float


class McNemar(NamedTuple):
  """Two classifiers on the same images.

  Attributes:
    only_ours: number of images that ours got right more often.
    only_others: number of images that the other got right more often.
    p_value: two-sided, of the hypothesis that they are equally good.
  """

  only_ours: int
  only_others: int
  p_value: float


def summarize(values: Sequence[float], confidence: float = 0.95) -> Summary:
  """Mean, deviation and confidence interval of independent values.

  Args:
    values: one per seed, at least one.
    confidence: of the interval, in (0, 1).

  Returns:
    A `Summary`.

  Raises:
    errors.InputError: if there are no values, one is not finite, or the
      confidence is not between 0 and 1.
  """
  check_confidence('confidence', confidence)
  values = _numbers('values', values, 'one per seed', (1,))
  n, mean = len(values), float(values.mean())
  if n == 1:
    return Summary(mean, math.nan, math.nan, 1)
  deviation = float(values.std(ddof=1))
  quantile = float(stats.t.ppf((1 + confidence) / 2, n - 1))
  return Summary(mean, deviation, quantile * deviation / math.sqrt(n), n)


def check_confidence(field: str, value: float) -> None:
  """Raises errors.InputError unless `value` is a number between 0 and 1."""
  errors.check_range(field, value, high=1.0, open_low=True)
  if getattr(value, 'shape', ()) or value == 1:
    raise errors.InputError(field, 'a number in (0, 1)', repr(value))


def _numbers(field: str, values, expected: str, ndims) -> np.ndarray:
  """Finite numbers as float64, at least one."""
  if not hasattr(values, 'dtype'):
    is_text = isinstance(values, str | bytes | Mapping)
    if is_text or not isinstance(values, Iterable):
      raise errors.InputError(field, expected, checks.shown(values))
    values = list(values)
  try:
    values = np.asarray(values)
  except ValueError as error:  # Of lists of several lengths.
    raise errors.InputError(field, expected, 'lists unlike') from error
  if values.dtype.kind not in 'biuf':
    raise errors.InputError(field, expected, f'dtype {values.dtype}')
  if values.ndim not in ndims or not values.size:
    raise errors.InputError(field, expected, f'{values.shape}')
  if not np.isfinite(values).all():
    raise errors.InputError(field, 'finite numbers', 'inf or nan')
  return values.astype(np.float64)


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

  Raises:
    errors.InputError: on anything but finite numbers by seed.
  """
  for field, values in (('ours', ours), ('others', others)):
    if not isinstance(values, Mapping):
      raise errors.InputError(field, 'values by seed', checks.shown(values))
    if values:
      _numbers(field, values.values(), 'numbers by seed', (1,))
  common = sorted(ours.keys() & others.keys())
  if not common:
    return None
  return summarize([ours[seed] - others[seed] for seed in common])


def bootstrap_interval(
  values: np.ndarray,
  *,
  confidence: float = 0.95,
  num_resamples: int = 10_000,
  seed: int = 0,
) -> Interval:
  """Percentile bootstrap interval of a mean over images.

  Images are drawn with replacement. Versions of one image in several sets are
  drawn together, as their results are not independent.

  How often each distinct value is drawn is multinomial, so a resample costs as
  much as there are distinct values, not images.

  Args:
    values: a number per image [N], such as 1 where a classifier is right; or
      [S, N] for S sets of the same images, whose mean over sets counts.
    confidence: of the interval, in (0, 1).
    num_resamples: number of resampled means.
    seed: of the draws.

  Returns:
    The `Interval`.

  Raises:
    errors.InputError: if there are no values, one is not finite, the confidence
      is not between 0 and 1, or there are no resamples.

  References:
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
  """
  check_confidence('confidence', confidence)
  errors.check_integer(
    'num_resamples', num_resamples, low=1, high=_MOST_RESAMPLES
  )
  random_keys.check_seed('seed', seed)
  values = _numbers('values', values, 'numbers [N] or [S, N]', (1, 2))
  sums = np.atleast_2d(values).sum(axis=0)
  distinct, counts = np.unique(sums, return_counts=True)
  distinct /= values.size // len(sums)
  rng = np.random.default_rng(seed)
  means = _resampled_means(rng, distinct, counts, num_resamples)
  tail = (1 - confidence) / 2
  low, high = np.quantile(means, [tail, 1 - tail])
  mean = float(distinct @ counts / len(sums))
  return Interval(mean, float(low), float(high))


def _resampled_means(rng, distinct, counts, num_resamples) -> np.ndarray:
  """Means of as many draws as there are values, one per resample."""
  total = counts.sum()
  at_once = max(1, _MAX_COUNTS // len(distinct))
  parts = []
  for start in range(0, num_resamples, at_once):
    size = min(at_once, num_resamples - start)
    drawn = rng.multinomial(total, counts / total, size=size)
    parts.append(drawn @ distinct / total)
  return np.concatenate(parts)


def mcnemar(ours: np.ndarray, others: np.ndarray) -> McNemar:
  """McNemar's test of two classifiers on the same images, mid-p variant.

  Only images that one of the two got right and the other did not say anything:
  if the classifiers are equally good, each is as likely to be of one kind as of
  the other. The p-value is binomial at every number of such images; the mid-p
  variant counts half of the probability of what was observed, which keeps the
  level in practice and is less conservative than the exact test.

  With several sets of the same images an image counts by how many more of its
  versions one of the two got right: its versions are not independent, and
  counting each would find differences that are not there. Were the classifiers
  equally good, the sign of each image's difference would be that of a fair
  coin; the p-value is that of the sum of differences under such signs, by its
  normal approximation. For one set this is McNemar's test.

  Args:
    ours: whether each image was classified right, bool [N] or [S, N].
    others: the same of another classifier.

  Returns:
    The `McNemar`; p is 1 where no image tells them apart.

  Raises:
    errors.InputError: if they are not bool of the same shape, or empty.

  References:
    Fagerland, Lydersen and Laake, The McNemar test for binary matched-pairs
    data: mid-p and asymptotic are better than exact conditional, 2013,
    doi:10.1186/1471-2288-13-91.
  """
  difference = _difference(ours, others).sum(axis=0)
  only_ours = int((difference > 0).sum())
  only_others = int((difference < 0).sum())
  if np.abs(difference).max() <= 1:
    p_value = _mid_p(only_ours, only_others)
  else:
    # The sum of +-d_i has mean 0 and variance sum d_i^2.
    z = difference.sum() / np.sqrt(np.square(difference).sum())
    p_value = 2 * float(stats.norm.sf(abs(z)))
  return McNemar(only_ours, only_others, p_value)


def _mid_p(one: int, other: int) -> float:
  """Two-sided binomial p-value of two counts, half of those seen left out."""
  fewer = min(one, other)
  discordant = stats.binom(one + other, 0.5)
  p_value = 2 * discordant.cdf(fewer - 1) + discordant.pmf(fewer)
  return min(1.0, float(p_value))


def _difference(ours, others) -> np.ndarray:
  """Ours minus others: 1, 0 or -1, int [S, N]."""
  ours, others = (
    _bool(field, one) for field, one in (('ours', ours), ('others', others))
  )
  if ours.shape != others.shape:
    expected = f'bool {ours.shape}, as ours'
    raise errors.InputError('others', expected, f'bool {others.shape}')
  return np.atleast_2d(ours.astype(np.int32) - others.astype(np.int32))


def _bool(field: str, values) -> np.ndarray:
  """Whether images are classified right, [N] or [S, N]."""
  expected = 'bool [N] or [S, N]'
  try:
    values = np.asarray(values)
  except ValueError as error:  # Of lists of several lengths.
    raise errors.InputError(field, expected, 'lists unlike') from error
  if values.dtype != bool or values.ndim not in (1, 2) or not values.size:
    got = f'{values.dtype} {values.shape}'
    raise errors.InputError(field, expected, got)
  return values


def bootstrap_difference(
  ours: np.ndarray, others: np.ndarray, **options
) -> Interval:
  """Interval of the difference of two accuracies on the same images.

  Args:
    ours: whether each image was classified right, bool [N] or [S, N].
    others: the same of another classifier.
    **options: as for `bootstrap_interval`.

  Returns:
    The `Interval` of ours minus others, the images resampled for both together.

  Raises:
    errors.InputError: if they are not bool of the same shape, or empty.
  """
  return bootstrap_interval(_difference(ours, others), **options)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
  """Holm's correction: p-values that hold for a whole family of tests.

  The smallest of m p-values is multiplied by m, the next by m - 1, and so on;
  none may become smaller than the one before it, nor larger than 1. Rejecting
  where the result is at most alpha errs anywhere in the family with probability
  at most alpha, whatever the dependence between the tests.

  Args:
    p_values: in [0, 1], by name of the test.

  Returns:
    Adjusted p-values by name, in the order given.

  Raises:
    errors.InputError: if one is not in [0, 1].

  Example:
    >>> holm({'fog': 0.03, 'snow': 0.01, 'frost': 0.5})
    {'fog': 0.06, 'snow': 0.03, 'frost': 0.5}

  References:
    Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
  """
  if not isinstance(p_values, Mapping):
    got = checks.shown(p_values)
    raise errors.InputError('p_values', 'p-values by name of a test', got)
  for name, p_value in p_values.items():
    if getattr(p_value, 'shape', ()):
      got = f'shape {p_value.shape}'
      raise errors.InputError(f'p_values[{name}]', 'a number', got)
    errors.check_range(f'p_values[{name}]', p_value, high=1.0)
  adjusted, largest = {}, 0.0
  for rank, name in enumerate(sorted(p_values, key=p_values.get)):
    largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
    adjusted[name] = largest
  return {name: adjusted[name] for name in p_values}
