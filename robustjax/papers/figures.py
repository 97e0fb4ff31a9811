"""Which figures of the papers can be drawn, and of which images."""

from collections.abc import Callable
from collections.abc import Mapping
import json
import os
import pathlib
from typing import Any
from typing import NamedTuple

import numpy as np

from robustjax.data import sources
from robustjax.papers import explanations
from robustjax.papers import tables
from robustjax.training import restoring

_DIGIT = 7  # The paper's figures show this digit.
_BENCHMARK = 'mnist_corrupted'
_NAMES = {'identity': 'clean'}


class Figure(NamedTuple):
  """A figure of a paper that explains what a trained classifier does.

  Attributes:
    title: what it shows.
    cell: the classifier.
    corruptions: the MNIST-C sets whose images are explained.
    num_images: how many images of each.
    plot: draws what `explanations.explain` gives, by name of the set.
  """

  title: str
  cell: tables.Cell
  corruptions: tuple[str, ...]
  num_images: int
  plot: Callable[[Mapping[str, explanations.Explained]], Any]


_CNN = tables.Cell('noiseout.py:cnn', {'noise.rate': '0.0'}, None, None)
_NOISEOUT = tables.Cell(
  'noiseout.py:noiseout', {'noise.rate': '0.2'}, None, None
)
FIGURES = {
  'noiseout/1': Figure(
    'FIG of input and hidden state, clean and brightness',
    _CNN,
    ('identity', 'brightness'),
    1,
    explanations.plot_maps,
  ),
  'noiseout/2': Figure(
    'distribution of FIG, clean and brightness',
    _CNN,
    ('identity', 'brightness'),
    100,
    explanations.plot_histograms,
  ),
  'noiseout/4': Figure(
    'hidden FIG before and after the gate, brightness and zigzag',
    _NOISEOUT,
    ('brightness', 'zigzag'),
    1,
    explanations.plot_gating,
  ),
}


def corrupted_images(
  figure: Figure, data_dir: str | os.PathLike | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """The images of a figure: the first of its digit in each set of MNIST-C.

  Args:
    figure: in `FIGURES`.
    data_dir: folder of prepared TFDS data sets.

  Returns:
    Images float32 [B, H, W, C] in [0, 1] and labels, by name of the set.
  """
  found = {}
  for name in figure.corruptions:
    data = sources.load(f'{_BENCHMARK}/{name}', 'test', data_dir=data_dir)
    chosen = np.flatnonzero(data.labels == _DIGIT)[: figure.num_images]
    images = np.asarray(data.images[chosen], np.float32) / 255
    found[_NAMES.get(name, name)] = (images, data.labels[chosen])
  return found


def draw(
  name: str,
  restored: restoring.Restored,
  images: Mapping[str, tuple[np.ndarray, np.ndarray]],
  folder: pathlib.Path,
  remarks: Mapping[str, Any],
  *,
  suffix: str = '',
) -> list[pathlib.Path]:
  """Explains images and writes the figure, and what it shows as numbers.

  Args:
    name: in `FIGURES`.
    restored: the classifier.
    images: from `corrupted_images`.
    folder: created if need be.
    remarks: what a reader has to know: hardware, versions, the run.
    suffix: of the files' names, for runs that are not the paper's.

  Returns:
    The paths written, `PAPER-figure-NUMBER.png` and `.json`.
  """
  explained = {
    what: explanations.explain(restored, *pair) for what, pair in images.items()
  }
  folder.mkdir(parents=True, exist_ok=True)
  stem = name.replace('/', '-figure-') + suffix
  paths = [folder / f'{stem}.{end}' for end in ('png', 'json')]
  drawn = FIGURES[name].plot(explained)
  title = f'{name}: {FIGURES[name].title}'
  if 'scale' in remarks:
    title += f'\n{remarks["scale"]}'
  drawn.suptitle(title)
  drawn.savefig(paths[0], dpi=150)
  content = {
    'figure': name,
    'remarks': dict(remarks),
    'images': explanations.describe(explained),
  }
  paths[1].write_text(json.dumps(content, indent=2) + '\n')
  return paths
