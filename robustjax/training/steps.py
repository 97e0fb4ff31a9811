"""One training step, as pure functions."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import losses
from robustjax.training import state as state_lib


class Metrics(NamedTuple):
  """Of one batch, before its step; scalars.

  Attributes:
    loss: what is minimised.
    accuracy: top-1, in [0, 1].
    fig_loss: the FIG term before its weight; None where there is none.
  """

  loss: array_types.Array
  accuracy: array_types.Array
  fig_loss: array_types.Array | None = None


def init_state(
  root: array_types.Key,
  image_shape: tuple[int, int, int],
  *,
  model: nn.Module,
  optimizer: optax.GradientTransformation,
) -> state_lib.State:
  """The state before the first step.

  Args:
    root: `random_keys.root_key(seed)`.
    image_shape: (H, W, C).
    model: a classifier, images to logits.
    optimizer: an Optax transformation.

  Returns:
    The state with step 0.
  """
  key = random_keys.stream_key(root, 0, 'params')
  params = model.init(key, jnp.zeros((1, *image_shape), jnp.float32))['params']
  return state_lib.State(jnp.int32(0), params, optimizer.init(params))


def train_step(
  state: state_lib.State,
  batch: pipeline.Batch,
  root: array_types.Key,
  *,
  model: nn.Module,
  optimizer: optax.GradientTransformation,
  fig: losses.FigLoss | None = None,
) -> tuple[state_lib.State, Metrics]:
  """One step of gradient descent.

  Its keys derive from `root` and the state's step, so the same state and batch
  give the same result whenever and wherever it runs.

  Args:
    state: the state before the step.
    batch: images [B, H, W, C] and labels [B].
    root: `random_keys.root_key(seed)`.
    model: a classifier, images to logits.
    optimizer: an Optax transformation.
    fig: how FIG teaches the gates; None leaves it out.

  Returns:
    The state after the step, and the batch's metrics before it.
  """
  keys = {
    stream: random_keys.stream_key(root, state.step, stream)
    for stream in ('dropout', 'noise')
  }

  def loss_fn(params):
    found = losses.training_losses(
      model, params, batch.images, batch.labels, rngs=keys, fig=fig
    )
    return found.total, found

  gradient, found = jax.grad(loss_fn, has_aux=True)(state.params)
  updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
  params = optax.apply_updates(state.params, updates)
  labels = jnp.argmax(found.logits, axis=-1).astype(jnp.int32)
  accuracy = jnp.mean(labels == batch.labels, dtype=jnp.float32)
  metrics = Metrics(found.total, accuracy, found.fig)
  return state_lib.State(state.step + 1, params, opt_state), metrics
