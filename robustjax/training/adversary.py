"""The adversary of adversarial noise training (ANT), as pure functions.

A noise generator is trained up the loss of a classifier that is trained down
it. So that the classifier does not forget, each batch also has clean images and
images disturbed by earlier generators: every epoch begins with a fresh
generator, and the one before joins those of the past.

A run calls `init` once; at the start of every later epoch `renew`; at the start
of every epoch some steps of `improve` with the larger learning rate, so that
the fresh generator catches up; then for each batch `improve` and `disturb`.
Nothing here changes the classifier, and no gradient passes between it and the
generators: what `improve` returns is constant, and so are the generators of
`disturb`.

Reference: Rusak et al. 2020, "A simple way to make neural networks robust
against diverse image corruptions". The default is its 1 x 1 generator: the
62.51 of NoiseOut's Table 2 (3 x 3: 63.4).
"""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import optax

from robustjax import array_types
from robustjax import augmentation
from robustjax import errors
from robustjax.training import losses

_OPTIMIZER = optax.scale_by_adam()  # times the learning rate of the step


class Options(NamedTuple):
  """Of adversarial noise training; hashable. The paper's are the defaults.

  Attributes:
    epsilon: l2 norm of the noise at 224 x 224 x 3, where images are in [0, 1];
      at other sizes it is as strong per value.
    kernel_size: of the generator's second convolution, 1 or 3.
    clean_share: of a batch, left as it is.
    current_share: of a batch, disturbed by the current generator. The rest is
      disturbed by earlier ones.
    learning_rate: of the generator, with Adam.
    warmup_learning_rate: while a fresh generator catches up.
  """

  epsilon: float = 135.0
  kernel_size: int = 1
  clean_share: float = 0.5
  current_share: float = 0.3
  learning_rate: float = 1e-4
  warmup_learning_rate: float = 5e-4


class Adversary(NamedTuple):
  """The generators of a run.

  Attributes:
    params: the current generator's.
    opt_state: its optimizer's state.
    past: the earlier generators' parameters, stacked on a leading axis: the
      first `num_past` of it, the rest is 0.
    num_past: int32 [], how many times the generator was renewed.
  """

  params: array_types.Parameters
  opt_state: optax.OptState
  past: array_types.Parameters
  num_past: array_types.Array


def check_options(options: Options) -> None:
  """Raises errors.InputError unless all options are what they should be."""
  errors.check_range('epsilon', options.epsilon)
  errors.check_range('clean_share', options.clean_share, high=1.0)
  # Shares such as .7 and .3 may exceed 1 by a rounding.
  most = round(1.0 - options.clean_share, 9)
  errors.check_range('current_share', options.current_share, high=most)
  errors.check_range('learning_rate', options.learning_rate)
  errors.check_range('warmup_learning_rate', options.warmup_learning_rate)
  _generator(options)


def _generator(options):
  return augmentation.NoiseGenerator(kernel_size=options.kernel_size)


def _fresh(key, image_shape, options):
  """Parameters of a new generator and the state of its optimizer."""
  noise = jnp.zeros((1, *image_shape), jnp.float32)
  params = _generator(options).init(key, noise)['params']
  return params, _OPTIMIZER.init(params)


def init(
  key: array_types.Key,
  image_shape: tuple[int, int, int],
  options: Options,
  num_epochs: int,
) -> Adversary:
  """The adversary before the first epoch, with one generator.

  Args:
    key: random key.
    image_shape: (H, W, C).
    options: of the training.
    num_epochs: how many earlier generators there is room for, at least 1.

  Returns:
    The adversary; `past` has room for `num_epochs` generators and none in it.

  Raises:
    errors.InputError: on bad options or another number of epochs.
  """
  check_options(options)
  errors.check_integer('num_epochs', num_epochs, low=1)
  params, opt_state = _fresh(key, image_shape, options)
  past = jax.tree.map(
    lambda one: jnp.zeros((num_epochs, *one.shape), one.dtype), params
  )
  return Adversary(params, opt_state, past, jnp.int32(0))


def renew(
  key: array_types.Key,
  adversary: Adversary,
  image_shape: tuple[int, int, int],
  options: Options,
) -> Adversary:
  """Puts the current generator into the past and a fresh one in its place.

  Where there is no more room, the oldest generator gives way.

  Args:
    key: random key, another one each time.
    adversary: of the epoch before.
    image_shape: (H, W, C).
    options: of the training.

  Returns:
    The adversary of the next epoch.
  """
  place = adversary.num_past % _room(adversary)
  past = jax.tree.map(
    lambda all_past, one: all_past.at[place].set(one),
    adversary.past,
    adversary.params,
  )
  params, opt_state = _fresh(key, image_shape, options)
  return Adversary(params, opt_state, past, adversary.num_past + 1)


