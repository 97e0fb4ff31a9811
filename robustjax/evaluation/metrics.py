"""What a classifier says of images, every image counted exactly once."""

from collections.abc import Callable
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.data import preprocessing
from robustjax.data import sources
from robustjax.evaluation import checks
from robustjax.evaluation import predictions

Corrupt = Callable[[array_types.Array, array_types.Array], array_types.Array]


def batches(
  images: np.ndarray, batch_size: int
) -> Iterator[tuple[array_types.Array, int, int]]:
  """Batches of one size that hold every image once, and some of them twice.

  Args:
    images: uint8 [N, H, W, C], or float in [0, 1].
    batch_size: B, at least 1; N if that is smaller.

  Yields:
    Images float [B, H, W, C] in [0, 1]; the place of the first of them in
    0..N-1; and how many count: the last batch is filled up with copies of the
    last image, so that a jitted function sees one shape.

  Raises:
    errors.InputError: if the batch size is no positive integer, there are no
      images, or they are others.
  """
  errors.check_integer('batch_size', batch_size, low=1)
  checks.images('images', images)
  batch_size = min(batch_size, len(images))
  for start in range(0, len(images), batch_size):
    part = np.asarray(images[start : start + batch_size])
    if part.dtype != np.uint8:
      errors.check_range('images', part, high=1.0)
    copies = np.repeat(part[-1:], batch_size - len(part), axis=0)
    batch = jnp.asarray(np.concatenate([part, copies]))
    if batch.dtype == jnp.uint8:
      batch = preprocessing.to_unit(batch)
    yield batch, start, len(part)


def predictions_of(
  predict: array_types.Predict,
  data: sources.DataSet,
  *,
  corrupt: Corrupt | None = None,
  batch_size: int = 128,
  name: str = 'the images',
) -> predictions.Predictions:
  """What a classifier says of every image of a data set.

  Args:
    predict: images float32 [B, H, W, C] in [0, 1] to logits [B, C].
    data: the images and their labels.
    corrupt: what happens to the images before: (images [B, H, W, C] in [0, 1],
      index int [B]: the place of each in 0..N-1) -> images.
    batch_size: B of every call; see `batches`.
    name: what a message calls the images.

  Returns:
    The `predictions.Predictions`, in the order of the images.

  Raises:
    errors.InputError: if the logits are not [B, C], are not finite (but for
      -inf, the logarithm of 0) or are probabilities, or a label is not in
      [0, C); shapes and labels are checked at the first batch. Or if `corrupt`
      gives images that are not finite. What `predict` raises comes through.
  """
  checks.data('data', data)
  labels = np.asarray(data.labels)
  parts = []
  for logits, start in _logits(
    predict, data.images, corrupt, batch_size, labels, name
  ):
    parts.append(_read(logits, labels[start : start + len(logits)]))
  num_classes = logits.shape[1]
  predicted, top5_correct, confidence = map(
    np.concatenate, zip(*parts, strict=True)
  )
  if num_classes <= predictions.TOP:
    top5_correct = None
  return predictions.Predictions(
    labels, predicted, top5_correct, confidence, num_classes
  )


