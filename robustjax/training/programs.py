"""The jitted programs of a run, laid out over its devices.

Each is made once per process for the same arguments, and the strengths of
disturbances are arguments of the step: a table whose rows differ in those alone
is one compilation, and so is a run in which they change. On a mesh over seeds,
steps and orders have a leading axis of seeds on all that seeds do not share.
"""

from collections.abc import Callable
from collections.abc import Mapping
import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import seeds
from robustjax.training import sharding
from robustjax.training import state as state_lib
from robustjax.training import steps
from robustjax.training import strengths


def compile_init(
  model: nn.Module,
  optimizer: optax.GradientTransformation,
  image_shape: tuple[int, int, int],
  mesh: jax.sharding.Mesh,
) -> Callable[[array_types.Key], state_lib.State]:
  """Root key -> the state of one model before the first step."""
  # Initial parameters do not depend on strengths.
  return _compile_init(
    strengths.without_values(model), optimizer, tuple(image_shape), mesh
  )


@functools.lru_cache
def _compile_init(model, optimizer, image_shape, mesh):
  init = functools.partial(
    steps.init_state,
    image_shape=image_shape,
    model=model,
    optimizer=optimizer,
  )
  return jax.jit(init, out_shardings=sharding.replicated(mesh))


def abstract_state(
  init: Callable[[array_types.Key], state_lib.State],
  mesh: jax.sharding.Mesh,
) -> state_lib.State:
  """Shapes, dtypes and shardings of the state one model has.

  Args:
    init: from `compile_init`, for a mesh along 'data'.
    mesh: that mesh.

  Returns:
    A `State` of `jax.ShapeDtypeStruct`s.
  """
  layout = sharding.replicated(mesh)
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=layout),
    jax.eval_shape(init, random_keys.root_key(0)),
  )


def compile_step(
  recipe: steps.Recipe,
  mesh: jax.sharding.Mesh,
  image_dtype: jnp.dtype,
) -> Callable[..., tuple[state_lib.State, steps.Metrics]]:
  """(state, data, order, start, root, schedule, size) -> (state, metrics).

  Args:
    recipe: what a step consists of. Its strengths are replaced by those of the
      schedule, but for layers whose rate is 0.
    mesh: the devices; each takes an equal part of a batch they divide, or of
      the seeds.
    image_dtype: dtype of the images the model reads.

  Returns:
    A jitted function that takes the batch of `size` examples from `start` of
    the order and does one step, with the strengths that a
    `strengths.Schedule` has at the state's step; `size` is static, and the
    state is donated. Data and start are what all seeds share.
  """
  return _compile_step(recipe.without_values(), mesh, jnp.dtype(image_dtype))


@functools.lru_cache
def _compile_step(recipe, mesh, image_dtype):
  is_over_seeds = sharding.is_over_seeds(mesh)

  def one_model(state, data, order, start, root, schedule, size):
    batch = pipeline.take_batch(data, order, start, size, image_dtype)
    if not is_over_seeds:
      layout = sharding.batch_sharding(mesh, size)
      batch = jax.lax.with_sharding_constraint(batch, layout)
    return steps.train_step(
      state, batch, root, schedule.at(state.step), recipe=recipe
    )

  @functools.partial(
    jax.jit,
    static_argnames='size',
    donate_argnames='state',
    out_shardings=sharding.state_sharding(mesh),
  )
  def step(state, data, order, start, root, schedule, size):
    step_fn = functools.partial(one_model, size=size)
    if is_over_seeds:
      shared = (False, True, False, True, False, False)
      step_fn = seeds.over_seeds(step_fn, mesh, shared)
    return step_fn(state, data, order, start, root, schedule)

  return step


@functools.lru_cache
def compile_order(
  num_examples: int, mesh: jax.sharding.Mesh
) -> Callable[[array_types.Key, array_types.ArrayLike], array_types.Array]:
  """(root, epoch) -> the order of its examples, int32 [N]."""
  order = functools.partial(pipeline.epoch_order, num_examples=num_examples)
  if sharding.is_over_seeds(mesh):
    order = seeds.over_seeds(order, mesh, shared=(False, True))
  return jax.jit(order, out_shardings=sharding.state_sharding(mesh))


def compile_predict(
  model: nn.Module, mesh: jax.sharding.Mesh
) -> Callable[[Mapping[str, Any], array_types.Array], array_types.Array]:
  """(variables, images [B, H, W, C] in [0, 1]) -> logits [B, C], of one model.

  The variables are {'params': ...} and the model's other collections.
  """
  return _compile_predict(strengths.without_values(model), mesh)


@functools.lru_cache
def _compile_predict(model, mesh):

  @jax.jit
  def predict(variables, images):
    layout = sharding.batch_sharding(mesh, len(images))
    images = jax.lax.with_sharding_constraint(images, layout)
    return model.apply(variables, images)

  return predict
