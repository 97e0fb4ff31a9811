"""What training minimises: cross entropy, and the FIG loss on the gates."""

from collections.abc import Mapping
import functools
from typing import Any
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import attribution
from robustjax import augmentation
from robustjax import layers

HIDDEN = ('injected', 'clean')
# Through the gate the hidden state is copied once per node: 10 x [64, 9216] is
# 24 MB in float32.
_NODES_THROUGH_GATE = 10
_STATISTICS = ['batch_stats']  # collections that change while training


class FigLoss(NamedTuple):
  """How gates are taught by Full Integrated Gradients (NoiseOut, Eq. 9).

  Attributes:
    weight: lambda, the term's factor beside the cross entropy; may be traced.
    score: what FIG attributes, a name in `attribution.SCORES`.
    through_gate: whether F begins below the gate, which is then differentiated
      too, at the price of a pass of the head per step; else above it.
    num_steps: m of the quadrature.
    rule: its rule, a name in `attribution.RULES`.
    reduction: `mean` over batch and states; `sum` over states, mean over batch:
      Eq. 9 to the letter.
    hidden: the state at which FIG and gates are compared: `injected`, after
      noise injection, or `clean`, before.
  """

  weight: array_types.ArrayLike = 0.5
  score: str = 'probability'
  through_gate: bool = False
  num_steps: int = 50
  rule: str = 'right'
  reduction: str = 'mean'
  hidden: str = 'injected'


class LayerNoise(NamedTuple):
  """Noise on every layer while training (noise progression, experiment 2).

  Attributes:
    variance_ratio: of the noise to the layer's output; may be traced.
    per: what shares a variance, as for `layers.snr_noise`.
    skip: names of layers without noise.
    gradient: whether a gradient flows through the variances.
  """

  variance_ratio: array_types.ArrayLike = 0.25
  per: str = 'layer'
  skip: tuple[str, ...] = ()
  gradient: bool = True


def with_layer_noise(model: nn.Module, noise: LayerNoise | None):
  """The model, or what has its `apply` and adds noise to every layer."""
  if noise is None:
    return model
  return layers.noise_at_every_layer(model, **noise._asdict())


def cross_entropy(
  logits: array_types.Array, labels: array_types.Array
) -> array_types.Array:
  """Mean cross entropy over a batch, in at least float32.

  Args:
    logits: float [B, C].
    labels: int [B] in [0, C). Not checked here: data sets are when loaded.

  Returns:
    A scalar, in nats.
  """
  dtype = array_types.at_least_float32(logits.dtype)
  losses = optax.softmax_cross_entropy_with_integer_labels(
    logits.astype(dtype), labels
  )
  return losses.mean()


def sigmoid_cross_entropy(
  logits: array_types.Array, labels: array_types.Array
) -> array_types.Array:
  """Binary cross entropy of each class by itself, mean over batch and classes.

  Args:
    logits: float [B, C], of the sigmoid of each class.
    labels: int [B] in [0, C).

  Returns:
    A scalar, in nats.

  References:
    Noisy dropout, section 3.1.1: a sigmoid on each of ten outputs.
  """
  dtype = array_types.at_least_float32(logits.dtype)
  is_class = jax.nn.one_hot(labels, logits.shape[-1], dtype=dtype)
  return optax.sigmoid_binary_cross_entropy(
    logits.astype(dtype), is_class
  ).mean()


LOSSES = {'softmax': cross_entropy, 'sigmoid': sigmoid_cross_entropy}


def _fig_term(model, variables, hidden, gates, labels, fig: FigLoss):
  """The FIG loss of a batch, before its weight.

  FIG is that of the classifier above the gate, without noise and dropout, in at
  least float32 whatever the model computes in.
  """
  dtype = array_types.at_least_float32(model.dtype)
  head = model.clone(dtype=dtype)
  variables = jax.lax.stop_gradient(variables)

  def method(name):
    return lambda x: head.apply(variables, x, method=name)

  if fig.through_gate:
    logits_fn = lambda h: method('classify')(method('gate')(h).output)
    place = {'nodes_per_chunk': _NODES_THROUGH_GATE}
  else:
    logits_fn = method('classify_rest')
    place = {'affine': method('classify_affine')}
  return attribution.fig_loss(
    logits_fn,
    hidden.astype(dtype),
    gates,
    labels,
    score=fig.score,
    num_steps=fig.num_steps,
    rule=fig.rule,
    reduction=fig.reduction,
    **place,
  )


class Losses(NamedTuple):
  """What one batch costs.

  Attributes:
    total: what is minimised, a scalar.
    fig: the FIG term before its weight; None where there is none.
    divergence: the Jensen-Shannon term before its weight; the same.
    logits: [B, C], of the first view of each image.
    statistics: the model's other collections after this batch; empty for a
      model without any.
  """

  total: array_types.Array
  fig: array_types.Array | None
  divergence: array_types.Array | None
  logits: array_types.Array
  statistics: Mapping[str, Any]


def _forward(model, images, hidden: str, *, train: bool):
  """Logits, and the hidden states FIG explains with their gates."""
  clean = model.features(images, train=train)
  found = model.forward_from(clean, train=train)
  if hidden == 'injected':
    return found.logits, found.hidden, found.gates
  return found.logits, clean, model.gate(clean).gates


def training_losses(
  model: nn.Module,
  variables: Mapping[str, Any],
  images: array_types.Array,
  labels: array_types.Array,
  *,
  rngs: dict[str, Any],
  loss: str = 'softmax',
  fig: FigLoss | None = None,
  layer_noise: LayerNoise | None = None,
  jsd_weight: float | None = None,
) -> Losses:
  """The loss of a batch while training, and the terms beside it.

  Args:
    model: a classifier.
    variables: its parameters and other collections.
    images: float [V B, H, W, C] in [0, 1], the V views of an image one after
      another; the first is the one that is classified.
    labels: int [B].
    rngs: keys for 'dropout' and 'noise'.
    loss: a name in `LOSSES`.
    fig: None trains on the loss alone and computes no FIG.
    layer_noise: None for no noise but that of the model's own layers.
    jsd_weight: of the Jensen-Shannon divergence between views (AugMix); None
      leaves it out.

  Returns:
    The `Losses`.
  """
  apply = functools.partial(
    with_layer_noise(model, layer_noise).apply,
    variables,
    images,
    train=True,
    rngs=rngs,
    mutable=_STATISTICS,
  )
  num_views = len(images) // len(labels)
  term = None
  if fig is None:
    logits, statistics = apply()
  else:
    (logits, hidden, gates), statistics = apply(
      hidden=fig.hidden, method=_forward
    )
    of_views = jnp.repeat(labels, num_views)
    term = _fig_term(model, variables, hidden, gates, of_views, fig)
  logits = logits.reshape(len(labels), num_views, -1)
  first = logits[:, 0]
  total = LOSSES[loss](first, labels)
  if term is not None:
    total = total + jnp.asarray(fig.weight, term.dtype) * term
  divergence = None
  if jsd_weight is not None:
    divergence = augmentation.jensen_shannon(logits)
    total = total + jsd_weight * divergence
  return Losses(total, term, divergence, first, statistics)
