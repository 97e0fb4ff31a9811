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

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys
from robustjax.layers import moments

MEDIAN_WINDOW = 11
# Half the spacing of float32 below one: it centres the draws of `uniform`,
# which are multiples of 2^-23, and is the distance at which quantiles are cut
# off.
_HALF_SPACING = 2.0**-24


def normal_quantile(quantile: array_types.Array) -> array_types.Array:
  """Standard normal draws from draws that are uniform on (0, 1)."""
  centred = jnp.minimum(2.0 * quantile - 1.0, 1.0 - _HALF_SPACING)
  return jnp.sqrt(2.0).astype(quantile.dtype) * jax.lax.erf_inv(centred)


# Each of these takes states [B, K], the same for statistics alone (which may
# pass no gradient), and quantiles [B, K], uniform on (0, 1) where a state is
# replaced, and returns the replacements [B, K].


def _normal_noise(measured, quantile, axis):
  mean = jnp.mean(measured, axis=axis, keepdims=True)
  deviation = moments.standard_deviation(measured, axis)
  return mean + deviation * normal_quantile(quantile)


def _batch_noise(hidden, measured, quantile):
  del hidden
  return _normal_noise(measured, quantile, axis=0)


def _layer_noise(hidden, measured, quantile):
  del hidden
  return _normal_noise(measured, quantile, axis=1)


def _uniform_noise(hidden, measured, quantile):
  del hidden
  low, high = moments.smallest(measured), moments.largest(measured)
  return low + (high - low) * quantile


def _additive_noise(hidden, measured, quantile):
  deviation = moments.standard_deviation(measured, axis=0)
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


@jax.custom_jvp
def _median(values: tuple[array_types.Array, ...]) -> array_types.Array:
  """The median of an odd number of arrays, element by element."""
  return _sort_network(list(values))[len(values) // 2]


@_median.defjvp
def _median_jvp(primals, tangents):
  """The derivative is that of the value that is the median; of equals, shared.

  Written down, since the derivative of a sorting network takes a thousand times
  as long as the network.
  """
  ((values,), (tangents,)) = primals, tangents
  median = _median(values)
  return median, moments.share_of_equals(values, median, tangents)


def _median_blur(hidden, measured, quantile):
  del hidden, quantile
  size = measured.shape[1]
  if size < MEDIAN_WINDOW:
    expected = f'at least {MEDIAN_WINDOW} states for median_blur'
    raise errors.InputError('hidden', expected, f'shape {measured.shape}')
  count = size - MEDIAN_WINDOW + 1
  medians = _median(
    tuple(measured[:, i : i + count] for i in range(MEDIAN_WINDOW))
  )
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
  gradient: bool = True,
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
  population deviations. States that stay pass their gradient unchanged. What
  replaces a state passes its own through mean, deviation, minimum, maximum or
  median, as it does in a program that does not cut it: the network then learns
  what noise it makes for itself, without which NoiseOut's gain under brightness
  and fog is lost as training goes on. A deviation of zero passes none. With B =
  1 the default strategy is the identity, since sigma_k is 0. Under `jit` with a
  sharded batch the statistics are those of the whole batch.

  Args:
    key: random key.
    hidden: float hidden states [B, ...], B at least 1.
    rate: share of states to replace, in [0, 1]; may be traced, and is then not
      checked.
    strategy: a name in `STRATEGIES`.
    gradient: whether a gradient flows through what replaces a state (with
      `additive`, through sigma_k).

  Returns:
    The disturbed states, same shape and dtype as `hidden`.

  Raises:
    errors.InputError: on an unknown strategy, a rate outside [0, 1], what is no
      key, hidden states that are no floats or have no or an empty batch axis,
      or fewer than 11 states for `median_blur`.

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
  errors.check_flag('gradient', gradient)
  errors.check_states('hidden', hidden)
  random_keys.check_key('key', key)
  hidden = jnp.asarray(hidden)
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
  measured = states if gradient else jax.lax.stop_gradient(states)
  replacement = _REPLACEMENTS[strategy](states, measured, quantile)
  chex.assert_equal_shape((replacement, states))
  noisy = jnp.where(selected, replacement, states)
  return noisy.reshape(hidden.shape).astype(hidden.dtype)


class NoiseInjection(nn.Module):
  """`inject_noise` as a layer: noise while training, the identity otherwise.

  Attributes:
    rate: share of states to replace, in [0, 1]. A Python 0 is the identity and
      draws nothing.
    strategy: a name in `STRATEGIES`.
    gradient: whether a gradient flows through the statistics of the noise.
  """

  rate: array_types.ArrayLike = 0.2
  strategy: str = 'noise_injection'
  gradient: bool = True

  def __post_init__(self):
    errors.check_choice('strategy', self.strategy, STRATEGIES)
    errors.check_range('rate', self.rate, high=1.0)
    errors.check_flag('gradient', self.gradient)
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
      gradient=self.gradient,
    )
