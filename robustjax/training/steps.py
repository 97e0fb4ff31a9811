"""One training step, as pure functions."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import adversary as adversary_lib
from robustjax.training import augmenting
from robustjax.training import losses
from robustjax.training import state as state_lib
from robustjax.training import strengths as strengths_lib


class Metrics(NamedTuple):
  """Of one batch, before its step; scalars.

  Attributes:
    loss: what is minimised.
    accuracy: top-1, in [0, 1].
    fig_loss: the FIG term before its weight; None where there is none.
    divergence: the Jensen-Shannon term before its weight; the same.
  """

  loss: array_types.Array
  accuracy: array_types.Array
  fig_loss: array_types.Array | None = None
  divergence: array_types.Array | None = None


class Recipe(NamedTuple):
  """What a step consists of, whatever its strengths; hashable.

  Attributes:
    model: a classifier, images to logits; it has every layer that a strength
      belongs to.
    optimizer: an Optax transformation.
    loss: a name in `losses.LOSSES`.
    fig: how FIG teaches the gates; None leaves it out.
    layer_noise: noise on every layer; None leaves it out.
    augmentation: what training images go through.
    adversary: how generators of noise are trained against the model; None
      leaves them out.
    num_epochs: of the run: so many generators there are in all.
  """

  model: nn.Module
  optimizer: optax.GradientTransformation
  loss: str = 'softmax'
  fig: losses.FigLoss | None = None
  layer_noise: losses.LayerNoise | None = None
  augmentation: augmenting.Augmentation = augmenting.Augmentation()
  adversary: adversary_lib.Options | None = None
  num_epochs: int = 1

  def without_values(self) -> 'Recipe':
    """The same for every recipe that differs in strengths alone."""
    fig, noise = self.fig, self.layer_noise
    return self._replace(
      model=strengths_lib.without_values(self.model),
      fig=fig and fig._replace(weight=1.0),
      layer_noise=noise and noise._replace(variance_ratio=1.0),
    )

  def with_strengths(self, strengths: strengths_lib.Strengths) -> 'Recipe':
    """The recipe of one step."""
    fig, noise = self.fig, self.layer_noise
    return self._replace(
      model=strengths_lib.with_strengths(self.model, strengths),
      fig=fig and fig._replace(weight=strengths.fig_weight),
      layer_noise=noise
      and noise._replace(variance_ratio=strengths.variance_ratio),
    )


def init_state(
  root: array_types.Key,
  image_shape: tuple[int, int, int],
  *,
  recipe: Recipe,
) -> state_lib.State:
  """The state before the first step.

  Args:
    root: `random_keys.root_key(seed)`.
    image_shape: (H, W, C).
    recipe: what steps consist of.

  Returns:
    The state with step 0.
  """
  key = random_keys.stream_key(root, 0, 'params')
  variables = recipe.model.init(key, jnp.zeros((1, *image_shape), jnp.float32))
  statistics = {
    name: one for name, one in variables.items() if name != 'params'
  }
  params = variables['params']
  adversary = None
  if recipe.adversary is not None:
    adversary = adversary_lib.init(
      random_keys.stream_key(root, 0, 'adversary'),
      image_shape,
      recipe.adversary,
      recipe.num_epochs,
    )
  return state_lib.State(
    jnp.int32(0), params, recipe.optimizer.init(params), statistics, adversary
  )


def train_step(
  state: state_lib.State,
  batch: pipeline.Batch,
  root: array_types.Key,
  strengths: strengths_lib.Strengths,
  *,
  recipe: Recipe,
) -> tuple[state_lib.State, Metrics]:
  """One step of gradient descent.

  Its keys derive from `root` and the state's step, so the same state and batch
  give the same result whenever and wherever it runs.

  Args:
    state: the state before the step.
    batch: images [B, H, W, C] and labels [B].
    root: `random_keys.root_key(seed)`.
    strengths: of the disturbances at this step; they take the place of those
      the recipe has.
    recipe: what the step consists of.

  Returns:
    The state after the step, and the batch's metrics before it.
  """
  recipe = recipe.with_strengths(strengths)
  keys = {
    stream: random_keys.stream_key(root, state.step, stream)
    for stream in ('dropout', 'noise', 'augmentation', 'adversary', 'views')
  }
  options = recipe.augmentation
  images = augmenting.augment(
    keys['augmentation'], batch.images, options, strengths
  )
  images = augmenting.distort(root, state.step, images, options.deep_augment)
  adversary = state.adversary
  if recipe.adversary is not None:
    # Both are trained against the other as it was before the step.
    disturb_key, improve_key = jax.random.split(keys['adversary'])
    batch = batch._replace(images=images)
    adversary = _improve(
      improve_key, state, batch, recipe, recipe.adversary.learning_rate
    )
    images = adversary_lib.disturb(
      disturb_key, state.adversary, images, recipe.adversary
    )
  images = augmenting.views(keys['views'], images, options.augmix)

  def loss_fn(params):
    found = losses.training_losses(
      recipe.model,
      {'params': params, **state.statistics},
      images,
      batch.labels,
      rngs={stream: keys[stream] for stream in ('dropout', 'noise')},
      loss=recipe.loss,
      fig=recipe.fig,
      layer_noise=recipe.layer_noise,
      jsd_weight=options.augmix and options.augmix.jsd_weight,
    )
    return found.total, found

  gradient, found = jax.grad(loss_fn, has_aux=True)(state.params)
  updates, opt_state = recipe.optimizer.update(
    gradient, state.opt_state, state.params
  )
  params = optax.apply_updates(state.params, updates)
  predicted = jnp.argmax(found.logits, axis=-1).astype(jnp.int32)
  accuracy = jnp.mean(predicted == batch.labels, dtype=jnp.float32)
  after = state_lib.State(
    state.step + 1, params, opt_state, found.statistics, adversary
  )
  metrics = Metrics(found.total, accuracy, found.fig, found.divergence)
  return after, metrics


def _improve(key, state, batch, recipe: Recipe, learning_rate):
  """The adversary after a step against the classifier as it is at test."""
  return adversary_lib.improve(
    key,
    state.adversary,
    batch.images,
    batch.labels,
    lambda images: recipe.model.apply(state.variables, images),
    recipe.adversary,
    learning_rate=learning_rate,
  )


def renew_adversary(
  state: state_lib.State,
  root: array_types.Key,
  *,
  image_shape: tuple[int, int, int],
  recipe: Recipe,
) -> adversary_lib.Adversary:
  """The adversary with a fresh generator, as at the start of an epoch.

  Args:
    state: the state between two epochs.
    root: `random_keys.root_key(seed)`.
    image_shape: (H, W, C).
    recipe: what steps consist of; it has an adversary.

  Returns:
    The adversary.
  """
  key = random_keys.stream_key(root, state.step, 'adversary')
  return adversary_lib.renew(
    jax.random.fold_in(key, 0), state.adversary, image_shape, recipe.adversary
  )


def warm_up_adversary(
  state: state_lib.State,
  batch: pipeline.Batch,
  root: array_types.Key,
  number: array_types.ArrayLike,
  *,
  recipe: Recipe,
) -> adversary_lib.Adversary:
  """The adversary after one step while the classifier waits.

  Args:
    state: the state between two epochs, with the adversary so far.
    batch: images [B, H, W, C] and labels [B].
    root: `random_keys.root_key(seed)`.
    number: of the step, from 0; may be traced.
    recipe: what steps consist of; it has an adversary.

  Returns:
    The adversary.
  """
  key = random_keys.stream_key(root, state.step, 'adversary')
  key = jax.random.fold_in(key, number + 1)
  learning_rate = recipe.adversary.warmup_learning_rate
  return _improve(key, state, batch, recipe, learning_rate)