def _read(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
  """Predicted class, whether the true one is among five, confidence."""
  own = np.take_along_axis(logits, labels[:, None], axis=1)
  is_lower = np.arange(logits.shape[1]) < labels[:, None]
  is_before = (logits > own) | ((logits == own) & is_lower)
  largest = logits.max(axis=1, keepdims=True).astype(np.float64)
  confidence = 1 / np.exp(logits - largest).sum(axis=1)
  return (
    logits.argmax(axis=1).astype(np.int32),
    is_before.sum(axis=1) < predictions.TOP,
    confidence.astype(np.float32),
  )


def first_logits(
  predict: array_types.Predict, images: np.ndarray, *, batch_size: int = 128
) -> np.ndarray:
  """Logits of the first batch: a classifier is checked, or known again, by it.

  Args:
    predict: images float32 [B, H, W, C] in [0, 1] to logits [B, C].
    images: uint8 [N, H, W, C], or float in [0, 1].
    batch_size: B; N if that is smaller.

  Returns:
    float [B, C].

  Raises:
    errors.InputError: as `predictions_of`.
  """
  errors.check_integer('batch_size', batch_size, low=1)
  checks.images('images', images)
  ((logits, _),) = _logits(predict, images[:batch_size], None, batch_size)
  return logits


def predicted_labels(
  predict: array_types.Predict,
  images: np.ndarray,
  *,
  corrupt: Corrupt | None = None,
  batch_size: int = 128,
) -> np.ndarray:
  """The class each image is taken for.

  Args:
    predict: images float32 [B, H, W, C] in [0, 1] to logits [B, C].
    images: uint8 [N, H, W, C], or float in [0, 1].
    corrupt: as for `predictions_of`.
    batch_size: B of every call; see `batches`.

  Returns:
    int [N].

  Raises:
    errors.InputError: as `predictions_of`.
  """
  every = _logits(predict, images, corrupt, batch_size)
  return np.concatenate([logits.argmax(axis=1) for logits, _ in every])


def count_correct(
  predict: array_types.Predict,
  data: sources.DataSet,
  *,
  corrupt: Corrupt | None = None,
  batch_size: int = 128,
) -> predictions.Counts:
  """Top-1 results of a classifier on a data set.

  Args:
    predict: images float32 [B, H, W, C] in [0, 1] to logits [B, C].
    data: the images and their labels.
    corrupt: as for `predictions_of`.
    batch_size: images per call of `predict`.

  Returns:
    The `predictions.Counts`.

  Raises:
    errors.InputError: as `predictions_of`.
  """
  found = predictions_of(predict, data, corrupt=corrupt, batch_size=batch_size)
  return found.counts


def _logits(
  predict, images, corrupt, batch_size, labels=None, name='the images'
) -> Iterator[tuple[np.ndarray, int]]:
  """Logits on the host, copies left out, and the place of the first image.

  Logits are waited for only once the next batch is on its way, so that the
  device works while the host prepares images and reads logits.
  """
  checks.predict('predict', predict)
  if corrupt is not None:
    checks.function('corrupt', corrupt, 'a function of images and places')
  waiting = None
  for output, is_finite, start, count in _outputs(
    predict, images, corrupt, batch_size
  ):
    if waiting is None and labels is not None:
      _check_labels(labels, output.shape[1])
    if waiting is not None:
      yield _to_host(*waiting, name)
    waiting = output, is_finite, start, count
  yield _to_host(*waiting, name)


def _outputs(predict, images, corrupt, batch_size):
  """What `predict` gives for each batch, still on its way; shapes checked."""
  num_classes = None
  for batch, start, count in batches(images, batch_size):
    is_finite = True
    if corrupt is not None:
      batch = corrupt(batch, start + jnp.arange(len(batch)))
      checks.images('corrupt', batch)
      is_finite = jnp.isfinite(batch).all()
    output = predict(batch)
    _check_output(output, len(batch), num_classes)
    num_classes = output.shape[1]
    yield output, is_finite, start, count


def _check_output(output, count: int, num_classes: int | None) -> None:
  shape = getattr(output, 'shape', None)
  expected = f'logits [{count}, {num_classes or "C"}]'
  if not isinstance(shape, tuple):
    raise errors.InputError('predict', expected, type(output).__name__)
  is_right = len(shape) == 2 and shape[1] > 0
  if not is_right or tuple(shape) != (count, num_classes or shape[1]):
    raise errors.InputError('predict', expected, f'shape {tuple(shape)}')


def _check_labels(labels: np.ndarray, num_classes: int) -> None:
  outside = labels[(labels < 0) | (labels >= num_classes)]
  if len(outside):
    expected = f'integers in [0, {num_classes}), as there are logits'
    raise errors.InputError('labels', expected, str(outside[0]))


def _to_host(output, is_finite, start, count, name) -> tuple[np.ndarray, int]:
  logits = np.asarray(output)[:count]
  is_float = checks.is_float(logits.dtype)
  if not is_float and logits.dtype.kind not in 'iu':
    raise errors.InputError('predict', 'logits', f'dtype {logits.dtype}')
  precision = float(jnp.finfo(logits.dtype).eps) if is_float else 0.0
  logits = logits.astype(array_types.at_least_float32(logits.dtype))
  if not is_finite:
    got = 'inf or nan, before the classifier saw them'
    raise errors.InputError('images', f'finite values in {name}', got)
  # A logit of -inf, where another is finite, is that of a probability of 0.
  if not np.isfinite(logits.max(axis=1)).all():
    got = 'inf or nan; the images are finite'
    raise errors.InputError('predict', f'finite logits of {name}', got)
  if _are_probabilities(logits, precision):
    expected = 'logits, or log-probabilities as jnp.log gives them'
    got = 'probabilities: rows of numbers of at least 0 that add up to 1'
    raise errors.InputError('predict', expected, got)
  return logits, start


def _are_probabilities(logits: np.ndarray, precision: float) -> bool:
  """Whether every row is one of probabilities, to rounding.

  Softmax divides by a sum of C numbers, whose rounding in float32 is at most C
  half units in the last place, relative; then each quotient is rounded to the
  dtype at hand, which moves their sum by at most half a unit of that. Both are
  doubled. One class alone has no probabilities to speak of.
  """
  num_classes = logits.shape[1]
  if num_classes == 1 or logits.min() < 0:
    return False
  tolerance = precision + num_classes * np.finfo(np.float32).eps
  sums = logits.sum(axis=1, dtype=np.float64)
  return bool((np.abs(sums - 1) <= tolerance).all())
