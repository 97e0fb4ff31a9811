"""The jitted programs of a run, laid out over its devices.

Each is made once per process for the same arguments, and noise rates and FIG
weights are arguments of the step: a table whose rows differ in those alone is
one compilation. On a mesh over seeds, steps and orders have a leading axis of
seeds on all that seeds do not share.
"""

from collections.abc import Callable
import functools
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import losses
from robustjax.training import seeds
from robustjax.training import sharding
from robustjax.training import state as state_lib
from robustjax.training import steps

# Stands for any rate or weight above 0, which switches the program on.
_ANY = 1.0


class Strengths(NamedTuple):
  """What differs between the rows of a table without another program.

  Attributes:
    noise_rate: float32 [], share of hidden states replaced.
    fig_weight: float32 [], lambda of the FIG loss.
  """

  noise_rate: array_types.ArrayLike
  fig_weight: array_types.ArrayLike


def _with_rate(model: nn.Module, rate: array_types.ArrayLike) -> nn.Module:
  """The model with another noise rate, unless its noise is switched off."""
  layer = model.flattened
  current = getattr(layer, 'rate', 0)
  if isinstance(current, (int, float)) and current == 0:
    return model
  return model.clone(flattened=layer.clone(rate=rate))


def compile_init(
  model: nn.Module,
  optimizer: optax.GradientTransformation,
  image_shape: tuple[int, int, int],
  mesh: jax.sharding.Mesh,
) -> Callable[[array_types.Key], state_lib.State]:
  """Root key -> the state of one model before the first step."""
  # Initial parameters do not depend on the rate.
  return _compile_init(
    _with_rate(model, _ANY), optimizer, tuple(image_shape), mesh
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
  model: nn.Module,
  optimizer: optax.GradientTransformation,
  mesh: jax.sharding.Mesh,
  image_dtype: jnp.dtype,
  fig: losses.FigLoss | None = None,
) -> Callable[..., tuple[state_lib.State, steps.Metrics]]:
  """(state, data, order, start, root, strengths, size) -> (state, metrics).

  Args:
    model: a classifier, images to logits. Its noise rate is replaced by that of
      the strengths, unless it is 0.
    optimizer: an Optax transformation.
    mesh: the devices; each takes an equal part of a batch they divide, or of
      the seeds.
    image_dtype: dtype of the images the model reads.
    fig: the FIG loss; its weight is replaced by that of the strengths.

  Returns:
    A jitted function that takes the batch of `size` examples from `start` of
    the order and does one step; `size` is static, and the state is donated.
    Data and start are what all seeds share.
  """
  fig = None if fig is None else fig._replace(weight=_ANY)
  model = _with_rate(model, _ANY)
  return _compile_step(model, optimizer, mesh, jnp.dtype(image_dtype), fig)


@functools.lru_cache
def _compile_step(model, optimizer, mesh, image_dtype, fig):
  is_over_seeds = sharding.is_over_seeds(mesh)

  def one_model(state, data, order, start, root, strengths, size):
    batch = pipeline.take_batch(data, order, start, size, image_dtype)
    if not is_over_seeds:
      layout = sharding.batch_sharding(mesh, size)
      batch = jax.lax.with_sharding_constraint(batch, layout)
    weighted = fig and fig._replace(weight=strengths.fig_weight)
    return steps.train_step(
      state,
      batch,
      root,
      model=_with_rate(model, strengths.noise_rate),
      optimizer=optimizer,
      fig=weighted,
    )

  @functools.partial(
    jax.jit,
    static_argnames='size',
    donate_argnames='state',
    out_shardings=sharding.state_sharding(mesh),
  )
  def step(state, data, order, start, root, strengths, size):
    step_fn = functools.partial(one_model, size=size)
    if is_over_seeds:
      shared = (False, True, False, True, False, False)
      step_fn = seeds.over_seeds(step_fn, mesh, shared)
    return step_fn(state, data, order, start, root, strengths)

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
) -> Callable[[array_types.Parameters, array_types.Array], array_types.Array]:
  """(params, images [B, H, W, C] in [0, 1]) -> logits [B, C], of one model."""
  return _compile_predict(_with_rate(model, _ANY), mesh)


@functools.lru_cache
def _compile_predict(model, mesh):

  @jax.jit
  def predict(params, images):
    layout = sharding.batch_sharding(mesh, len(images))
    images = jax.lax.with_sharding_constraint(images, layout)
    return model.apply({'params': params}, images)

  return predict
