"""Noise injection: some hidden states are replaced by noise during training.

NoiseOut, section 3.2, Eq. 6-7. A random share of the hidden states gives way to
draws from a normal distribution with the mean and deviation this state has over
the batch, so that the next layer cannot rely on any one of them, yet sees
values of the size it is used to. Table 4 compares four other ways of disturbing
the same states; all five are here.

Hidden states are [B, ...]; all axes but the first are one axis of K states. Any
float dtype; statistics are taken in at least float32.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

MEDIAN_WINDOW = 11
# Half the spacing of float32 below one: it centres the draws of `uniform`,
# which are multiples of 2^-23, and is the distance at which quantiles are cut
# off.
_HALF_SPACING = 2.0**-24


def normal_quantile(quantile: array_types.Array) -> array_types.Array:
  """Standard normal draws from draws that are uniform on (0, 1)."""
  centred = jnp.minimum(2.0 * quantile - 1.0, 1.0 - _HALF_SPACING)
  return jnp.sqrt(2.0).astype(quantile.dtype) * jax.lax.erf_inv(centred)


def _moments(hidden, axis):
  """Mean and population deviation along `axis`, kept as size 1; constants."""
  hidden = jax.lax.stop_gradient(hidden)
  mean = jnp.mean(hidden, axis=axis, keepdims=True)
  return mean, jnp.std(hidden, axis=axis, keepdims=True)


# Each of these takes states [B, K] and quantiles [B, K], uniform on (0, 1)
# where a state is replaced, and returns the replacements [B, K].


def _batch_noise(hidden, quantile):
  mean, deviation = _moments(hidden, axis=0)
  return mean + deviation * normal_quantile(quantile)


def _layer_noise(hidden, quantile):
  mean, deviation = _moments(hidden, axis=1)
  return mean + deviation * normal_quantile(quantile)


def _uniform_noise(hidden, quantile):
  hidden = jax.lax.stop_gradient(hidden)
  low, high = jnp.min(hidden), jnp.max(hidden)
  return low + (high - low) * quantile


def _additive_noise(hidden, quantile):
  _, deviation = _moments(hidden, axis=0)
  return hidden + deviation * normal_quantile(quantile)


def _sort_network(values: list[array_types.Array]) -> list[array_types.Array]:
  """Sorts element by element, by odd-even transposition: n rounds for n."""
  values = list(values)
  for round_number in range(len(values)):
    for i in range(round_number % 2, len(values) - 1, 2):
      low = jnp.minimum(values[i], values[i + 1])
      high = jnp.maximum(values[i], values[i + 1])
      values[i], values[i + 1] = low, high
  return values


def _median_blur(hidden, quantile):
  del quantile
  size = hidden.shape[1]
  if size < MEDIAN_WINDOW:
    expected = f'at least {MEDIAN_WINDOW} states for median_blur'
    raise errors.InputError('hidden', expected, f'shape {hidden.shape}')
  hidden = jax.lax.stop_gradient(hidden)
  count = size - MEDIAN_WINDOW + 1
  shifted = [hidden[:, i : i + count] for i in range(MEDIAN_WINDOW)]
  medians = _sort_network(shifted)[MEDIAN_WINDOW // 2]
  # Windows that would stick out are shifted inward, onto the outermost one.
  edge = MEDIAN_WINDOW // 2
  return jnp.pad(medians, ((0, 0), (edge, edge)), mode='edge')


_REPLACEMENTS: dict[str, Callable[..., array_types.Array]] = {
  'noise_injection': _batch_noise,
  'layer_injection': _layer_noise,
  'uniform': _uniform_noise,
  'additive': _additive_noise,
  'median_blur': _median_blur,
}

STRATEGIES = tuple(_REPLACEMENTS)


def inject_noise(
  key: array_types.Key,
  hidden: array_types.Array,
  *,
  rate: array_types.ArrayLike,
  strategy: str = 'noise_injection',
) -> array_types.Array:
  r"""Replaces a random share of the hidden states by noise.

  .. math:: z = (1 - r) h + r \tilde h, \quad r_{bk} \sim Bernoulli(rate)

  with :math:`\tilde h_{bk}`, by strategy,

  * `noise_injection`: Normal(mu_k, sigma_k), over the batch (Eq. 6);
  * `layer_injection`: Normal(mu_b, sigma_b), over the K states of the sample;
  * `uniform`: U(min, max) over the whole tensor;
  * `additive`: h + Normal(0, sigma_k), sigma_k over the batch;
  * `median_blur`: median of the window of 11 neighbours along K, shifted inward
    at both ends.

  The same key selects the same elements for every strategy. Deviations are
  population deviations. No gradient flows through what replaces a state (with
  `additive`, none through sigma_k); states that stay pass theirs unchanged.
  With B = 1 the default strategy is the identity, since sigma_k is 0. Under
  `jit` with a sharded batch the statistics are those of the whole batch.

  Args:
    key: random key.
    hidden: hidden states [B, ...].
    rate: share of states to replace, in [0, 1]; may be traced.
    strategy: a name in `STRATEGIES`.

  Returns:
    The disturbed states, same shape and dtype as `hidden`.

  Raises:
    errors.InputError: on an unknown strategy, a number outside [0, 1] as rate,
      hidden states without a batch axis, or fewer than 11 states for
      `median_blur`.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> hidden = jnp.ones([4, 3])
    >>> inject_noise(jax.random.key(0), hidden, rate=0.5).shape
    (4, 3)

  References:
    NoiseOut, Eq. 6-7 and Table 4. The paper's variant: one draw per element.
  """
  errors.check_choice('strategy', strategy, STRATEGIES)
  errors.check_range('rate', rate, high=1.0)
  if hidden.ndim < 2:
    raise errors.InputError('hidden', '[B, ...]', f'shape {hidden.shape}')
  dtype = array_types.at_least_float32(hidden.dtype)
  states = hidden.reshape(hidden.shape[0], -1).astype(dtype)
  rate = jnp.asarray(rate, dtype)

  # One draw serves twice: u < rate selects, and u / rate is then uniform. It is
  # float32 whatever the states are, so that every precision has the same mask.
  uniform = jax.random.uniform(key, states.shape, jnp.float32) + _HALF_SPACING
  uniform = uniform.astype(dtype)
  selected = uniform < rate
  quantile = uniform / jnp.where(rate > 0, rate, 1)
  quantile = jnp.minimum(quantile, 1.0 - _HALF_SPACING)
  noisy = jnp.where(selected, _REPLACEMENTS[strategy](states, quantile), states)
  return noisy.reshape(hidden.shape).astype(hidden.dtype)


class NoiseInjection(nn.Module):
  """`inject_noise` as a layer: noise while training, the identity otherwise.

  Attributes:
    rate: share of states to replace, in [0, 1]. A Python 0 is the identity and
      draws nothing.
    strategy: a name in `STRATEGIES`.
  """

  rate: array_types.ArrayLike = 0.2
  strategy: str = 'noise_injection'

  def __post_init__(self):
    errors.check_choice('strategy', self.strategy, STRATEGIES)
    errors.check_range('rate', self.rate, high=1.0)
    super().__post_init__()

  def __call__(
    self, hidden: array_types.Array, *, train: bool = False
  ) -> array_types.Array:
    """Disturbs hidden states [B, ...]; needs the rng 'noise' while training."""
    is_off = isinstance(self.rate, (int, float)) and self.rate == 0
    if not train or is_off:
      return hidden
    return inject_noise(
      self.make_rng('noise'),
      hidden,
      rate=self.rate,
      strategy=self.strategy,
    )
