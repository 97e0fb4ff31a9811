"""Learned gates on hidden states, and NoiseOut: noise injection, then a gate.

NoiseOut, section 3.1. A gate computes from the hidden states how much of each
of them passes, Omega = sigmoid(z * W + b), h' = z . Omega. It acts in training
and at test. Noise before the gate (training only) teaches it which states to
distrust.

Hidden states are [B, ...]; all axes but the first are one axis of K states.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.layers import initialization
from robustjax.layers import noise_injection

GATE_KINDS = ('dense', 'elementwise', 'static')


class Gated(NamedTuple):
  """What a layer on a hidden state made of it.

  Attributes:
    hidden: the states the gate read, after noise injection: the paper's z.
    gates: Omega, the share of each state that passes; None without a gate.
    output: what the next layer reads: the paper's h'.
  """

  hidden: array_types.Array
  gates: array_types.Array | None
  output: array_types.Array


class Gate(nn.Module):
  """A learned gate: h' = z . maximum . sigmoid(z * W + b).

  Attributes:
    kind: `dense` has W in R^{K x K}, so that a gate sees every state: Eq. 4's
      product as a matrix product. `elementwise` has W in R^K, a product state
      by state: K^2 fewer parameters, and gates that stay near one half.
      `static` has b alone, a control for the claim that gates must depend on
      their input.
    maximum: what an open gate multiplies by. The paper's gates have 1 and
      cannot amplify, a limitation it states; 2 can.

  Parameters `weight` and `bias` start as U(-s, s), s = 1/sqrt(K).

  References:
    NoiseOut, section 3.1, Eq. 4-5.
  """

  kind: str = 'dense'
  maximum: float = 1.0

  def __post_init__(self):
    errors.check_choice('gate', self.kind, GATE_KINDS)
    errors.check_range('maximum', self.maximum, open_low=True)
    super().__post_init__()

  @nn.compact
  def gates(self, hidden: array_types.Array) -> array_types.Array:
    """Omega, same shape as `hidden` [B, ...], in (0, maximum)."""
    errors.check_states('hidden', hidden)
    dtype = array_types.at_least_float32(hidden.dtype)
    states = hidden.reshape(hidden.shape[0], -1).astype(dtype)
    size = states.shape[1]
    init = initialization.fan_in_uniform(size)
    logits = self.param('bias', init, (size,), dtype).astype(dtype)[None]
    if self.kind == 'elementwise':
      weight = self.param('weight', init, (size,), dtype).astype(dtype)
      logits = states * weight[None] + logits
    elif self.kind == 'dense':
      weight = self.param('weight', init, (size, size), dtype).astype(dtype)
      logits = states @ weight + logits
    gates = self.maximum * jax.nn.sigmoid(logits)
    return jnp.broadcast_to(gates, states.shape).reshape(hidden.shape)

  def forward(self, hidden: array_types.Array, *, train: bool = False) -> Gated:
    """Hidden states [B, ...] with their gates and the gated output."""
    del train  # A gate acts alike in training and at test.
    errors.check_states('hidden', hidden)
    hidden = jnp.asarray(hidden)
    gates = self.gates(hidden)
    output = (hidden.astype(gates.dtype) * gates).astype(hidden.dtype)
    return Gated(hidden, gates, output)

  def __call__(
    self, hidden: array_types.Array, *, train: bool = False
  ) -> array_types.Array:
    """Gates hidden states [B, ...]; same shape and dtype."""
    return self.forward(hidden, train=train).output


class NoiseOut(nn.Module):
  """Noise injection (while training), then a gate (always).

  Attributes:
    rate: share of states replaced by noise, in [0, 1].
    strategy: a name in `noise_injection.STRATEGIES`.
    gate: a `Gate`, or its kind.
    gradient: whether a gradient flows through the statistics of the noise.

  References:
    NoiseOut, Figure 3 and section 3.2.
  """

  rate: array_types.ArrayLike = 0.2
  strategy: str = 'noise_injection'
  gate: Gate | str = 'dense'
  gradient: bool = True

  def __post_init__(self):
    errors.check_choice('strategy', self.strategy, noise_injection.STRATEGIES)
    errors.check_range('rate', self.rate, high=1.0)
    errors.check_flag('gradient', self.gradient)
    if not isinstance(self.gate, Gate):
      errors.check_choice('gate', self.gate, GATE_KINDS)
    super().__post_init__()

  def setup(self):
    self.injection = noise_injection.NoiseInjection(
      self.rate, self.strategy, self.gradient
    )
    is_kind = isinstance(self.gate, str)
    self.gating = Gate(self.gate) if is_kind else self.gate.clone()

  def forward(self, hidden: array_types.Array, *, train: bool = False) -> Gated:
    """Hidden states [B, ...] after injection, their gates, the output."""
    return self.gating.forward(self.injection(hidden, train=train))

  def __call__(
    self, hidden: array_types.Array, *, train: bool = False
  ) -> array_types.Array:
    """Disturbs, then gates hidden states [B, ...]; same shape and dtype."""
    return self.forward(hidden, train=train).output


def apply_layer(
  layer: nn.Module | None, hidden: array_types.Array, *, train: bool
) -> Gated:
  """Applies any layer that models take on a hidden state.

  Args:
    layer: `Gate`, `NoiseOut`, any module `(hidden, train=...) -> hidden`, or
      None for the identity.
    hidden: [B, ...].
    train: whether the model is training.

  Returns:
    A `Gated`; for a layer without gates, `hidden` and `output` are its result.
  """
  if layer is None:
    return Gated(hidden, None, hidden)
  if isinstance(layer, (Gate, NoiseOut)):
    return layer.forward(hidden, train=train)
  output = layer(hidden, train=train)
  return Gated(output, None, output)
