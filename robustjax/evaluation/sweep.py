"""A classifier on every set of a benchmark."""

import os

import jax
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax import progress
from robustjax import random_keys
from robustjax.corruptions import catalog
from robustjax.data import sources
from robustjax.evaluation import metrics
from robustjax.evaluation import results

BENCHMARKS = ('mnist_c', 'degradations')

# The static data set's 16 configurations (Mu and Gilmer, 2019).
MNIST_C = (
  'identity',
  'shot_noise',
  'impulse_noise',
  'glass_blur',
  'motion_blur',
  'shear',
  'scale',
  'rotate',
  'brightness',
  'translate',
  'stripe',
  'fog',
  'spatter',
  'dotted_line',
  'zigzag',
  'canny_edges',
)


def evaluate(
  predict: array_types.Predict,
  source: sources.DataSet | tuple[np.ndarray, np.ndarray] | None = None,
  *,
  benchmark: str = 'mnist_c',
  data_dir: str | os.PathLike | None = None,
  batch_size: int = 128,
  seed: int = 0,
) -> results.Results:
  """Measures a classifier on every set of a benchmark, each image once.

  Args:
    predict: any function from images float32 [B, H, W, C] in [0, 1] to logits
      [B, C]: linen, NNX, Equinox, a lambda.
    source: for 'degradations', the clean images to corrupt: a data set, or
      images (uint8, or float in [0, 1]) and labels. For 'mnist_c' nothing: its
      sets are read from `data_dir`.
    benchmark: 'mnist_c' (the 16 sets of the TFDS data set `mnist_corrupted`) or
      'degradations' (every amount of `corruptions.DEGRADATIONS`).
    data_dir: folder of prepared TFDS data sets; see `data.load`.
    batch_size: images per call of `predict`.
    seed: of the corruptions' draws.

  Returns:
    The `Results`.

  Raises:
    errors.InputError: on an unknown benchmark, a missing or superfluous source,
      a data set that is not prepared, or a `predict` that gives no logits.

  Example:
    >>> import jax.numpy as jnp
    >>> from robustjax import data
    >>> always_three = lambda images: jnp.eye(10)[jnp.full(len(images), 3)]
    >>> digits = data.load('digits', 'test')
    >>> found = evaluate(always_three, digits, benchmark='degradations')
    >>> round(found.accuracy, 3)
    0.103
  """
  errors.check_choice('benchmark', benchmark, BENCHMARKS)
  if benchmark == 'mnist_c':
    if source is not None:
      expected = 'None for mnist_c, whose sets are read from data_dir'
      raise errors.InputError('source', expected, type(source).__name__)
    return _mnist_c(predict, data_dir, batch_size)
  if source is None:
    raise errors.InputError('source', 'a data set to corrupt', 'None')
  if not isinstance(source, sources.DataSet):
    if not isinstance(source, tuple | list) or len(source) != 2:
      expected = 'a data set, or (images, labels)'
      raise errors.InputError('source', expected, type(source).__name__)
    source = sources.from_arrays(*source)
  return _degradations(predict, source, batch_size, seed)


def _mnist_c(predict, data_dir, batch_size) -> results.Results:
  names = [f'mnist_corrupted/{name}' for name in MNIST_C]
  folders = [sources.prepared_folder(n, data_dir=data_dir) for n in names]
  rows = []
  with progress.bar(len(names), 'MNIST-C') as shown:
    for corruption, name in zip(MNIST_C, names, strict=True):
      data = sources.load(name, 'test', data_dir=data_dir)
      counts = metrics.count_correct(predict, data, batch_size=batch_size)
      rows.append(results.Row(corruption, None, *counts))
      shown.update(1)
  source = f'TFDS mnist_corrupted {folders[0].name}'
  return results.Results('mnist_c', source, tuple(rows))


def _degradations(predict, data, batch_size, seed) -> results.Results:
  key = random_keys.root_key(seed)
  counts = metrics.count_correct(predict, data, batch_size=batch_size)
  rows = [results.Row('clean', None, *counts)]
  table = catalog.DEGRADATIONS.values()
  with progress.bar(len(table), 'degradations') as shown:
    for degradation in table:
      function = jax.jit(degradation.function)
      for amount in filter(None, degradation.amounts):

        def corrupt(images, index, function=function, amount=amount):
          return function(key, images, amount=amount, index=index)

        counts = metrics.count_correct(
          predict, data, corrupt=corrupt, batch_size=batch_size
        )
        rows.append(results.Row(degradation.name, amount, *counts))
      shown.update(1)
  source = f'{data.name} {data.split}, corrupted with seed {seed}'
  return results.Results('degradations', source, tuple(rows))
