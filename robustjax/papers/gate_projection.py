"""NoiseOut's Figure 5: does what gates do depend on what they are shown?

The gates of a classifier at five images, under five corruptions at five
severities, are 125 points in as many dimensions as there are gates. Linear
discriminant analysis projects them three times, with image, corruption and
severity as the class; see `evaluation.discriminants`, also for why each
accuracy has that of shuffled labels beside it.

The paper (NoiseOut, section 4.2.1) prints no numbers, and does not say which
images, nor which classifier.
"""

from collections.abc import Mapping
import functools
from typing import NamedTuple

import jax
import numpy as np

from robustjax import errors
from robustjax.data import sources
from robustjax.evaluation import canvas
from robustjax.evaluation import cells
from robustjax.evaluation import discriminants
from robustjax.evaluation import metrics
from robustjax.training import restoring

CORRUPTIONS = (
  'defocus_blur',
  'motion_blur',
  'brightness',
  'pixelate',
  'gaussian_noise',
)
_NUM_IMAGES = 5
_NUM_SEVERITIES = 5
_BATCH_SIZE = 25


class Gates(NamedTuple):
  """What gates do at several images, under several corruptions.

  Attributes:
    values: float64 [I * C * S, K], a point per image, corruption, severity.
    labels: by 'image', 'corruption' and 'severity': int [I * C * S] each.
    names: by the same, what the labels stand for.
    num_correct: how many of the images are classified correctly when clean.
  """

  values: np.ndarray
  labels: Mapping[str, np.ndarray]
  names: Mapping[str, tuple[str, ...]]
  num_correct: int


class Explained(NamedTuple):
  """Figure 5 of one classifier.

  Attributes:
    projections: by 'image', 'corruption' and 'severity'.
    num_gates: K.
    num_correct: as in `Gates`.
  """

  projections: Mapping[str, discriminants.Projection]
  num_gates: int
  num_correct: int


def _choose(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
  """The first images of distinct classes, correctly classified ones first."""
  is_wrong = predicted != labels
  order = np.argsort(is_wrong, kind='stable')
  _, first = np.unique(labels[order], return_index=True)
  chosen = order[np.sort(first)][:_NUM_IMAGES]
  if len(chosen) < _NUM_IMAGES:
    expected = f'images of at least {_NUM_IMAGES} classes'
    raise errors.InputError('labels', expected, f'{len(chosen)}')
  return chosen


def collect_gates(
  restored: restoring.Restored,
  images: np.ndarray,
  labels: np.ndarray,
  *,
  benchmark: str = 'imagenet_c',
) -> Gates:
  """The gates at five of the images, corrupted as a benchmark does it.

  Args:
    restored: from `robustjax.restore`, a classifier with gates.
    images: float [B, H, W, C] in [0, 1]: the first test images. Taken are the
      first of five classes that it classifies correctly when they are clean; if
      there are no five, the first of other classes too.
    labels: int [B].
    benchmark: 'imagenet_c' or 'cifar10_c': whose severities. The pixels are
      those of `robustjax.evaluate` with seed 0.

  Returns:
    The `Gates`.

  Raises:
    errors.InputError: without gates, or five classes.
  """
  labels = np.asarray(labels)
  predicted = np.concatenate(
    [
      np.asarray(restored.predict(batch)).argmax(axis=1)[:count]
      for batch, _, count in metrics.batches(images, _BATCH_SIZE)
    ]
  )
  places = _choose(labels, predicted)
  values = _gates_at(restored, np.asarray(images)[places], places, benchmark)
  grid = np.indices((_NUM_IMAGES, len(CORRUPTIONS), _NUM_SEVERITIES))
  axes = ('image', 'corruption', 'severity')
  names = (
    tuple(f'image {place}, class {labels[place]}' for place in places),
    CORRUPTIONS,
    tuple(f'severity {level + 1}' for level in range(_NUM_SEVERITIES)),
  )
  return Gates(
    values.reshape(grid[0].size, -1),
    {axis: one.ravel() for axis, one in zip(axes, grid, strict=True)},
    dict(zip(axes, names, strict=True)),
    int(np.sum(predicted[places] == labels[places])),
  )


def _gates_at(restored, images, places, benchmark) -> np.ndarray:
  """Gates [I, C, S, K] at images [I, H, W, C] that are at places in a set."""
  forward = functools.partial(restored.model.apply, method='forward')
  gates_of = jax.jit(lambda x: forward(restored.variables, x).gates)
  data = sources.from_arrays(images, np.zeros(len(images), int))
  plan = cells.generate(
    benchmark,
    data,
    names=CORRUPTIONS,
    severities=None,
    seed=0,
    jpeg=False,
    frost_textures=None,
  )
  values = []
  for cell in plan.cells:
    if cell.corrupt is None:
      continue  # The clean images.
    gates = gates_of(cell.corrupt(images, places))
    if gates is None:
      raise errors.InputError('restored', 'a classifier with gates', 'none')
    values.append(np.asarray(gates, np.float64))
  shape = (len(CORRUPTIONS), _NUM_SEVERITIES, len(images), -1)
  return np.moveaxis(np.stack(values).reshape(shape), 2, 0)


def explain(
  restored: restoring.Restored,
  images: np.ndarray,
  labels: np.ndarray,
  *,
  benchmark: str = 'imagenet_c',
) -> Explained:
  """Figure 5 of a classifier: `collect_gates`, `discriminants.project`."""
  gates = collect_gates(restored, images, labels, benchmark=benchmark)
  projections = {
    axis: discriminants.project(gates.values, one, gates.names[axis])
    for axis, one in gates.labels.items()
  }
  return Explained(projections, gates.values.shape[1], gates.num_correct)


def describe(explained: Mapping[str, Explained]) -> dict[str, dict]:
  """What the figure shows, as numbers: plain values by classifier."""
  return {
    name: {
      'gates': one.num_gates,
      'images_classified_correctly': one.num_correct,
      **{axis: _describe(found) for axis, found in one.projections.items()},
    }
    for name, one in explained.items()
  }


def _describe(found: discriminants.Projection) -> dict:
  return {
    'classes': list(found.names),
    'left_out_accuracy': found.accuracy,
    'left_out_accuracy_with_shuffled_labels': {
      'mean': float(found.shuffled.mean()),
      'largest': float(found.shuffled.max()),
      'shuffles': len(found.shuffled),
    },
    'points': found.points.round(3).tolist(),
    'labels': found.labels.tolist(),
  }


def plot(explained: Mapping[str, Explained]):
  """Figure 5: the points by two discriminants, coloured by their class.

  Args:
    explained: from `explain`, by name of the classifier.

  Returns:
    A Matplotlib figure, a row per classifier.
  """
  figure = canvas.new_figure(15, 5.5 * len(explained))
  grid = figure.subplots(len(explained), 3, squeeze=False)
  for row, (name, one) in zip(grid, explained.items(), strict=True):
    row[0].set_ylabel(f'{name}\nLDA 2')
    for axes, (axis, found) in zip(row, one.projections.items(), strict=True):
      _draw(axes, axis, found)
  return figure


def _draw(axes, axis: str, found: discriminants.Projection) -> None:
  for label, name in enumerate(found.names):
    points = found.points[found.labels == label]
    axes.plot(*points.T, 'o', markersize=4, label=name)
  title = (
    f'{axis}: left out, {found.accuracy:.0%} correct\n'
    f'({found.shuffled.mean():.0%} with shuffled labels)'
  )
  axes.set(title=title, xlabel='LDA 1')
  axes.legend(fontsize='x-small')
