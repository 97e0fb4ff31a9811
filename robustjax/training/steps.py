"""One training step, as pure functions."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import augmentation
from robustjax import random_keys
from robustjax.corruptions import pixel_noise
from robustjax.data import pipeline
from robustjax.training import losses
from robustjax.training import state as state_lib
from robustjax.training import strengths as strengths_lib


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


class Recipe(NamedTuple):
  """What a step consists of, whatever its strengths; hashable.

  Attributes:
    model: a classifier, images to logits; it has every layer that a strength
      belongs to.
    optimizer: an Optax transformation.
    loss: a name in `losses.LOSSES`.
    fig: how FIG teaches the gates; None leaves it out.
    layer_noise: noise on every layer; None leaves it out.
    crop_padding: pixels of zeros around an image before it is cropped at random
      to its size; 0 leaves images as they are.
    is_blurred: whether training images are blurred.
    is_noisy: whether training images have Gaussian noise.
  """

  model: nn.Module
  optimizer: optax.GradientTransformation
  loss: str = 'softmax'
  fig: losses.FigLoss | None = None
  layer_noise: losses.LayerNoise | None = None
  crop_padding: int = 0
  is_blurred: bool = False
  is_noisy: bool = False

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
  variables = model.init(key, jnp.zeros((1, *image_shape), jnp.float32))
  statistics = {
    name: one for name, one in variables.items() if name != 'params'
  }
  params = variables['params']
  return state_lib.State(
    jnp.int32(0), params, optimizer.init(params), statistics
  )


def _augmented(
  images: array_types.Array,
  key: array_types.Key,
  recipe: Recipe,
  strengths: strengths_lib.Strengths,
) -> array_types.Array:
  """Training images [B, H, W, C] as the model gets to see them."""
  crop_key, noise_key = jax.random.split(key)
  if recipe.crop_padding:
    padding = recipe.crop_padding
    images = augmentation.pad_and_crop(crop_key, images, padding=padding)
  if recipe.is_blurred:
    images = augmentation.blur_resolution(images, sigma=strengths.blur_sigma)
  if recipe.is_noisy:
    amount = strengths.input_stddev
    images = pixel_noise.gaussian_noise(noise_key, images, amount=amount)
  return images


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
    for stream in ('dropout', 'noise', 'augmentation')
  }
  images = _augmented(batch.images, keys['augmentation'], recipe, strengths)

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
    )
    return found.total, found

  gradient, found = jax.grad(loss_fn, has_aux=True)(state.params)
  updates, opt_state = recipe.optimizer.update(
    gradient, state.opt_state, state.params
  )
  params = optax.apply_updates(state.params, updates)
  predicted = jnp.argmax(found.logits, axis=-1).astype(jnp.int32)
  accuracy = jnp.mean(predicted == batch.labels, dtype=jnp.float32)
  after = state_lib.State(state.step + 1, params, opt_state, found.statistics)
  return after, Metrics(found.total, accuracy, found.fig)
