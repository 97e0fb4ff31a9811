"""Noisy dropout: states are dropped, and noise takes their place.

Examining Input Noise Injection During Dropout for Robust CIFAR Dataset Image
Recognition, section 3.2. Dropout puts zeros where it drops; noisy dropout puts
Gaussian noise there, so that the layers above learn to stand disturbed states,
not only missing ones. The paper's text has noise on the dropped states alone,
its Eq. 2 on all of them; both are here.

Hidden states are [...], maps [B, H, W, C]; any float dtype, any range. Draws
and statistics are at least float32.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys
from robustjax.layers import moments
from robustjax.layers import noise_injection

PLACES = ('dropped', 'all')
# Half the spacing of the draws of `uniform`, multiples of 2^-23: centres them.
_HALF_SPACING = 2.0**-24


def _mask_and_noise(key, shape, keep, dtype):
  """Which states stay, bool, and standard normal noise independent of it.

  One draw serves twice: u < keep decides, and given that, u / keep is uniform
  again, as (1 - u) / (1 - keep) is where a state is dropped. It is float32
  whatever the states are, so that every precision has the same mask, and
  compared as `nn.Dropout` compares it, so that the same key has too.
  """
  uniform = jax.random.uniform(key, shape, jnp.float32)
  kept = uniform < keep.astype(jnp.float32)
  uniform = uniform.astype(dtype) + jnp.asarray(_HALF_SPACING, dtype)
  share = jnp.where(kept, keep, 1 - keep)
  quantile = jnp.where(kept, uniform, 1 - uniform) / share
  return kept, noise_injection.normal_quantile(quantile)


def _blur_matrix(size: int, sigma: float, dtype):
  """[size, size]: Gaussian weights of the distances, rows of unit length."""
  place = jnp.arange(size, dtype=dtype)
  distance = place[:, None] - place[None, :]
  weights = jnp.exp(-0.5 * jnp.square(distance / sigma))
  length = jnp.sqrt(jnp.square(weights).sum(axis=1, keepdims=True))
  return weights / length


def _correlate(noise, sigma: float):
  """Blurs white noise [B, H, W, C]; its deviation stays 1 at every place."""
  rows, columns = (
    _blur_matrix(size, sigma, noise.dtype) for size in noise.shape[1:3]
  )
  return jnp.einsum('ih,bhwc,jw->bijc', rows, noise, columns)


def _check(rate, stddev, where, rescale, relative, correlation) -> None:
  errors.check_range('rate', rate, high=1.0)
  errors.check_range('stddev', stddev)
  errors.check_choice('where', where, PLACES)
  errors.check_flag('rescale', rescale)
  errors.check_flag('relative', relative)
  errors.check_range('correlation', correlation)


def noisy_dropout(
  key: array_types.Key,
  hidden: array_types.Array,
  *,
  rate: array_types.ArrayLike,
  stddev: array_types.ArrayLike,
  where: str = 'dropped',
  rescale: bool = False,
  relative: bool = False,
  correlation: float = 0.0,
) -> array_types.Array:
  r"""Drops a random share of the states and puts Gaussian noise on them.

  With :math:`d = 1` with probability :math:`1 - rate`, 0 otherwise, and
  :math:`\epsilon \sim Normal(0, stddev)`, independently for every state,

  .. math::
    where = dropped: \; x \odot d + \epsilon \odot (1 - d), \qquad
    where = all: \; x \odot d + \epsilon

  As in the paper, states that are kept stay as they are; `rescale` divides them
  by 1 - rate. With it and stddev 0 this is `flax.linen.Dropout`, and the same
  key drops the same states.

  Args:
    key: random key.
    hidden: float hidden states, any shape; maps are [B, H, W, C].
    rate: share of states to drop, in [0, 1]; may be traced. At 1 every state is
      noise, rescaled or not.
    stddev: deviation of the noise, at least 0, in the units of the states; may
      be traced.
    where: 'dropped': noise on the dropped states only; 'all': on every state.
    rescale: whether kept states are divided by 1 - rate.
    relative: whether `stddev` counts in deviations of `hidden` instead: one
      number over all axes, with its gradient, for the reason `snr_noise` gives.
      Under `jit` with a sharded batch it is that of the whole batch.
    correlation: of the noise of neighbours in a map: it is white noise blurred
      by a Gaussian of this standard deviation in pixels, scaled back to
      `stddev`. A Python number; 0 is white noise.

  Returns:
    The disturbed states, same shape and dtype as `hidden`.

  Raises:
    errors.InputError: on a number outside its range, an unknown `where`, what
      is no key, states that are no floats, or a correlation for anything but
      maps [B, H, W, C].

  Example:
    >>> import jax, jax.numpy as jnp
    >>> hidden = jnp.ones([4, 3])
    >>> noisy_dropout(jax.random.key(0), hidden, rate=1.0, stddev=0.0).sum()
    Array(0., dtype=float32)

  References:
    Noisy dropout, Eq. 1-2 and section 3.2.1. 'dropped' is what its text and
    Figure 2 describe, 'all' its Eq. 2; `relative` and `correlation` are ours,
    after its section on future work.
  """
  _check(rate, stddev, where, rescale, relative, correlation)
  errors.check_states('hidden', hidden, min_ndim=0)
  random_keys.check_key('key', key)
  hidden = jnp.asarray(hidden)
  if correlation and hidden.ndim != 4:
    expected = 'maps [B, H, W, C] where noise is correlated'
    raise errors.InputError('hidden', expected, f'shape {hidden.shape}')
  dtype = array_types.at_least_float32(hidden.dtype)
  states = hidden.astype(dtype)
  keep = jnp.asarray(1.0 - rate, dtype)
  stddev = jnp.asarray(stddev, dtype)
  if relative:
    axes = tuple(range(states.ndim))
    stddev *= moments.standard_deviation(states, axes).reshape(())

  kept, noise = _mask_and_noise(key, hidden.shape, keep, dtype)
  if correlation:
    noise = _correlate(noise, correlation)
  noise *= stddev
  if rescale:
    states = states / jnp.where(keep > 0, keep, 1)
  if where == 'all':
    noisy = jnp.where(kept, states, 0) + noise
  else:
    noisy = jnp.where(kept, states, noise)
  return noisy.astype(hidden.dtype)


class NoisyDropout(nn.Module):
  """`noisy_dropout` as a layer: while training; the identity otherwise.

  Attributes:
    rate: share of states to drop, in [0, 1].
    stddev: deviation of the noise, at least 0. A Python 0, with a Python 0 as
      rate, is the identity and draws nothing.
    where: 'dropped' or 'all'.
    rescale: whether kept states are divided by 1 - rate.
    relative: whether `stddev` counts in deviations of the hidden states.
    correlation: deviation in pixels of the blur that correlates the noise.

  Three layers side by side tell apart what the paper's one changes at once:
  dropout as usual, `NoisyDropout(rate, 0.0, rescale=True)`; without the
  rescaling, `NoisyDropout(rate, 0.0)`; with the noise too.
  """

  rate: array_types.ArrayLike
  stddev: array_types.ArrayLike
  where: str = 'dropped'
  rescale: bool = False
  relative: bool = False
  correlation: float = 0.0

  def __post_init__(self):
    _check(
      self.rate,
      self.stddev,
      self.where,
      self.rescale,
      self.relative,
      self.correlation,
    )
    super().__post_init__()

  def __call__(
    self, hidden: array_types.Array, *, train: bool = False
  ) -> array_types.Array:
    """Disturbs hidden states [...]; needs the rng 'noise' while training."""
    strengths = (self.rate, self.stddev)
    is_off = all(isinstance(s, (int, float)) and s == 0 for s in strengths)
    if not train or is_off:
      return hidden
    return noisy_dropout(
      self.make_rng('noise'),
      hidden,
      rate=self.rate,
      stddev=self.stddev,
      where=self.where,
      rescale=self.rescale,
      relative=self.relative,
      correlation=self.correlation,
    )
