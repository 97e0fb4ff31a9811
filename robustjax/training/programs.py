"""The jitted programs of a run, laid out over its devices."""

from collections.abc import Callable
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import sharding
from robustjax.training import state as state_lib
from robustjax.training import steps


def compile_init(
  model: nn.Module,
  optimizer: optax.GradientTransformation,
  image_shape: tuple[int, int, int],
  mesh: jax.sharding.Mesh,
) -> Callable[[array_types.Key], state_lib.State]:
  """Root key -> the state before the first step, on every device."""
  init = functools.partial(
    steps.init_state,
    image_shape=tuple(image_shape),
    model=model,
    optimizer=optimizer,
  )
  return jax.jit(init, out_shardings=sharding.replicated(mesh))


def abstract_state(
  init: Callable[[array_types.Key], state_lib.State],
  mesh: jax.sharding.Mesh,
) -> state_lib.State:
  """Shapes, dtypes and shardings of the state `init` would make."""
  layout = sharding.replicated(mesh)
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=layout),
    jax.eval_shape(init, random_keys.root_key(0)),
  )


def compile_step(
  model: nn.Module,
  optimizer: optax.GradientTransformation,
  mesh: jax.sharding.Mesh,
  image_dtype: jnp.dtype,
) -> Callable[..., tuple[state_lib.State, steps.Metrics]]:
  """(state, data, order, start, root, size) -> (state, metrics).

  Args:
    model: a classifier, images to logits.
    optimizer: an Optax transformation.
    mesh: the devices; each takes an equal part of a batch they divide.
    image_dtype: dtype of the images the model reads.

  Returns:
    A jitted function that takes the batch of `size` examples from `start` of
    the order and does one step; `size` is static, and the state is donated.
  """

  def step(state, data, order, start, root, size):
    batch = pipeline.take_batch(data, order, start, size, image_dtype)
    layout = sharding.batch_sharding(mesh, size)
    batch = jax.lax.with_sharding_constraint(batch, layout)
    return steps.train_step(
      state, batch, root, model=model, optimizer=optimizer
    )

  return jax.jit(
    step,
    static_argnames='size',
    donate_argnames='state',
    out_shardings=sharding.replicated(mesh),
  )


def compile_order(
  num_examples: int, mesh: jax.sharding.Mesh
) -> Callable[[array_types.Key, array_types.ArrayLike], array_types.Array]:
  """(root, epoch) -> the order of its examples, int32 [N], on every device."""
  order = functools.partial(pipeline.epoch_order, num_examples=num_examples)
  return jax.jit(order, out_shardings=sharding.replicated(mesh))


def compile_predict(
  model: nn.Module, mesh: jax.sharding.Mesh
) -> Callable[[array_types.Parameters, array_types.Array], array_types.Array]:
  """(params, images [B, H, W, C] in [0, 1]) -> logits [B, C]."""

  @jax.jit
  def predict(params, images):
    layout = sharding.batch_sharding(mesh, len(images))
    images = jax.lax.with_sharding_constraint(images, layout)
    return model.apply({'params': params}, images)

  return predict
