"""The weight-map paper's Figure 5: Grad-CAM of its three-layer networks.

The paper reads off the pictures that the CNN is active on much of the
background and weight maps are hardly: here that is a number as well, the share
of a map's mass off the digit, beside the share of the pixels off it.
"""

from collections.abc import Mapping
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import attribution
from robustjax.evaluation import canvas
from robustjax.models import classifier
from robustjax.training import restoring

_DRAWN = 6  # images


class HeatMaps(NamedTuple):
  """Grad-CAM of images, for the class a classifier takes them for.

  Attributes:
    images: [B, H, W, C].
    labels: int [B].
    predicted: int [B].
    maps: [B, H, W], at least 0.
    background: [B], share of a map's mass off the digit; nan of an empty map.
    even: [B], the same of a map of ones: the share of the pixels off it.
  """

  images: np.ndarray
  labels: np.ndarray
  predicted: np.ndarray
  maps: np.ndarray
  background: np.ndarray
  even: np.ndarray


def explain(
  restored: restoring.Restored, images: np.ndarray, labels: np.ndarray
) -> HeatMaps:
  """Grad-CAM of a network that reads its maps through a flattening.

  Args:
    restored: a weight-map CNN, from `robustjax.restore`.
    images: float [B, H, W, C] in [0, 1].
    labels: int [B].

  Returns:
    The `HeatMaps`.
  """
  apply = functools.partial(restored.model.apply, restored.variables)
  images = jnp.asarray(images)
  predicted = jnp.asarray(restored.predict(images)).argmax(axis=1)

  def scores(maps):
    return apply(classifier.channels_first(maps), method='classify')

  maps = attribution.grad_cam(
    jax.jit(functools.partial(apply, method='feature_maps')),
    jax.jit(scores),
    images,
    predicted,
  )
  shares = (
    attribution.background_share(one, images)
    for one in (maps, jnp.ones_like(maps))
  )
  arrays = (images, labels, predicted, maps, *shares)
  return HeatMaps(*map(np.asarray, arrays))


def describe(explained: Mapping[str, HeatMaps]) -> dict[str, dict]:
  """What the figure shows, as numbers: plain values by name."""
  return {name: _describe(one) for name, one in explained.items()}


def _describe(one: HeatMaps) -> dict[str, float]:
  is_empty = np.isnan(one.background)
  shown = one.background[~is_empty]
  return {
    'accuracy': float((one.predicted == one.labels).mean()),
    'share_of_mass_on_background': float(shown.mean()) if shown.size else None,
    'share_of_pixels_on_background': float(one.even.mean()),
    'empty_maps': int(is_empty.sum()),
    'images': len(one.labels),
  }


def measure(
  explained: Mapping[str, HeatMaps],
) -> dict[tuple[str, str], float]:
  """Mean shares off the digit: of maps, and of a map that is even all over.

  Args:
    explained: from `explain`, by name of the network.

  Returns:
    By (network, 'background' or 'even'). Empty maps are left out; where all are
    empty there is no background.
  """
  found = {}
  for name, one in explained.items():
    is_shown = ~np.isnan(one.background)
    if is_shown.any():
      found[name, 'background'] = float(one.background[is_shown].mean())
    found[name, 'even'] = float(one.even.mean())
  return found


def plot(explained: Mapping[str, HeatMaps]):
  """Images, and a row of maps per network, each map on a scale of its own.

  Args:
    explained: from `explain`, of the same images, by name of the network.

  Returns:
    A Matplotlib figure.
  """
  first = next(iter(explained.values()))
  count = min(_DRAWN, len(first.labels))
  size = len(explained) + 1
  figure = canvas.new_figure(1.6 + 1.6 * count, 1 + 1.8 * size)
  grid = figure.subplots(size, count, squeeze=False)
  for axis, image, label in zip(
    grid[0], first.images, first.labels, strict=False
  ):
    axis.imshow(image.mean(axis=-1), cmap='gray', vmin=0, vmax=1)
    axis.set_title(f'{label}', fontsize='small')
  for axes, (name, one) in zip(grid[1:], explained.items(), strict=True):
    for axis, cam, label in zip(axes, one.maps, one.predicted, strict=False):
      axis.imshow(cam, cmap='inferno')
      axis.set_title(f'taken for {label}', fontsize='small')
    share = _describe(one)['share_of_mass_on_background']
    shown = 'empty' if share is None else f'{share:.0%} off'
    axes[0].set_ylabel(f'{name}\n{shown}')
  for axis in grid.flat:
    axis.set(xticks=[], yticks=[])
  return figure
