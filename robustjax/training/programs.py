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
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import adversary
from robustjax.training import seeds
from robustjax.training import sharding
from robustjax.training import state as state_lib
from robustjax.training import steps
from robustjax.training import strengths


def compile_init(
  recipe: steps.Recipe,
  image_shape: tuple[int, int, int],
  layout: sharding.Layout,
) -> Callable[[array_types.Key], state_lib.State]:
  """Root key -> the state of one model before the first step."""
  # Initial parameters do not depend on strengths.
  return _compile_init(recipe.without_values(), tuple(image_shape), layout)


@functools.lru_cache
def _compile_init(recipe, image_shape, layout):
  init = functools.partial(
    steps.init_state, image_shape=image_shape, recipe=recipe
  )
  shapes = jax.eval_shape(init, random_keys.root_key(0))
  return jax.jit(init, out_shardings=layout.of(shapes))


def abstract_state(
  init: Callable[[array_types.Key], state_lib.State],
  layout: sharding.Layout,
) -> state_lib.State:
  """Shapes, dtypes and shardings of the state one model has.

  Args:
    init: from `compile_init`.
    layout: for one model.

  Returns:
    A `State` of `jax.ShapeDtypeStruct`s.
  """
  shapes = jax.eval_shape(init, random_keys.root_key(0))
  return jax.tree.map(
    lambda leaf, where: jax.ShapeDtypeStruct(
      leaf.shape, leaf.dtype, sharding=where
    ),
    shapes,
    layout.of(shapes),
  )


def compile_step(
  recipe: steps.Recipe,
  layout: sharding.Layout,
  image_dtype: jnp.dtype,
) -> Callable[..., tuple[state_lib.State, steps.Metrics]]:
  """(state, source, root, schedule, size) -> (state, metrics).

  Args:
    recipe: what a step consists of. Its strengths are replaced by those of the
      schedule, but for layers whose rate is 0.
    layout: the devices; each takes an equal part of a batch they divide, or of
      the seeds.
    image_dtype: dtype of the images the model reads.

  Returns:
    A jitted function that takes the batch of `size` examples from a
    `pipeline.Source`, or one as it comes from a stream, and does one step, with
    the strengths that a `strengths.Schedule` has at the state's step; `size` is
    static, and the state is donated. Data and start are what all seeds share.
  """
  return _compile_step(recipe.without_values(), layout, jnp.dtype(image_dtype))


@functools.lru_cache
def _compile_step(recipe, layout, image_dtype):
  mesh = layout.mesh

  def one_model(state, source, root, schedule, size):
    batch = _read(source, size, image_dtype, mesh)
    return steps.train_step(
      state, batch, root, schedule.at(state.step), recipe=recipe
    )

  @functools.partial(jax.jit, static_argnames='size', donate_argnames='state')
  def step(state, source, root, schedule, size):
    step_fn = functools.partial(one_model, size=size)
    if sharding.is_over_seeds(mesh):
      shared = (False, pipeline.Source(True, False, True), False, False)
      step_fn = seeds.over_seeds(step_fn, mesh, shared)
    state, metrics = step_fn(state, source, root, schedule)
    return jax.lax.with_sharding_constraint(
      (state, metrics), (layout.of(state), _whole(metrics, mesh))
    )

  return step


def _read(source, size: int, dtype, mesh) -> pipeline.Batch:
  batch = pipeline.read(source, size, dtype)
  if sharding.is_over_seeds(mesh):
    return batch
  where = sharding.batch_sharding(mesh, size)
  return jax.lax.with_sharding_constraint(batch, where)


def _whole(metrics, mesh):
  over_seeds = sharding.is_over_seeds(mesh)
  spec = PartitionSpec(sharding.SEED_AXIS) if over_seeds else PartitionSpec()
  return jax.tree.map(lambda _: NamedSharding(mesh, spec), metrics)


@functools.lru_cache
def compile_renew(
  recipe: steps.Recipe,
  image_shape: tuple[int, int, int],
  layout: sharding.Layout,
) -> Callable[..., adversary.Adversary]:
  """(state, root) -> an adversary that begins anew, for one model."""
  renew = functools.partial(
    steps.renew_adversary, image_shape=image_shape, recipe=recipe
  )
  return jax.jit(renew, out_shardings=sharding.replicated(layout.mesh))


@functools.lru_cache
def compile_warm_up(
  recipe: steps.Recipe, layout: sharding.Layout, image_dtype: jnp.dtype
) -> Callable[..., adversary.Adversary]:
  """(state, source, root, number, size) -> an adversary one step better.

  As the step of `compile_step`, but the classifier stays as it is.
  """

  @functools.partial(
    jax.jit,
    static_argnames='size',
    out_shardings=sharding.replicated(layout.mesh),
  )
  def warm_up(state, source, root, number, size):
    batch = _read(source, size, image_dtype, layout.mesh)
    return steps.warm_up_adversary(state, batch, root, number, recipe=recipe)

  return warm_up


@functools.lru_cache
def compile_order(
  num_examples: int, mesh: jax.sharding.Mesh
) -> Callable[[array_types.Key, array_types.ArrayLike], array_types.Array]:
  """(root, epoch) -> the order of its examples, int32 [N]."""
  order = functools.partial(pipeline.epoch_order, num_examples=num_examples)
  spec = PartitionSpec()
  if sharding.is_over_seeds(mesh):
    order = seeds.over_seeds(order, mesh, shared=(False, True))
    spec = PartitionSpec(sharding.SEED_AXIS)
  return jax.jit(order, out_shardings=NamedSharding(mesh, spec))


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
