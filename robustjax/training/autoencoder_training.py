"""Training of the autoencoder that `augmentation.deep_augment` distorts.

Mean squared error, Adam, a rate that falls to zero along half a cosine. The
images of a step are a function of (seed, step) alone.
"""

from collections.abc import Iterator
import contextlib
import itertools
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax

from robustjax import errors
from robustjax import progress
from robustjax import random_keys
from robustjax.augmentation import autoencoder
from robustjax.data import pipeline
from robustjax.data import preprocessing
from robustjax.data import sources
from robustjax.data import streaming

LEARNING_RATE = 2e-3
_NUM_HELD_OUT = 256  # test images the error is measured on
_MEASURED_AT_ONCE = 32


def read_images(
  name: str,
  *,
  seed: int,
  batch_size: int,
  data_dir: str | os.PathLike | None = None,
  side: int | None = None,
) -> Iterator[np.ndarray]:
  """The training images of a data set, without end.

  Args:
    name: as for `data.load`.
    seed: of the order, and of the crops of photographs.
    batch_size: B; what is left of an epoch is left out.
    data_dir: as for `data.load`.
    side: H and W of the crops of photographs, and only there.

  Returns:
    A generator of uint8 [B, H, W, C].

  Raises:
    errors.InputError: as `data.load` and `data.open_stream`, and on a batch
      larger than the data set.
  """
  if sources.is_photographs(name, data_dir=data_dir):
    if side is None:
      expected = f'a number of pixels, since the images of {name} vary in size'
      raise errors.InputError('side', expected, 'None')
    stream = streaming.open_stream(name, 'train', side=side, data_dir=data_dir)
    return (batch.images for batch in stream.batches(seed, batch_size, 0))
  images = sources.load(name, 'train', data_dir=data_dir, side=side).images
  errors.check_integer('batch_size', batch_size, low=1, high=len(images))
  return _in_order(images, random_keys.root_key(seed), batch_size)


def _in_order(images, root, batch_size) -> Iterator[np.ndarray]:
  for epoch in itertools.count():
    order = np.asarray(pipeline.epoch_order(root, epoch, len(images)))
    for start in range(0, len(order) - batch_size + 1, batch_size):
      yield images[order[start : start + batch_size]]


def held_out(
  name: str,
  *,
  data_dir: str | os.PathLike | None = None,
  side: int | None = None,
) -> np.ndarray:
  """The first test images of a data set, uint8 [N, H, W, C], N at most 256."""
  data = sources.load(name, 'test', data_dir=data_dir, side=side)
  return np.asarray(data.images[:_NUM_HELD_OUT])


def reconstruction_error(
  network: autoencoder.Autoencoder, images: np.ndarray
) -> float:
  """How far an autoencoder is off, as a root mean square in grey levels.

  Args:
    network: bound to its weights.
    images: uint8 [N, H, W, C].

  Returns:
    The error over all values, in 0..255, of its output clipped to [0, 1].
  """
  module, variables = network.unbind()
  total = sum(
    float(_squared_error(module, variables, images[i : i + _MEASURED_AT_ONCE]))
    for i in range(0, len(images), _MEASURED_AT_ONCE)
  )
  return 255 * (total / images.size) ** 0.5


@jax.jit(static_argnums=0)
def _squared_error(module, variables, images):
  images = preprocessing.to_unit(images)
  found = jnp.clip(module.apply(variables, images), 0.0, 1.0)
  return jnp.sum(jnp.square(found - images))


def init(seed: int, channels: int) -> autoencoder.Autoencoder:
  """An untrained autoencoder for images of so many channels, bound."""
  module = autoencoder.Autoencoder(channels=channels)
  key = random_keys.stream_key(random_keys.root_key(seed), 0, 'params')
  side = 4  # Of any image: the parameters do not depend on it.
  variables = jax.jit(module.init)(key, jnp.zeros((1, side, side, channels)))
  return module.bind(variables)


def fit(
  network: autoencoder.Autoencoder,
  batches: Iterator[np.ndarray],
  *,
  num_steps: int,
) -> autoencoder.Autoencoder:
  """Trains an autoencoder.

  Args:
    network: bound to its first weights.
    batches: uint8 [B, H, W, C], one for each step; closed in the end.
    num_steps: number of steps, at least 1.

  Returns:
    The autoencoder, bound to its last weights.

  Raises:
    errors.InputError: on another number of steps.
    errors.DivergedError: if its weights are not finite in the end.
  """
  errors.check_integer('num_steps', num_steps, low=1)
  module, variables = network.unbind()
  state = variables, _optimizer(num_steps).init(variables)
  with (
    contextlib.closing(batches),
    progress.bar(num_steps, 'training') as shown,
  ):
    for images in itertools.islice(batches, num_steps):
      state = _step(module, num_steps, state, images)
      shown.update(1)
  variables, _ = state
  if not all(np.isfinite(one).all() for one in jax.tree.leaves(variables)):
    raise errors.DivergedError(
      f'the weights of the autoencoder after step {num_steps} are not finite'
    )
  return module.bind(variables)


def _optimizer(num_steps):
  return optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, num_steps))


@jax.jit(static_argnums=(0, 1))
def _step(module, num_steps, state, images):
  """One step: (variables, optimizer state) to the same anew."""
  images = preprocessing.to_unit(images)

  def loss(variables):
    return jnp.mean(jnp.square(module.apply(variables, images) - images))

  variables, opt_state = state
  gradient = jax.grad(loss)(variables)
  updates, opt_state = _optimizer(num_steps).update(gradient, opt_state)
  return optax.apply_updates(variables, updates), opt_state