def _room(adversary):
  return len(jax.tree.leaves(adversary.past)[0])


def improve(
  key: array_types.Key,
  adversary: Adversary,
  images: array_types.Array,
  labels: array_types.Array,
  predict: array_types.Predict,
  options: Options,
  *,
  learning_rate: array_types.ArrayLike,
) -> Adversary:
  """One step of Adam by which the current generator raises the loss.

  The loss is the mean cross entropy over all images of the batch, each of them
  disturbed by the current generator: more images than `disturb` gives to it,
  and so a less noisy gradient. The paper leaves this open.

  Args:
    key: random key, of the noise.
    adversary: before the step.
    images: float [B, H, W, C] in [0, 1].
    labels: int [B].
    predict: images to logits: the classifier as it is at test, with frozen
      statistics, without dropout and noise of its own.
    options: of the training.
    learning_rate: of this step; may be traced.

  Returns:
    The adversary after the step; no gradient flows through it.

  Raises:
    errors.InputError: on a negative learning rate.
  """
  errors.check_range('learning_rate', learning_rate)
  epsilon = augmentation.epsilon_for(images.shape[1:], options.epsilon)
  generator = _generator(options)

  def negative_loss(params):
    noisy = augmentation.adversarial_noise(
      key,
      images,
      lambda noise: generator.apply({'params': params}, noise),
      epsilon=epsilon,
    )
    return -losses.cross_entropy(predict(noisy), labels)

  gradient = jax.grad(negative_loss)(adversary.params)
  updates, opt_state = _OPTIMIZER.update(gradient, adversary.opt_state)
  params = jax.tree.map(
    lambda one, update: one - jnp.asarray(learning_rate, one.dtype) * update,
    adversary.params,
    updates,
  )
  params, opt_state = lax.stop_gradient((params, opt_state))
  return adversary._replace(params=params, opt_state=opt_state)


def _bounds(batch_size, options):
  """Where in a batch each generator's images begin: a tuple of three."""
  current = round(options.clean_share * batch_size)
  earlier = current + round(options.current_share * batch_size)
  earlier = min(earlier, batch_size)
  return current, earlier, (earlier + batch_size + 1) // 2


def _draw_earlier(key, adversary):
  """Parameters of one of the earlier generators, the current if none."""
  available = jnp.minimum(adversary.num_past, _room(adversary))
  index = jax.random.randint(key, (), 0, jnp.maximum(available, 1))
  return jax.tree.map(
    lambda all_past, one: jnp.where(available > 0, all_past[index], one),
    adversary.past,
    adversary.params,
  )


def disturb(
  key: array_types.Key,
  adversary: Adversary,
  images: array_types.Array,
  options: Options,
) -> array_types.Array:
  """The batch a classifier trains on: clean and disturbed images.

  The first images stay clean, the next are disturbed by the current generator,
  and the two halves of the rest by one earlier generator each, drawn with
  replacement; before there are any, by the current one. Of 70 images: 35, 21, 7
  and 7. The noise of an image depends on the key and its place in the batch.

  Args:
    key: random key.
    adversary: the generators.
    images: float [B, H, W, C] in [0, 1], in random order.
    options: of the training.

  Returns:
    Images, same shape and dtype. No gradient flows into the generators.
  """
  adversary = lax.stop_gradient(adversary)
  noise_key, first_key, second_key = jax.random.split(key, 3)
  begin, *cuts = _bounds(len(images), options)
  if begin == len(images):
    return images
  all_params = (
    adversary.params,
    _draw_earlier(first_key, adversary),
    _draw_earlier(second_key, adversary),
  )

  def generate(noise):
    parts = jnp.split(noise, [cut - begin for cut in cuts])
    return jnp.concatenate([
      _generator(options).apply({'params': params}, part)
      for params, part in zip(all_params, parts, strict=True)
    ])  # fmt: skip

  epsilon = augmentation.epsilon_for(images.shape[1:], options.epsilon)
  noisy = augmentation.adversarial_noise(
    noise_key, images[begin:], generate, epsilon=epsilon
  )
  return jnp.concatenate([images[:begin], noisy])
