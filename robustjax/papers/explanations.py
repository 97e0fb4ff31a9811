"""NoiseOut's Figures 1, 2 and 4: what FIG says of images and hidden states.

The functions take a restored classifier and images, for notebooks as well.
Contributions of an input are counted from the image that is zero after the
model's normalisation, those of a hidden state from zero, as in the paper.
"""

from collections.abc import Mapping
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import attribution
from robustjax import errors
from robustjax.evaluation import canvas
from robustjax.training import restoring

_BINS = 81
_NODES_PER_CHUNK = 10


class Explained(NamedTuple):
  """FIG of images, for their true class, with class probabilities as scores.

  Attributes:
    images: [B, H, W, C].
    labels: int [B].
    predicted: int [B].
    input_fig: [B, H, W, C].
    hidden_fig: [B, K], of the states the first dense layer would read without
      a gate.
    gated_fig: [B, K], of the states it reads; None without a gate.
    completeness_gaps: by name of the attribution, the largest of any image.
  """

  images: np.ndarray
  labels: np.ndarray
  predicted: np.ndarray
  input_fig: np.ndarray
  hidden_fig: np.ndarray
  gated_fig: np.ndarray | None
  completeness_gaps: Mapping[str, float]


def explain(
  restored: restoring.Restored,
  images: np.ndarray,
  labels: np.ndarray,
  *,
  num_steps: int = 50,
  rule: str = 'right',
) -> Explained:
  """FIG of images and of the hidden states they cause.

  Args:
    restored: from `robustjax.restore`.
    images: float [B, H, W, C] in [0, 1].
    labels: int [B].
    num_steps: of the integral.
    rule: of the integral.

  Returns:
    An `Explained`, computed in at least float32.

  Raises:
    errors.InputError: on images or labels that are none.
  """
  images, labels = jnp.asarray(images), jnp.asarray(labels)
  find = functools.partial(
    attribution.full_integrated_gradients,
    target=labels,
    num_steps=num_steps,
    rule=rule,
  )

  dtype = array_types.at_least_float32(restored.model.dtype)
  model = restored.model.clone(dtype=dtype)

  def method(name):
    apply = functools.partial(model.apply, method=name)
    return functools.partial(jax.jit(apply), restored.variables)

  def probabilities(name):
    return lambda x: jax.nn.softmax(method(name)(x))

  gated = method('gate')(method('features')(images))
  head = {
    'score_fn': probabilities('classify_rest'),
    'affine': method('classify_affine'),
  }
  found = {
    'input': find(
      probabilities('__call__'),
      images,
      baseline=model.mean,
      nodes_per_chunk=_NODES_PER_CHUNK,
    ),
    'hidden': find(x=gated.hidden, **head),
  }
  if gated.gates is not None:
    found['gated'] = find(x=gated.output, **head)
  values = {name: np.asarray(one.values) for name, one in found.items()}
  return Explained(
    np.asarray(images),
    np.asarray(labels),
    np.asarray(restored.predict(images)).argmax(axis=1),
    values['input'],
    values['hidden'],
    values.get('gated'),
    {
      name: float(jnp.abs(one.completeness_gap).max())
      for name, one in found.items()
    },
  )


def describe(explained: Mapping[str, Explained]) -> dict[str, dict]:
  """What the figures show, as numbers: plain values by name of the images."""
  return {
    name: {
      'accuracy': float((one.predicted == one.labels).mean()),
      'share_negative': {
        part: float((values < 0).mean()) for part, values in _parts(one).items()
      },
      'sum_of_negative_per_image': {
        part: float(np.minimum(values, 0).sum() / len(one.labels))
        for part, values in _parts(one).items()
      },
      'largest_completeness_gap': dict(one.completeness_gaps),
    }
    for name, one in explained.items()
  }


def _parts(one: Explained) -> dict[str, np.ndarray]:
  parts = {'input': one.input_fig, 'hidden': one.hidden_fig}
  return parts if one.gated_fig is None else parts | {'gated': one.gated_fig}


def _as_maps(hidden: np.ndarray, num_maps: int) -> np.ndarray:
  """A hidden vector [K] as square maps [num_maps, h, w]."""
  side = round((hidden.size / num_maps) ** 0.5)
  if num_maps * side**2 != hidden.size:
    expected = f'hidden states that are {num_maps} square maps'
    raise errors.InputError('explained', expected, f'{hidden.size} states')
  return hidden.reshape(num_maps, side, side)


