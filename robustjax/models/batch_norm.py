"""Batch normalisation over the whole batch, or over each of its parts.

Its statistics are taken in at least float32, whatever it computes in.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

MOMENTUM = 0.9
EPSILON = 1e-5


def _moments(x: array_types.Array) -> tuple[array_types.Array, ...]:
  """Mean and population variance of each channel, both [C]."""
  x = x.astype(array_types.at_least_float32(x.dtype))
  axes = tuple(range(x.ndim - 1))
  mean = x.mean(axes)
  # One pass over the maps gives both: twice as fast where memory is the limit.
  variance = jnp.square(x).mean(axes) - jnp.square(mean)
  return mean, jnp.maximum(variance, 0)


def _normalize(x, moments, scale, bias) -> array_types.Array:
  """Maps [B, ..., C] by mean and variance [C], in the dtype of these."""
  mean, variance = moments
  slope = scale * jax.lax.rsqrt(variance + EPSILON)
  intercept = bias - mean * slope
  slope, intercept = (
    jnp.expand_dims(one, range(x.ndim - 1)) for one in (slope, intercept)
  )
  return x.astype(slope.dtype) * slope + intercept


def _normalize_batch(x, scale, bias):
  """Maps [B, ..., C] by their own moments, and these."""
  moments = _moments(x)
  return _normalize(x, moments, scale, bias), moments


def _normalize_parts(x, scale, bias, groups):
  """The same for each part of a batch, and the mean of the parts' moments."""
  if x.shape[0] % groups:
    expected = f'a divisor of the batch size {x.shape[0]}'
    raise errors.InputError('statistics_groups', expected, str(groups))
  if groups == 1:  # Another axis would cost a third of a step on CPU.
    return _normalize_batch(x, scale, bias)
  parts = x.reshape(groups, -1, *x.shape[1:])
  of_part = jax.vmap(_normalize_batch, in_axes=(0, None, None))
  output, moments = of_part(parts, scale, bias)
  return output.reshape(x.shape), tuple(one.mean(axis=0) for one in moments)


class BatchNorm(nn.Module):
  """scale (x - mean) / sqrt(variance + 1e-5) + bias, for each channel.

  While training, mean and variance are those of the batch, and the running
  averages in the collection 'batch_stats' follow them: .9 of the old, .1 of
  the new. At test the running averages are taken.

  With groups, the batch is cut into so many equal, contiguous parts, and each
  is normalised by its own statistics; the running averages follow the mean of
  the parts' means and that of their variances. With as many groups as devices
  that share the batch, no device waits for another's statistics.

  Attributes:
    statistics_groups: number of parts of a batch; 1 is the global batch.
    dtype: dtype of the output. Parameters, statistics and what is computed from
      them are at least float32.

  Parameters `scale` and `bias` start as ones and zeros, `mean` and `var` in
  'batch_stats' as zeros and ones.

  The running variance follows the population variance n^-1 sum (x - mean)^2, as
  in Flax, which is what a batch is normalised by. PyTorch's follows the sample
  variance, (n - 1)^-1; n is B H W / groups, and a running variance read from
  PyTorch is used as it is.

  References:
    Ioffe and Szegedy, Batch normalization, 2015, algorithms 1 and 2.
  """

  statistics_groups: int = 1
  dtype: jnp.dtype = jnp.float32

  def __post_init__(self):
    errors.check_integer('statistics_groups', self.statistics_groups, low=1)
    super().__post_init__()

  @nn.compact
  def __call__(
    self, x: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Normalises [B, ..., C].

    Args:
      x: float [B, ..., C].
      train: whether mean and variance are taken from `x`.

    Returns:
      The same shape, in `dtype`.

    Raises:
      errors.InputError: on what are no floats, or another C than at first;
        while training, if the groups do not divide B.
    """
    errors.check_states('x', x, min_ndim=2)
    x = jnp.asarray(x)
    dtype = array_types.at_least_float32(self.dtype)
    size = (x.shape[-1],)
    if self.has_variable('params', 'scale'):
      made_for = self.get_variable('params', 'scale').shape
      if size != made_for:
        expected = f'[B, ..., {made_for[0]}], as the layer was made for'
        raise errors.InputError('x', expected, f'shape {x.shape}')
    scale = self.param('scale', nn.initializers.ones, size, dtype)
    bias = self.param('bias', nn.initializers.zeros, size, dtype)
    running = (
      self.variable('batch_stats', 'mean', jnp.zeros, size, dtype),
      self.variable('batch_stats', 'var', jnp.ones, size, dtype),
    )
    if not train:
      moments = (jnp.asarray(one.value) for one in running)
      return _normalize(x, moments, scale, bias).astype(self.dtype)
    output, moments = _normalize_parts(x, scale, bias, self.statistics_groups)
    if not self.is_initializing():
      for average, moment in zip(running, moments, strict=True):
        average.value = MOMENTUM * average.value + (1 - MOMENTUM) * moment
    return output.astype(self.dtype)
