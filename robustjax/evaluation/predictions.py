"""What a classifier says of each image of a set, and what follows from it.

Kept image by image, so that two classifiers can be compared on the same images;
accuracies, scores by class and the calibration error are derived from it.
"""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from robustjax import errors
from robustjax import files
from robustjax.evaluation import checks

TOP = 5  # classes that a prediction may name in `top5_correct`
NUM_BINS = 15  # of the calibration error, as in Guo et al.
_MOST_BINS = 1_000_000


class Counts(NamedTuple):
  """Top-1 results on one set of images.

  Attributes:
    correct: number of images classified right.
    total: number of images.
  """

  correct: int
  total: int

  @property
  def accuracy(self) -> float:
    """Share of images classified right, in [0, 1]."""
    return self.correct / self.total


class ClassScores(NamedTuple):
  """Means over classes, each weighted by its number of images.

  Attributes:
    precision: share of the images taken for a class that are of it.
    recall: share of the images of a class that are taken for it.
    f1: harmonic mean of a class's precision and recall.
  """

  precision: float
  recall: float
  f1: float


class Predictions(NamedTuple):
  """What a classifier says of each image of a set, and what is true.

  Attributes:
    labels: true class, int [N].
    predicted: class of the largest logit, int [N].
    top5_correct: whether the true class is among the five largest logits, bool
      [N]; None with five classes or fewer, where it always is. Of equal logits
      that of the lower class counts as larger, as in `predicted`.
    confidence: the largest softmax probability, float32 [N].
    num_classes: number of logits C.
  """

  labels: np.ndarray
  predicted: np.ndarray
  top5_correct: np.ndarray | None
  confidence: np.ndarray
  num_classes: int

  @property
  def is_correct(self) -> np.ndarray:
    """Whether each image is classified right, bool [N]."""
    return self.predicted == self.labels

  @property
  def counts(self) -> Counts:
    """Images classified right, and images."""
    return Counts(int(self.is_correct.sum()), len(self.labels))

  @property
  def accuracy(self) -> float:
    """Share of images classified right, in [0, 1]."""
    return self.counts.accuracy

  @property
  def top5_accuracy(self) -> float | None:
    """Share of images with the true class among five; None if C <= 5."""
    if self.top5_correct is None:
      return None
    return float(self.top5_correct.mean())

  @property
  def class_total(self) -> np.ndarray:
    """Number of images by true class, int [C]."""
    return np.bincount(self.labels, minlength=self.num_classes)

  @property
  def class_correct(self) -> np.ndarray:
    """Number of them classified right, int [C]."""
    right = self.labels[self.is_correct]
    return np.bincount(right, minlength=self.num_classes)

  @property
  def class_taken(self) -> np.ndarray:
    """Number of images by the class they are taken for, int [C]."""
    return np.bincount(self.predicted, minlength=self.num_classes)

  @property
  def calibration_error(self) -> float:
    """`expected_calibration_error` with 15 bins."""
    return expected_calibration_error(self.confidence, self.is_correct)

  def class_scores(self, importances: np.ndarray | None = None) -> ClassScores:
    """Support-weighted precision, recall and F1.

    A class that no image is taken for has precision 0.

    Args:
      importances: how much an image of each class counts, at least 0, float
        [C]; all the same by default. The weight of a class is its number of
        images times its importance.

    Returns:
      The `ClassScores`.

    Raises:
      errors.InputError: on importances of another shape, or without any
        positive weight.
    """
    weights = self._class_weights(importances)
    counts = self.class_correct, self.class_total, self.class_taken
    return weighted_scores(*counts, weights)

  def _class_weights(self, importances) -> np.ndarray:
    """Share of each class in a weighted mean, float [C]."""
    weights = self.class_total.astype(np.float64)
    if importances is not None:
      expected = f'{self.num_classes} numbers of at least 0, not all 0'
      try:
        importances = np.asarray(importances, np.float64)
      except (TypeError, ValueError) as error:
        got = checks.shown(importances)
        raise errors.InputError('importances', expected, got) from error
      if importances.shape != weights.shape:
        got = f'shape {importances.shape}'
        raise errors.InputError('importances', expected, got)
      weights = weights * importances
      is_valid = np.isfinite(importances).all() and importances.min() >= 0
      if not is_valid or not weights.any():
        got = f'values from {importances.min():g} to {importances.max():g}'
        raise errors.InputError('importances', expected, got)
    return weights / weights.sum()


def weighted_scores(
  correct: np.ndarray,
  total: np.ndarray,
  taken: np.ndarray,
  weights: np.ndarray | None = None,
) -> ClassScores:
  """Precision, recall and F1 from counts by class.

  Args:
    correct: images of each class taken for it, int [C].
    total: images of each class, int [C].
    taken: images taken for each class, int [C]; precision is 0 without any.
    weights: share of each class, float [C]; by default that of its images.

  Returns:
    The `ClassScores`.
  """
  weights = total / total.sum() if weights is None else weights
  scores = (
    correct / np.maximum(taken, 1),
    correct / np.maximum(total, 1),
    2 * correct / np.maximum(taken + total, 1),
  )
  return ClassScores(*(float(weights @ score) for score in scores))


