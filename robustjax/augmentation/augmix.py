"""AugMix: an image mixed with chains of operations on it, and its loss.

Images are float [B, H, W, C] in [0, 1].
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys
from robustjax.augmentation import operations

_LEAST_AMOUNT = 0.1
_LARGEST_DEPTH = 3
_MOST_LINKS = 100  # of a chain, or chains


class _Plan(NamedTuple):
  """What one image draws.

  Attributes:
    operations: int32 [width, links], places in `operations.OPERATIONS`; beyond
      the depth of a chain the place after the last, which changes nothing.
    amounts: float32 [width, links], with signs.
    weights: float32 [width], of the chains; their sum is 1.
    share: float32 [], of the chains in the result; the rest is the clean image.
  """

  operations: array_types.Array
  amounts: array_types.Array
  weights: array_types.Array
  share: array_types.Array


def _draw_mixing(key, width, alpha):
  """Weights ~ Dirichlet(alpha) [width] and a share ~ Beta(alpha, alpha).

  At alpha 1 without JAX's samplers, which reject draws in a loop: there the
  weights are exponential draws over their sum, and the share is uniform.
  """
  weights_key, share_key = jax.random.split(key)
  if alpha != 1:
    concentration = jnp.full(width, alpha, jnp.float32)
    weights = jax.random.dirichlet(weights_key, concentration, (), jnp.float32)
    share = jax.random.beta(share_key, alpha, alpha, (), jnp.float32)
    return weights, share
  weights = jax.random.exponential(weights_key, (width,), jnp.float32)
  # Above 0, for a draw can be 0, and with a width of 1 so can be the sum.
  weights += np.finfo(np.float32).tiny
  share = jax.random.uniform(share_key, (), jnp.float32)
  return weights / weights.sum(), share


def _draw_chains(key, width, depth, severity):
  """Operations and signed amounts of every chain, [width, links] each.

  All draws are of 32 bits, so that they are the same under x64.
  """
  links = depth or _LARGEST_DEPTH
  shape = width, links
  depth_key, operation_key, amount_key, sign_key = jax.random.split(key, 4)
  number = len(operations.OPERATIONS)
  chosen = jax.random.randint(operation_key, shape, 0, number, jnp.int32)
  if depth is None:
    depths = jax.random.randint(depth_key, (width, 1), 1, links + 1, jnp.int32)
    chosen = jnp.where(
      jnp.arange(links, dtype=jnp.int32)[None, :] < depths, chosen, number
    )
  amounts = jax.random.uniform(
    amount_key, shape, jnp.float32, _LEAST_AMOUNT, severity
  )
  is_positive = jax.random.bernoulli(sign_key, np.float32(0.5), shape)
  return chosen, jnp.where(is_positive, amounts, -amounts)


def _draw_plan(key, *, severity, width, depth, alpha):
  mixing_key, chains_key = jax.random.split(key)
  weights, share = _draw_mixing(mixing_key, width, alpha)
  return _Plan(
    *_draw_chains(chains_key, width, depth, severity), weights, share
  )


def _mix(image, plan):
  """The mixture of one image [H, W, C] and the chains that start at it."""
  precise = image.astype(array_types.at_least_float32(image.dtype))
  levels = jnp.round(255 * precise).astype(jnp.uint8)
  run = jax.vmap(operations.apply_chain, in_axes=(None, 0, 0))
  ends = run(levels, plan.operations, plan.amounts).astype(precise.dtype)
  augmented = jnp.zeros_like(precise)
  for weight, end in zip(plan.weights, ends, strict=True):
    augmented += weight.astype(precise.dtype) / 255 * end
  share = plan.share.astype(precise.dtype)
  mixed = (1 - share) * precise + share * augmented
  # Weights sum to 1 to rounding only.
  return jnp.clip(mixed, 0, 1).astype(image.dtype)


def augmix(
  key: array_types.Key,
  images: array_types.Array,
  *,
  severity: array_types.ArrayLike,
  width: int = 3,
  depth: int | None = None,
  alpha: float = 1.0,
) -> array_types.Array:
  """One augmented view of each image.

  Each image x goes through `width` chains of random operations, and is mixed
  with what comes out of them:

    (1 - m) x + m sum_i w_i chain_i(x),  w ~ Dirichlet(alpha), m ~ Beta(alpha,
    alpha)

  A chain is `depth` operations of `operations.OPERATIONS`, each as likely as
  any other, with amounts ~ U(.1, severity) of either sign. They act on 8-bit
  levels, as in Pillow. What an image draws depends on the key and its place in
  the batch, not on the size of the batch, nor on the number of devices.

  Mixing is linear, so that to mix before normalising, as here, is to mix after.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    severity: largest amount, .1 to 10; may be traced. The paper's is 1 on
      ImageNet and 3 on CIFAR.
    width: number of chains, 1 to 100; static.
    depth: operations in a chain, 1 to 100; static. None draws it for each
      chain from 1, 2, 3.
    alpha: of Dirichlet and Beta, above 0; static.

  Returns:
    The mixed images, same shape and dtype, in [0, 1].

  Raises:
    errors.InputError: on what is no key, an option outside its range, or other
      images.

  Example:
    >>> import functools, jax, jax.numpy as jnp
    >>> view = jax.jit(functools.partial(augmix, severity=3.0))
    >>> view(jax.random.key(0), jnp.ones([2, 8, 8, 3])).shape
    (2, 8, 8, 3)

  References:
    AugMix: A Simple Data Processing Method to Improve Robustness and
    Uncertainty, Hendrycks et al. 2020, algorithm 1, without operations that
    overlap ImageNet-C.
  """
  random_keys.check_key('key', key)
  errors.check_images('images', images)
  images = jnp.asarray(images)
  errors.check_number(
    'severity', severity, low=_LEAST_AMOUNT, high=operations.LARGEST_AMOUNT
  )
  errors.check_integer('width', width, low=1, high=_MOST_LINKS)
  if depth is not None:
    errors.check_integer('depth', depth, low=1, high=_MOST_LINKS)
  errors.check_number('alpha', alpha, open_low=True)

  def view(key, image):
    options = dict(severity=severity, width=width, depth=depth, alpha=alpha)
    return _mix(image, _draw_plan(key, **options))

  keys = random_keys.example_keys(key, jnp.arange(len(images)))
  return jax.vmap(view)(keys, images)


def jensen_shannon(logits: array_types.Array) -> array_types.Array:
  """How far the predictions for several views of an image are apart.

    mean over B and V of KL(p_v || m),  m = clip(mean over V of p_v, 1e-7, 1)

  with p = softmax(logits): the Jensen-Shannon divergence, in nats.

  Args:
    logits: float [B, V, C], C classes, of V views of each image: with AugMix
      the clean image and two augmented ones. A class whose logit is -inf has
      probability 0 and adds nothing.

  Returns:
    The mean divergence [], without the weight of 12 it has in AugMix's loss;
    at least float32.

  Raises:
    errors.InputError: on another number of axes, or what are no floats.

  Example:
    >>> import jax.numpy as jnp
    >>> float(jensen_shannon(jnp.zeros([4, 3, 10])))
    0.0

  References:
    AugMix, equation 3, with the clamp of the authors' code.
  """
  errors.check_floats('logits', logits, '[B, V, C]')
  logits = jnp.asarray(logits)
  logits = logits.astype(array_types.at_least_float32(logits.dtype))
  logs = jax.nn.log_softmax(logits)
  shares = jnp.exp(logs)
  mixture = jnp.mean(shares, axis=1, keepdims=True)
  # p log p is 0 at p = 0, where log p is not finite.
  finite = jnp.where(shares > 0, logs, 0)
  gaps = finite - jnp.log(jnp.clip(mixture, 1e-7, 1))
  return jnp.mean(jnp.sum(shares * gaps, axis=-1))
