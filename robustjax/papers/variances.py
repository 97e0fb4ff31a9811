"""The weight-map paper's Eq. 5 on trained networks, layer by layer.

It explains robustness to noise by weights that amplify the variance of what
they multiply, the more so the more an input matters. Both are measured here:
by how much each weight map amplifies, and the rank correlation of w^2 with the
importance |IG| of its inputs. As a figure this is ours.
"""

from collections.abc import Mapping
import functools
import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from robustjax import attribution
from robustjax import layers
from robustjax.evaluation import canvas
from robustjax.training import restoring

_NODES_PER_CHUNK = 5


class Variances(NamedTuple):
  """Of one weight map in a network.

  Attributes:
    factor: mean variance after the product with the weights, over before.
    initial: the same as weights are drawn: 1 / (3 fan-in).
    correlation: rank correlation of w^2 with the importance of inputs.
  """

  factor: float
  initial: float
  correlation: float


def explain(
  restored: restoring.Restored,
  images: np.ndarray,
  labels: np.ndarray,
  *,
  num_steps: int = 20,
) -> dict[str, Variances]:
  """Measures every weight map of a network.

  Args:
    restored: from `robustjax.restore`.
    images: float [B, H, W, C] in [0, 1], at least two.
    labels: int [B]; importance is that for their probability.
    num_steps: of the integral.

  Returns:
    By the layer's path, in order.
  """
  found = {}
  for path, (layer, inputs) in _weight_maps(restored, images).items():
    kernel = _parameter(restored.variables, path)
    variances = attribution.amplification(inputs, kernel)
    # Of probabilities FIG is twice IG, and ranks do not change.
    importance = functools.partial(
      attribution.full_integrated_gradients,
      _probabilities_from(restored, path, jnp.asarray(images[:1])),
      target=jnp.asarray(labels),
      num_steps=num_steps,
      nodes_per_chunk=_NODES_PER_CHUNK,
    )
    importances = jax.jit(lambda x, find=importance: find(x).values)(inputs)
    correlation = attribution.importance_correlation(kernel, importances)
    fan_in = inputs.shape[-1] * layer.kernel_size**2
    found['/'.join(path)] = Variances(
      float(variances.factor), 1 / (3 * fan_in), float(correlation)
    )
  return found


def _parameter(variables, path: tuple[str, ...]) -> jax.Array:
  scope = variables['params']
  for name in path:
    scope = scope[name]
  return scope['kernel']


def _weight_maps(restored, images):
  """Every weight map by its path, with what enters it."""
  maps = {}

  @jax.jit
  def find_inputs(images):
    inputs = []

    def note(call, args, options, context):
      if _is_call_of_map(context):
        maps[context.module.path] = context.module
        inputs.append(args[0])
      return call(*args, **options)

    with nn.intercept_methods(note):
      restored.model.apply(restored.variables, images)
    return inputs

  inputs = find_inputs(jnp.asarray(images))
  pairs = zip(maps.items(), inputs, strict=True)
  return {path: (layer, one) for (path, layer), one in pairs}


def _is_call_of_map(context) -> bool:
  is_call = context.method_name == '__call__'
  return is_call and isinstance(context.module, layers.WeightMap)


def _probabilities_from(restored, path: tuple[str, ...], image):
  """From inputs of a layer to class probabilities, [B, C]."""

  def probabilities(inputs):
    def replace(call, args, options, context):
      if _is_call_of_map(context) and context.module.path == path:
        args = (inputs, *args[1:])
      return call(*args, **options)

    # What is below the layer is computed, and not used.
    shown = jnp.broadcast_to(image, (len(inputs), *image.shape[1:]))
    with nn.intercept_methods(replace):
      return jax.nn.softmax(restored.model.apply(restored.variables, shown))

  return probabilities


def describe(explained: Mapping[str, dict[str, Variances]]) -> dict[str, dict]:
  """What the figure shows, as numbers: plain values by network and layer."""
  return {
    name: {path: one._asdict() for path, one in found.items()}
    for name, found in explained.items()
  }


def measure(
  explained: Mapping[str, dict[str, Variances]],
) -> dict[tuple[str, str], float]:
  """What statements are judged by, layer by layer.

  Args:
    explained: from `explain`, by name of the network.

  Returns:
    By (network, 'amplification, layer N' and so on): log10 of the factor; its
    'growth', log10 of the factor over the initial one; and the rank
    'correlation'. What is not finite is left out.
  """
  found = {}
  for name, layers_ in explained.items():
    for number, one in enumerate(layers_.values(), start=1):
      if one.factor > 0:
        found[name, f'amplification, layer {number}'] = math.log10(one.factor)
        growth = math.log10(one.factor / one.initial)
        found[name, f'growth, layer {number}'] = growth
      found[name, f'correlation, layer {number}'] = one.correlation
  return {
    place: value for place, value in found.items() if math.isfinite(value)
  }


def plot(explained: Mapping[str, dict[str, Variances]]):
  """Amplification and its rank correlation with importance, by layer.

  Args:
    explained: from `explain`, by name of the network.

  Returns:
    A Matplotlib figure.
  """
  figure = canvas.new_figure(10, 4)
  factors, correlations = figure.subplots(1, 2)
  for name, found in explained.items():
    place = range(1, len(found) + 1)
    draw = functools.partial(factors.plot, place, marker='o')
    (line,) = draw([one.factor for one in found.values()], label=name)
    style = {'color': line.get_color(), 'marker': 'o'}
    draw([one.initial for one in found.values()], linestyle=':', **style)
    ranks = [one.correlation for one in found.values()]
    correlations.plot(place, ranks, label=name, **style)
  factors.set(
    title='variance after / before the weights', yscale='log', xlabel='layer'
  )
  correlations.set(
    title='rank correlation of w² with |IG|', ylim=(-1, 1), xlabel='layer'
  )
  factors.plot([], [], ':k', label='as drawn at the start')
  for axes in (factors, correlations):
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
  return figure
