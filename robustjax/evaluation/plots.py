"""Figures of results: bars by corruption, curves over strength, examples."""

from collections.abc import Mapping
from collections.abc import Sequence
import os

import numpy as np

from robustjax import errors
from robustjax.evaluation import canvas
from robustjax.evaluation import checks
from robustjax.evaluation import results
from robustjax.evaluation import tables

_BAR_HEIGHT = 0.8  # of a line's share of the axis, divided among classifiers
_MAX_COLUMNS = 5  # panels of curves side by side


def bars(table: Mapping[str, results.Results], path: str | os.PathLike) -> None:
  """Draws accuracies as horizontal bars, one colour per classifier.

  Args:
    table: results on one benchmark, by name of the classifier.
    path: the image file to write. One bar per set, or per corruption where that
      has several severities.

  Raises:
    errors.InputError: if the results are not on the same sets, or the file
      cannot be written.
  """
  tables.common_labels(table)
  labels, values = zip(*tables.lines(table), strict=True)
  height = _BAR_HEIGHT / len(table)
  figure = canvas.new_figure(7, 1.5 + 0.28 * len(labels))
  axes = figure.subplots()
  for number, (name, found) in enumerate(table.items()):
    places = [i + number * height for i in range(len(labels))]
    lengths = [100 * line[number] for line in values]
    mean = 100 * found.accuracy
    axes.barh(
      places, lengths, height, label=f'{_text(name)}, mean {mean:.2f} %'
    )
  middle = _BAR_HEIGHT / 2 - height / 2
  axes.set_yticks([i + middle for i in range(len(labels))], labels)
  axes.invert_yaxis()
  axes.set_xlim(0, 100)
  axes.set_xlabel('accuracy %')
  axes.set_title(next(iter(table.values())).benchmark)
  figure.legend(loc='outside lower center', ncols=len(table), frameon=False)
  canvas.save(figure, path)


def _text(name: str) -> str:
  """A name as it is: between dollars would be a formula."""
  return str(name).replace('$', r'\$')


def has_curves(found: results.Results) -> bool:
  """Whether a corruption was measured at two strengths or more.

  Args:
    found: results on one benchmark.

  Returns:
    Whether `curves` can draw them.

  Raises:
    errors.InputError: on what is none.
  """
  tables.common_labels({'found': found})
  return bool(_curves(found))


def curves(
  table: Mapping[str, results.Results], path: str | os.PathLike
) -> None:
  """Draws accuracy over severity or amount, one panel per corruption.

  Args:
    table: results on one benchmark, by name of the classifier.
    path: the image file to write. The clean set is at strength 0.

  Raises:
    errors.InputError: if the results are not on the same sets, or no corruption
      was measured at two strengths; or the file cannot be written.
  """
  tables.common_labels(table)
  by_name = {name: _curves(found) for name, found in table.items()}
  panels = list(next(iter(by_name.values())))
  if not panels:
    expected = 'a corruption at two severities or amounts'
    raise errors.InputError('table', expected, 'one of each')
  columns = min(len(panels), _MAX_COLUMNS)
  num_lines = -(-len(panels) // columns)
  figure = canvas.new_figure(1 + 2.2 * columns, 0.8 + 2.2 * num_lines)
  grid = figure.subplots(num_lines, columns, sharey=True, squeeze=False).flat
  for axes, panel in zip(grid, panels, strict=False):
    for name, found in by_name.items():
      strengths, accuracies = zip(*found[panel], strict=True)
      axes.plot(strengths, accuracies, 'o-', markersize=3, label=_text(name))
    axes.set_title(panel, fontsize='small')
    axes.set_ylim(0, 100)
  for axes in list(grid)[len(panels) :]:
    axes.axis('off')
  _finish_curves(figure, table)
  canvas.save(figure, path)


def _finish_curves(figure, table) -> None:
  first = next(iter(table.values()))
  has_severity = any(row.severity is not None for row in first.rows)
  # A label below all panels would lie on the legend.
  strength = 'severity' if has_severity else 'amount'
  figure.suptitle(f'{first.benchmark}: accuracy % over {strength}')
  handles, labels = figure.axes[0].get_legend_handles_labels()
  figure.legend(
    handles,
    labels,
    loc='outside lower center',
    ncols=len(table),
    frameon=False,
  )


def _curves(found: results.Results) -> dict[str, list[tuple[float, float]]]:
  """(strength, accuracy %) by corruption with two strengths or more."""
  clean = found.clean_accuracy
  start = [] if clean is None else [(0.0, 100 * clean)]
  return {
    name: start + [(row.strength, 100 * row.accuracy) for row in rows]
    for name, rows in found.by_corruption.items()
    if len(rows) > 1 and rows[0].strength is not None
  }


def examples(
  images: Mapping[str, np.ndarray],
  path: str | os.PathLike,
  *,
  columns: Sequence[str] | None = None,
) -> None:
  """Draws a grid of images, a line per corruption.

  Args:
    images: by name of the corruption, float in [0, 1] or uint8, [S, H, W, C]: a
      column per severity or image; C is 1 or 3. Shorter lines end earlier.
    path: the image file to write.
    columns: S titles; none by default.

  Raises:
    errors.InputError: on other shapes, or if the file cannot be written.
  """
  if not isinstance(images, Mapping):
    expected = 'images by name of a corruption'
    raise errors.InputError('images', expected, type(images).__name__)
  shapes = {name: getattr(line, 'shape', ()) for name, line in images.items()}
  width = max((s[0] for s in shapes.values() if s), default=0)
  for name, shape in shapes.items():
    checks.images(f'images[{name}]', images[name])
    if len(shape) != 4 or shape[3] not in (1, 3):
      expected = '[S, H, W, C] with 1 or 3 channels'
      raise errors.InputError(f'images[{name}]', expected, f'shape {shape}')
  if columns is not None:
    columns = checks.items('columns', columns, 'title')
  if not width or (columns is not None and len(columns) != width):
    got = 'no images' if not width else f'{len(columns)} titles for {width}'
    raise errors.InputError('columns', 'a title per column', got)
  figure = canvas.new_figure(1.2 + 0.9 * width, 0.3 + 0.9 * len(images))
  grid = figure.subplots(len(images), width, squeeze=False)
  for axes, (name, line) in zip(grid, images.items(), strict=True):
    for axis, image in zip(axes, line, strict=False):
      _show(axis, np.asarray(image))
    for axis in axes[len(line) :]:
      axis.set_axis_off()
    axes[0].set_ylabel(
      _text(name), rotation=0, ha='right', va='center', fontsize=7
    )
  for axis, title in zip(grid[0], columns or (), strict=False):
    axis.set_title(title, fontsize=7)
  canvas.save(figure, path)


def _show(axis, image: np.ndarray) -> None:
  """An image without ticks; one channel is grey, on the scale of its dtype."""
  largest = 255 if image.dtype == np.uint8 else 1
  if image.dtype != np.uint8:
    image = image.astype(np.float32)
  image = image[..., 0] if image.shape[-1] == 1 else image
  axis.imshow(image, cmap='gray', vmin=0, vmax=largest)
  axis.set_xticks([])
  axis.set_yticks([])
