"""Matplotlib figures that leave a notebook's own backend as it is."""

import os

from robustjax import errors
from robustjax import files
from robustjax.evaluation import checks

_FORMATS = ('.png', '.pdf', '.svg', '.jpg', '.jpeg')


def new_figure(width: float, height: float):
  """An empty figure of this size in inches; draw on it, then `save`."""
  # The canvas is named instead of letting pyplot choose, and keep, a backend.
  from matplotlib.backends import backend_agg  # pylint: disable=g-import-not-at-top
  from matplotlib.figure import Figure

  figure = Figure(figsize=(width, height), layout='constrained')
  backend_agg.FigureCanvasAgg(figure)
  return figure


def save(figure, path: str | os.PathLike) -> None:
  """Writes a figure, whole or not at all, in the format its name ends in.

  Args:
    figure: from `new_figure`.
    path: of the file; its folder is made if need be.

  Raises:
    errors.InputError: on another format, or if it cannot be written.
  """
  checks.function('figure', getattr(figure, 'savefig', None), 'a figure')
  path = checks.path('path', path)
  if path.suffix.lower() not in _FORMATS:
    expected = f'a name that ends in {", ".join(_FORMATS)}'
    raise errors.InputError('path', expected, repr(path.name))
  name = path.suffix[1:].lower()
  files.write_whole(
    path, lambda file: figure.savefig(file, format=name, dpi=150)
  )