def _mosaic(maps: np.ndarray) -> np.ndarray:
  """Maps [n * n, h, w] side by side, [n * h, n * w]."""
  n = round(len(maps) ** 0.5)
  _, h, w = maps.shape
  return maps.reshape(n, n, h, w).transpose(0, 2, 1, 3).reshape(n * h, n * w)


def _show_signed(figure, axis, values: np.ndarray, title: str) -> None:
  """Draws values in red where positive and blue where negative."""
  limit = max(float(np.abs(values).max()), 1e-12)
  shown = axis.imshow(values, cmap='RdBu_r', vmin=-limit, vmax=limit)
  axis.set(title=title, xticks=[], yticks=[])
  figure.colorbar(shown, ax=axis, shrink=0.7)


def _show_image(axis, image: np.ndarray, title: str) -> None:
  axis.imshow(image.squeeze(-1), cmap='gray', vmin=0, vmax=1)
  axis.set(title=title, xticks=[], yticks=[])


def plot_maps(explained: Mapping[str, Explained], num_maps: int = 64):
  """Figure 1: the first image of each kind, FIG of input and hidden state.

  Args:
    explained: from `explain`, by name of the images.
    num_maps: channels of the hidden state.

  Returns:
    A Matplotlib figure, a row per kind; each panel has its own colour scale.
  """
  figure = canvas.new_figure(11, 3.4 * len(explained))
  axes = figure.subplots(len(explained), 3, squeeze=False)
  for row, (name, one) in zip(axes, explained.items(), strict=True):
    title = f'{name}: {one.labels[0]} taken for {one.predicted[0]}'
    _show_image(row[0], one.images[0], title)
    _show_signed(figure, row[1], one.input_fig[0].sum(axis=-1), 'FIG (input)')
    maps = _as_maps(one.hidden_fig[0], num_maps)
    _show_signed(figure, row[2], _mosaic(maps), 'FIG (hidden)')
  return figure


def plot_histograms(explained: Mapping[str, Explained]):
  """Figure 2: how FIG values of input and hidden state are distributed.

  Args:
    explained: from `explain`, by name of the images.

  Returns:
    A Matplotlib figure; the axis of counts is logarithmic.
  """
  figure = canvas.new_figure(11, 4)
  axes = figure.subplots(1, 2)
  for axis, part in zip(axes, ('input', 'hidden'), strict=True):
    values = {name: _parts(one)[part] for name, one in explained.items()}
    limit = max(float(np.abs(v).max()) for v in values.values())
    edges = np.linspace(-limit, limit, _BINS + 1)
    for name, one in values.items():
      share = f'{(one < 0).mean():.1%} negative'
      axis.hist(
        one.ravel(), edges, histtype='step', label=f'{name}, {share}', log=True
      )
    axis.set(title=f'FIG ({part})', xlabel='FIG', ylabel='count')
    axis.legend()
  return figure


def plot_gating(explained: Mapping[str, Explained], num_maps: int = 64):
  """Figure 4: an image, and hidden FIG before and after the gate.

  Args:
    explained: from `explain` of a classifier with gates, by name of the images.
    num_maps: channels of the hidden state; maps are averaged over them.

  Returns:
    A Matplotlib figure, a row per kind. The image is scaled, bilinearly, to the
    size of the maps; both maps of a row have one colour scale.
  """
  if any(one.gated_fig is None for one in explained.values()):
    raise errors.InputError('explained', 'a classifier with gates', 'none')
  figure = canvas.new_figure(11, 3.4 * len(explained))
  axes = figure.subplots(len(explained), 3, squeeze=False)
  for row, (name, one) in zip(axes, explained.items(), strict=True):
    before, after = (
      _as_maps(fig[0], num_maps).mean(axis=0)
      for fig in (one.hidden_fig, one.gated_fig)
    )
    shape = (*before.shape, one.images.shape[-1])
    small = jax.image.resize(one.images[0], shape, 'bilinear', antialias=False)
    title = f'{name}: {one.labels[0]} taken for {one.predicted[0]}'
    _show_image(row[0], np.asarray(small), title)
    limit = max(float(np.abs([before, after]).max()), 1e-12)
    titles = ('FIG (hidden) before the gate', 'after the gate')
    for axis, values, what in zip(
      row[1:], (before, after), titles, strict=True
    ):
      shown = axis.imshow(values, cmap='RdBu_r', vmin=-limit, vmax=limit)
      axis.set(title=what, xticks=[], yticks=[])
    figure.colorbar(shown, ax=list(row[1:]), shrink=0.7)
  return figure
