"""Adversarial images: the worst a bounded change of every pixel can do.

Images are float [B, H, W, C] in [0, 1], and so are the results. Nothing here
knows a model: an attack raises a loss, any function of images and labels. With
a stochastic loss, one that takes a key as well, the gradient is the mean over
draws of the model's own noise: an attack on a single draw is blind to the next
one, and makes a noisy model look robust.

  loss_fn(images, labels) -> [B]   or   loss_fn(images, labels, key) -> [B]

Where a gradient is NaN, as that of a model which divides an image by its
standard deviation is on a blank one, it counts as 0: the pixel stays, or stays
where `pgd` starts.
"""

from collections.abc import Callable
import inspect

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys

LossFn = Callable[..., array_types.Array]
ATTACKS = ('fgsm', 'pgd')
_MOST_STEPS = _MOST_SAMPLES = 10_000


def cross_entropy(predict: array_types.Predict) -> LossFn:
  """The loss both attacks raise against a classifier.

  Args:
    predict: images [B, H, W, C] to logits [B, C], differentiable.

  Returns:
    (images, labels int [B] in [0, C)) to the cross entropy of each image, [B].
    It raises errors.InputError on logits that are no floats [B, C] and on other
    labels; the values of labels that are being traced are not known, and one
    that is no class then leaves its image unattacked.

  Raises:
    errors.InputError: on what is no function.
  """
  errors.check_function('predict', predict)

  def loss_fn(images, labels):
    with errors.tracing('predict'):
      logits = predict(images)
    errors.check_floats('predict', logits, '[B, C]')
    num_images, num_classes = logits.shape
    if num_images != len(images):
      expected, got = f'logits [{len(images)}, C]', f'shape {logits.shape}'
      raise errors.InputError('predict', expected, got)
    errors.check_labels(
      'labels', labels, size=num_images, num_classes=num_classes
    )
    logits = logits.astype(array_types.at_least_float32(logits.dtype))
    log_probability = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_probability, labels[:, None], axis=1)[:, 0]

  return loss_fn


def fgsm(
  loss_fn: LossFn,
  images: array_types.Array,
  labels: array_types.Array,
  *,
  epsilon: array_types.ArrayLike,
  num_noise_samples: int = 1,
  key: array_types.Key | None = None,
) -> array_types.Array:
  """Fast gradient sign method: one step of epsilon up the gradient's sign.

  Args:
    loss_fn: (images, labels) or (images, labels, key) to the losses [B].
    images: float [B, H, W, C] in [0, 1].
    labels: int [B], classes; checked unless traced.
    epsilon: the change of every value, in [0, 1]; may be traced. With 0 the
      images come back bit for bit.
    num_noise_samples: draws of a stochastic loss the gradient is the mean of.
    key: random key for a stochastic loss; None for another.

  Returns:
    The adversarial images, clipped to [0, 1], same shape and dtype.

  Raises:
    errors.InputError: on other images or labels, another epsilon, a key that is
      missing or of no use, or a loss that is not [B] or cannot be
      differentiated.

  Example:
    >>> import jax.numpy as jnp
    >>> loss_fn = lambda images, labels: images.sum(axis=(1, 2, 3))
    >>> fgsm(loss_fn, jnp.full((1, 1, 2, 1), 0.5), jnp.array([0]), epsilon=0.25)
    Array([[[[0.75],
             [0.75]]]], dtype=float32)

  References:
    Goodfellow, Shlens and Szegedy (2015), section 4. Weight map layers, section
    4: adversarial tests.
  """
  _check(images, labels, epsilon, num_noise_samples)
  if (key is not None) != _is_stochastic(loss_fn):
    expected = 'a key with a loss of (images, labels, key), and only then'
    raise errors.InputError('key', expected, 'None' if key is None else 'one')
  if key is not None:
    random_keys.check_key('key', key)
  images = jnp.asarray(images)
  gradient = _gradient(loss_fn, images, labels, num_noise_samples, key)
  epsilon = jnp.asarray(epsilon, images.dtype)
  return jnp.clip(images + epsilon * jnp.sign(gradient), 0.0, 1.0)