def expected_calibration_error(
  confidence: np.ndarray, is_correct: np.ndarray, *, num_bins: int = NUM_BINS
) -> float:
  """How far confidence is from accuracy, bin by bin of confidence.

  Bins are of equal width and closed on the right: [0, 1/15], (1/15, 2/15] ...

  Args:
    confidence: largest softmax probability, in [0, 1], float [N].
    is_correct: whether the class of that probability is the true one, bool [N].
    num_bins: number of bins.

  Returns:
    The mean over bins, weighted by their number of images, of |mean confidence
    - accuracy|; in [0, 1].

  Raises:
    errors.InputError: on other shapes or dtypes, no images, a confidence
      outside [0, 1], or a number of bins that is none.

  References:
    Guo et al., On Calibration of Modern Neural Networks, 2017,
    arXiv:1706.04599, equation 3.
  """
  errors.check_integer('num_bins', num_bins, low=1, high=_MOST_BINS)
  confidence = _vector('confidence', confidence, 'fiu', 'floats')
  is_correct = _vector('is_correct', is_correct, 'b', 'bool')
  if is_correct.shape != confidence.shape:
    expected = f'bool [{len(confidence)}], as confidence'
    raise errors.InputError('is_correct', expected, f'[{len(is_correct)}]')
  errors.check_range('confidence', confidence, high=1.0)
  # The edges as the nearest numbers of that dtype, as 0.07 itself is one: its
  # product with 100 is above 7.
  edges = np.arange(1, num_bins) / num_bins
  if confidence.dtype.kind == 'f':
    edges = edges.astype(confidence.dtype)
  bins = np.searchsorted(edges, confidence, side='left')
  gaps = np.bincount(
    bins, confidence.astype(np.float64) - is_correct.astype(np.float64)
  )
  return float(np.abs(gaps).sum() / len(confidence))


def _vector(field: str, value, kinds: str, what: str) -> np.ndarray:
  """A value per image as an array [N], N at least 1."""
  try:
    found = np.asarray(value)
  except ValueError:  # Of lists of several lengths.
    found = np.empty((0, 0))
  if found.ndim != 1 or not len(found):
    got = f'shape {found.shape}'
    raise errors.InputError(field, f'{what} [N], N at least 1', got)
  if found.dtype.kind not in kinds:
    raise errors.InputError(field, f'{what} [N]', f'dtype {found.dtype}')
  return found


def save(path: str | os.PathLike, found: Predictions) -> pathlib.Path:
  """Writes predictions as a compressed .npz, under its name only when whole.

  Args:
    path: the file; replaced if it is there. Its folder is made if need be.
    found: what to write; about 6 bytes per image.

  Returns:
    The path written.

  Raises:
    errors.InputError: if it cannot be written.
  """
  path = checks.path('path', path)
  if not isinstance(found, Predictions):
    got = type(found).__name__
    raise errors.InputError('found', 'predictions of a set', got)
  arrays = {
    'labels': found.labels,
    'predicted': found.predicted,
    'confidence': found.confidence,
    'num_classes': np.int32(found.num_classes),
  }
  if found.top5_correct is not None:
    arrays['top5_correct'] = found.top5_correct
  files.write_whole(path, lambda file: np.savez_compressed(file, **arrays))
  return path


def load(path: str | os.PathLike) -> Predictions:
  """Reads what `save` wrote.

  Args:
    path: the .npz file.

  Returns:
    The `Predictions`.

  Raises:
    errors.InputError: if there is no such file, or it is damaged.
  """
  path = checks.path('path', path)
  try:
    # Opened here: NumPy leaves a damaged file open.
    with open(path, 'rb') as file, np.load(file, allow_pickle=False) as archive:
      arrays = dict(archive)
    arrays.setdefault('top5_correct', None)
    arrays['num_classes'] = int(arrays['num_classes'])
    found = Predictions(**arrays)
    _check(found)
  # A damaged archive raises one of many types, from zipfile, zlib and NumPy.
  except Exception as error:
    expected = f'a file of predictions, intact: {path}'
    got = type(error).__name__
    if isinstance(error, errors.InputError):
      got = str(error)
    raise errors.InputError('path', expected, got) from error
  return found


def _check(found: Predictions) -> None:
  """Raises errors.InputError on arrays that no classifier can have given."""
  size, count = len(found.labels), found.num_classes
  for field in ('labels', 'predicted'):
    errors.check_labels(
      field, getattr(found, field), size=size, num_classes=count
    )
  confidence = _vector('confidence', found.confidence, 'f', 'floats')
  errors.check_range('confidence', confidence, high=1.0)
  is_whole = len(confidence) == size
  if found.top5_correct is not None:
    top5_correct = _vector('top5_correct', found.top5_correct, 'b', 'bool')
    is_whole = is_whole and len(top5_correct) == size
  if not is_whole:
    raise errors.InputError('arrays', f'values of {size} images', 'others')
