"""Linear discriminants of points in more dimensions than there are points.

Any labels can be separated then. So within-class covariances are shrunk (Ledoit
and Wolf), each point is classified by all others, and both are done again with
shuffled labels: only what is above those says anything.

References:
  Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance
  matrices, 2004: shrinkage towards a scaled identity. (What scikit-learn calls
  shrinkage='auto' first divides every dimension by its deviation within the
  class; here dimensions share one scale.)
"""

import functools
from typing import NamedTuple

import numpy as np

from robustjax import errors
from robustjax import random_keys
from robustjax.evaluation import checks

_NUM_SHUFFLES = 10
_NOTHING = 1e-9  # of the largest singular value: what rounding leaves of zero


_MOST_SHUFFLES = 100_000


class Projection(NamedTuple):
  """Points by two discriminants, and how well classes are told apart.

  Attributes:
    points: [N, 2].
    labels: int [N].
    names: of the classes.
    accuracy: of each point, classified by all others.
    shuffled: the same with labels shuffled, several times.
  """

  points: np.ndarray
  labels: np.ndarray
  names: tuple[str, ...]
  accuracy: float
  shuffled: np.ndarray


def _check_points(points) -> np.ndarray:
  """Points [N, K] of finite numbers, N and K at least 1."""
  expected = 'finite numbers [N, K]'
  points = np.asarray(points) if hasattr(points, 'dtype') else points
  if not isinstance(points, np.ndarray) or points.dtype.kind not in 'iuf':
    raise errors.InputError('points', expected, type(points).__name__)
  if points.ndim != 2 or not points.size:
    raise errors.InputError('points', expected, f'shape {points.shape}')
  if not np.isfinite(points).all():
    raise errors.InputError('points', expected, 'inf or nan')
  return points


def _check_labels(labels, count: int) -> np.ndarray:
  """Classes 0, 1, ..., of three points at least, int [N]."""
  labels = np.asarray(labels) if hasattr(labels, 'dtype') else labels
  errors.check_labels('labels', labels, size=count, num_classes=count)
  fewest = np.bincount(labels).min()
  if fewest < 3:
    expected = 'three points of each class at least'
    raise errors.InputError('labels', expected, str(fewest))
  return labels


def _covariance(points: np.ndarray, num_dimensions: int) -> np.ndarray:
  """Ledoit and Wolf's estimate for points written in a basis of their span.

  The points have `num_dimensions` coordinates, of which all but those in the
  basis are 0. Traces and norms do not depend on the basis, so within the span
  the estimate is that of all dimensions; beyond, it is a multiple of the
  identity.

  Args:
    points: [N, R].
    num_dimensions: K, at least R.

  Returns:
    [R, R].
  """
  count, rank = points.shape
  points = points - points.mean(axis=0)
  sample = points.T @ points / count
  scale = np.trace(sample) / num_dimensions
  size = np.sum(sample**2)
  # Squared distances: of the sample to its target, and by chance.
  distance = size - num_dimensions * scale**2
  chance = (np.mean(np.sum(points**2, axis=1) ** 2) - size) / count
  share = 0.0 if chance <= 0 else min(chance / max(distance, chance), 1.0)
  return (1 - share) * sample + share * scale * np.eye(rank)


class _Estimator:
  """`_covariance` as scikit-learn asks for it."""

  def __init__(self, num_dimensions: int):
    self.num_dimensions = num_dimensions

  def fit(self, points: np.ndarray) -> '_Estimator':
    self.covariance_ = _covariance(points, self.num_dimensions)
    return self


def span(points: np.ndarray) -> np.ndarray:
  """Points in an orthonormal basis of what they span about their mean.

  Args:
    points: [N, K].

  Returns:
    float64 [N, R], R below N: the same distances and angles.

  Raises:
    errors.InputError: if the points are all the same, or no finite numbers.
  """
  points = _check_points(points)
  centred = points - points.mean(axis=0, dtype=np.float64)
  left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
  is_spanned = sizes > _NOTHING * max(sizes[0], np.abs(points).max())
  if not is_spanned.any():
    raise errors.InputError('points', 'points that differ', 'all the same')
  return left[:, is_spanned] * sizes[is_spanned]