def pgd(
  key: array_types.Key,
  loss_fn: LossFn,
  images: array_types.Array,
  labels: array_types.Array,
  *,
  epsilon: array_types.ArrayLike,
  step_size: array_types.ArrayLike,
  num_steps: int,
  num_noise_samples: int = 1,
) -> array_types.Array:
  """Projected gradient descent within epsilon of every value.

  It starts at a random point of the box, and each step goes `step_size` up the
  gradient's sign, then back into the box and into [0, 1].

  Args:
    key: random key, of the start and of a stochastic loss.
    loss_fn: (images, labels) or (images, labels, key) to the losses [B].
    images: float [B, H, W, C] in [0, 1].
    labels: int [B], classes; checked unless traced.
    epsilon: half the width of the box, in [0, 1]; may be traced. With 0 the
      images come back bit for bit.
    step_size: length of a step in every value, in [0, 1]; may be traced.
    num_steps: number of steps, 1 to 10000.
    num_noise_samples: draws of a stochastic loss each gradient is the mean of.

  Returns:
    The adversarial images, in [0, 1], same shape and dtype.

  Raises:
    errors.InputError: on another key, other images or labels, another epsilon,
      step or number of steps, or a loss that is not [B] or cannot be
      differentiated.

  References:
    Madry et al. (2018), equation 2.1 with the largest norm. The expectation
    over a model's noise: Athalye, Carlini and Wagner (2018).
  """
  random_keys.check_key('key', key)
  _check(images, labels, epsilon, num_noise_samples)
  errors.check_number('step_size', step_size, high=1.0)
  errors.check_integer('num_steps', num_steps, low=1, high=_MOST_STEPS)
  images = jnp.asarray(images)
  epsilon, step_size = (
    jnp.asarray(one, images.dtype) for one in (epsilon, step_size)
  )
  low = jnp.maximum(images - epsilon, 0.0)
  high = jnp.minimum(images + epsilon, 1.0)
  is_stochastic = _is_stochastic(loss_fn)

  def step(number, point):
    noise_key = jax.random.fold_in(key, number + 1) if is_stochastic else None
    gradient = _gradient(loss_fn, point, labels, num_noise_samples, noise_key)
    return jnp.clip(point + step_size * jnp.sign(gradient), low, high)

  start_key = jax.random.fold_in(key, 0)
  offset = jax.random.uniform(start_key, images.shape, images.dtype, -1.0, 1.0)
  start = jnp.clip(images + epsilon * offset, low, high)
  # A convolution within a loop takes XLA on CPU many times as long.
  unroll = jax.default_backend() == 'cpu'
  return jax.lax.fori_loop(0, num_steps, step, start, unroll=unroll)


def _is_stochastic(loss_fn: LossFn) -> bool:
  """Whether the loss needs a key beside images and labels."""
  try:
    signature = inspect.signature(loss_fn)
  except (TypeError, ValueError):  # No function, or one that does not tell.
    signature = None
  for is_stochastic, given in ((False, (0, 1)), (True, (0, 1, 2))):
    try:
      if signature is not None:
        signature.bind(*given)
        return is_stochastic
    except TypeError:
      continue
  expected = 'a function of (images, labels) or (images, labels, key)'
  got = type(loss_fn).__name__ if signature is None else f'one of {signature}'
  raise errors.InputError(
    'loss_fn', f'{expected}; attacks.cross_entropy makes it of a predict', got
  )


def _gradient(loss_fn, images, labels, num_noise_samples, key):
  """Of the loss of each image in its pixels, the mean over draws of noise.

  0 where it is NaN, and thus of no sign.
  """

  def total(images, *key):
    with errors.tracing('loss_fn'):
      losses = loss_fn(images, labels, *key)
    if getattr(losses, 'shape', None) != labels.shape:
      expected = f'losses [{len(labels)}]; attacks.cross_entropy makes them'
      got = f'{type(losses).__name__} {getattr(losses, "shape", "")}'
      raise errors.InputError('loss_fn', f'{expected} of logits', got)
    errors.check_floats('loss_fn', losses, '[B]')
    return losses.sum()

  def gradient(images, *key):
    found = jax.grad(total)(images, *key)
    return jnp.where(jnp.isnan(found), 0, found)

  if key is None:
    return gradient(images)
  keys = jax.random.split(key, num_noise_samples)
  each = jax.vmap(gradient, in_axes=(None, 0))(images, keys)
  return each.mean(axis=0)


def _check(images, labels, epsilon, num_noise_samples) -> None:
  errors.check_images('images', images)
  errors.check_labels('labels', labels, size=len(images))
  errors.check_number('epsilon', epsilon, high=1.0)
  errors.check_integer(
    'num_noise_samples', num_noise_samples, low=1, high=_MOST_SAMPLES
  )
