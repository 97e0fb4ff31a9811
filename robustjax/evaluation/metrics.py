"""What a classifier says of images, every image counted exactly once."""

from collections.abc import Callable
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.data import preprocessing
from robustjax.data import sources
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
    errors.InputError: if the batch size is no positive integer, or there are
      no images.
  """
  errors.check_integer('batch_size', batch_size, low=1)
  if not len(images):
    raise errors.InputError('images', 'at least one', 'none')
  batch_size = min(batch_size, len(images))
  for start in range(0, len(images), batch_size):
    part = np.asarray(images[start : start + batch_size])
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
) -> predictions.Predictions:
  """What a classifier says of every image of a data set.

  Args:
    predict: images float32 [B, H, W, C] in [0, 1] to logits [B, C].
    data: the images and their labels.
    corrupt: what happens to the images before: (images [B, H, W, C] in [0, 1],
      index int [B]: the place of each in 0..N-1) -> images.
    batch_size: B of every call; see `batches`.

  Returns:
    The `predictions.Predictions`, in the order of the images.

  Raises:
    errors.InputError: if the logits are not [B, C] or not finite, or a label is
      not in [0, C). Shapes and labels are checked at the first batch.
  """
  labels = np.asarray(data.labels)
  if len(labels) != len(data.images):
    expected = f'{len(data.images)}, one per image'
    raise errors.InputError('labels', expected, str(len(labels)))
  parts = []
  for logits, start in _logits(
    predict, data.images, corrupt, batch_size, labels
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
    errors.InputError: if the logits are not [B, C], or not finite.
  """
  errors.check_integer('batch_size', batch_size, low=1)
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
    errors.InputError: if the logits are not [B, C], or not finite.
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
  predict, images, corrupt, batch_size, labels=None
) -> Iterator[tuple[np.ndarray, int]]:
  """Logits on the host, copies left out, and the place of the first image.

  Logits are waited for only once the next batch is on its way, so that the
  device works while the host prepares images and reads logits.
  """
  waiting = None
  for output, start, count in _outputs(predict, images, corrupt, batch_size):
    if waiting is None and labels is not None:
      _check_labels(labels, output.shape[1])
    if waiting is not None:
      yield _to_host(*waiting)
    waiting = output, start, count
  yield _to_host(*waiting)


def _outputs(predict, images, corrupt, batch_size):
  """What `predict` gives for each batch, still on its way; shapes checked."""
  num_classes = None
  for batch, start, count in batches(images, batch_size):
    if corrupt is not None:
      batch = corrupt(batch, start + jnp.arange(len(batch)))
    output = predict(batch)
    shape = getattr(output, 'shape', None)
    is_right = shape is not None and len(shape) == 2 and shape[1] > 0
    if not is_right or shape != (len(batch), num_classes or shape[1]):
      expected = f'logits [{len(batch)}, {num_classes or "C"}]'
      got = type(output).__name__ if shape is None else f'shape {shape}'
      raise errors.InputError('predict', expected, got)
    num_classes = shape[1]
    yield output, start, count


def _check_labels(labels: np.ndarray, num_classes: int) -> None:
  outside = labels[(labels < 0) | (labels >= num_classes)]
  if len(outside):
    expected = f'integers in [0, {num_classes}), as there are logits'
    raise errors.InputError('labels', expected, str(outside[0]))


def _to_host(output, start, count) -> tuple[np.ndarray, int]:
  logits = np.asarray(output)[:count]
  logits = logits.astype(array_types.at_least_float32(logits.dtype))
  if not np.isfinite(logits).all():
    raise errors.InputError('predict', 'finite logits', 'inf or nan')
  return logits, start
