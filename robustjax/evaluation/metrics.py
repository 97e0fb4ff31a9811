"""How often a classifier is right, every image counted exactly once."""

from collections.abc import Callable
from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.data import preprocessing
from robustjax.data import sources

Corrupt = Callable[[array_types.Array, array_types.Array], array_types.Array]


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
    errors.InputError: if the batch size is no positive integer.
  """
  errors.check_integer('batch_size', batch_size, low=1)
  batch_size = min(batch_size, len(images))
  for start in range(0, len(images), batch_size):
    part = np.asarray(images[start : start + batch_size])
    copies = np.repeat(part[-1:], batch_size - len(part), axis=0)
    batch = jnp.asarray(np.concatenate([part, copies]))
    if batch.dtype == jnp.uint8:
      batch = preprocessing.to_unit(batch)
    yield batch, start, len(part)


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
    corrupt: what happens to the images before: (images [B, H, W, C] in [0, 1],
      index int [B]: the place of each in 0..N-1) -> images.
    batch_size: B of every call; see `batches`.

  Returns:
    int [N].

  Raises:
    errors.InputError: if the logits are not [B, C], or not finite.
  """
  labels = []
  for batch, start, count in batches(images, batch_size):
    if corrupt is not None:
      batch = corrupt(batch, start + jnp.arange(len(batch)))
    logits = np.asarray(predict(batch))
    if logits.ndim != 2 or len(logits) != len(batch):
      expected = f'logits [{len(batch)}, C]'
      raise errors.InputError('predict', expected, f'shape {logits.shape}')
    if not np.isfinite(logits.astype(np.float32)).all():
      raise errors.InputError('predict', 'finite logits', 'inf or nan')
    labels.append(logits[:count].argmax(axis=1))
  return np.concatenate(labels)


def count_correct(
  predict: array_types.Predict,
  data: sources.DataSet,
  *,
  corrupt: Corrupt | None = None,
  batch_size: int = 128,
) -> Counts:
  """Top-1 results of a classifier on a data set.

  Args:
    predict: images float32 [B, H, W, C] in [0, 1] to logits [B, C].
    data: the images and their labels.
    corrupt: as for `predicted_labels`.
    batch_size: images per call of `predict`.

  Returns:
    The `Counts`.
  """
  labels = predicted_labels(
    predict, data.images, corrupt=corrupt, batch_size=batch_size
  )
  return Counts(int((labels == data.labels).sum()), len(labels))