def left_out_accuracy(
  points: np.ndarray, labels: np.ndarray, num_dimensions: int
) -> float:
  """Share of points that discriminants of all others classify correctly.

  Leaving a point out changes the mean and the covariance of its own class only.

  Args:
    points: [N, R], from `span`.
    labels: int [N]: 0, 1, ..., each of them three times at least.
    num_dimensions: K, of what they span a part of.

  Returns:
    The accuracy, in [0, 1].

  Raises:
    errors.InputError: on other points or labels.
  """
  points = _check_points(points)
  labels = _check_labels(labels, len(points))
  errors.check_integer('num_dimensions', num_dimensions, low=points.shape[1])
  estimate = functools.partial(_covariance, num_dimensions=num_dimensions)
  classes = [points[labels == label] for label in range(labels.max() + 1)]
  means = np.stack([one.mean(axis=0) for one in classes])
  sums = np.stack([len(one) * estimate(one) for one in classes])
  counts = np.bincount(labels)
  correct = 0
  for place, label in enumerate(labels):
    is_left = labels == label
    is_left[place] = False
    left = points[is_left]
    within = sums.sum(axis=0) - sums[label] + len(left) * estimate(left)
    centres, sizes = means.copy(), counts.copy()
    centres[label], sizes[label] = left.mean(axis=0), len(left)
    found = _nearest(points[place], centres, within / sizes.sum(), sizes)
    correct += found == label
  return float(correct / len(labels))


def _nearest(point, centres, within, sizes) -> int:
  """The likeliest class of a point, if all have one covariance."""
  away = point - centres
  distances = np.sum(away * np.linalg.solve(within, away.T).T, axis=1)
  return int(np.argmax(np.log(sizes) - distances / 2))


def project(
  points: np.ndarray,
  labels: np.ndarray,
  names: tuple[str, ...],
  *,
  num_shuffles: int = _NUM_SHUFFLES,
  seed: int = 0,
) -> Projection:
  """Linear discriminant analysis of points in many dimensions.

  All is computed in the span of the points, at most N - 1 dimensions: there the
  shrunk covariances are those of all K dimensions. Beyond it no class differs
  from another, so neither do the discriminants leave it nor do decisions depend
  on it.

  Args:
    points: [N, K].
    labels: int [N], at least three classes.
    names: of the classes.
    num_shuffles: how often labels are shuffled.
    seed: of that.

  Returns:
    A `Projection`.

  Raises:
    errors.InputError: if the points are all the same, or no finite numbers; on
      labels that are no classes of three points at least, or other names.
  """
  from sklearn import discriminant_analysis  # Not needed to import robustjax.

  points = _check_points(points)
  labels = _check_labels(labels, len(points))
  names = checks.items('names', names, 'name')
  if len(names) != labels.max() + 1 or labels.max() < 2:
    expected = f'{max(labels.max() + 1, 3)} names, one per class'
    raise errors.InputError('names', expected, str(len(names)))
  errors.check_integer('num_shuffles', num_shuffles, low=1, high=_MOST_SHUFFLES)
  random_keys.check_seed('seed', seed)
  spanned, count = span(points), points.shape[1]
  fitted = discriminant_analysis.LinearDiscriminantAnalysis(
    solver='eigen', covariance_estimator=_Estimator(count)
  ).fit(spanned, labels)
  rng = np.random.default_rng(seed)
  shuffled = [
    left_out_accuracy(spanned, rng.permutation(labels), count)
    for _ in range(num_shuffles)
  ]
  return Projection(
    fitted.transform(spanned)[:, :2],
    labels,
    tuple(names),
    left_out_accuracy(spanned, labels, count),
    np.array(shuffled),
  )
