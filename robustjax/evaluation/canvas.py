"""Matplotlib figures that leave a notebook's own backend as it is."""


def new_figure(width: float, height: float):
  """An empty figure of this size in inches; draw on it, then `savefig`."""
  # The canvas is named instead of letting pyplot choose, and keep, a backend.
  from matplotlib.backends import backend_agg  # pylint: disable=g-import-not-at-top
  from matplotlib.figure import Figure

  figure = Figure(figsize=(width, height), layout='constrained')
  backend_agg.FigureCanvasAgg(figure)
  return figure
