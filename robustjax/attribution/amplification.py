r"""How a weight map amplifies the variance of its inputs, and of which ones.

A weight map multiplies every input by weights of its own, so that over a data
set (Weight map layers, Eq. 5)

.. math:: Var[w x] = w^2 \, Var[x]

which holds exactly for each element. What there is to be measured is how large
w^2 is, layer by layer, and the paper's explanation of it: that inputs which
matter more to the output are amplified more.

Everything is computed in at least float32, and may be traced.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.attribution import checks


class Amplification(NamedTuple):
  """Variances over a data set, before and after a weight map's weights.

  Attributes:
    inputs: Var[x], [H, W, C_in].
    measured: Var[w x], of the products themselves, [H, W, C_in, C_out].
    predicted: w^2 Var[x], the same shape: equal but for rounding.
  """

  inputs: array_types.Array
  measured: array_types.Array
  predicted: array_types.Array

  @property
  def factor(self) -> array_types.Array:
    """Mean variance after over mean variance before, a scalar.

    It is the mean of w^2, each weighted by the variance it meets; above 1 the
    layer amplifies. Initial weights U(-s, s), s = 1 / sqrt(C_in k^2), have 1 /
    (3 C_in k^2). nan if no input varies.
    """
    return self.measured.mean() / self.inputs.mean()


def amplification(
  x: array_types.Array, kernel: array_types.Array
) -> Amplification:
  """Both sides of Eq. 5 for the inputs of a weight map.

  Args:
    x: what enters the layer, over a data set, float [N, H, W, C_in], N at least
      2.
    kernel: its weights, [H, W, C_in, C_out].

  Returns:
    The `Amplification`; variances are population ones, over N.

  Raises:
    errors.InputError: on arrays that do not fit or are no floats, or a single
      example.

  Example:
    >>> import jax.numpy as jnp
    >>> x = jnp.array([1.0, 3.0]).reshape(2, 1, 1, 1)
    >>> found = amplification(x, jnp.full((1, 1, 1, 1), 2.0))
    >>> [float(one.squeeze()) for one in (*found, found.factor)]
    [1.0, 4.0, 4.0, 4.0]

  References:
    Weight map layers, Eq. 5.
  """
  x, kernel = _check(x, kernel, 'x')
  if len(x) < 2:
    raise errors.InputError('x', 'at least two examples', '1')
  inputs = jnp.var(x, axis=0)
  by_output = jnp.moveaxis(kernel, -1, 0)
  # One output map after the other: all products together would be C_out times
  # as large as x.
  measured = jax.lax.map(lambda w: jnp.var(w[None] * x, axis=0), by_output)
  predicted = kernel**2 * inputs[..., None]
  return Amplification(inputs, jnp.moveaxis(measured, 0, -1), predicted)


def importance_correlation(
  kernel: array_types.Array, attributions: array_types.Array
) -> array_types.Array:
  """Rank correlation of the amplification of inputs with their importance.

  Of each input (place and channel) the amplification is the mean of w^2 over
  the output maps it goes to, and the importance the mean absolute IG over
  examples.

  Inputs that are the same in every example and in the baseline, as MNIST's
  corners, have an attribution of 0, and weights that training hardly moves:
  they are ties at the lower end, and count.

  Args:
    kernel: weights of a weight map, [H, W, C_in, C_out].
    attributions: of what enters it, float [N, H, W, C_in], as
      `integrated_gradients` gives.

  Returns:
    Spearman's coefficient, a scalar in [-1, 1]; nan if either is constant or
      holds one.

  Raises:
    errors.InputError: on arrays that do not fit or are no floats.

  References:
    Weight map layers, section 5: the amplification is proportional "to the
    importance of the corresponding feature". As a number, ours.
  """
  attributions, kernel = _check(attributions, kernel, 'attributions')
  importance = jnp.abs(attributions).mean(axis=0)
  return rank_correlation((kernel**2).mean(axis=-1), importance)


def rank_correlation(
  one: array_types.Array, other: array_types.Array
) -> array_types.Array:
  """Spearman's rank correlation: Pearson's of the ranks, ties at their mean.

  Args:
    one: numbers, any shape.
    other: as many, the same shape.

  Returns:
    A scalar in [-1, 1]; nan if either is constant or holds one.

  Raises:
    errors.InputError: on different shapes, or what are no numbers.

  Example:
    >>> import jax.numpy as jnp
    >>> x = jnp.arange(5.0)
    >>> round(float(rank_correlation(x, -jnp.exp(x))), 4)
    -1.0
  """
  for field, value in (('one', one), ('other', other)):
    _check_numbers(field, value)
  if one.shape != other.shape:
    expected = f'shape {other.shape}, that of the other'
    raise errors.InputError('one', expected, f'{one.shape}')
  ranks = jnp.stack([_ranks(one), _ranks(other)])
  ranks -= ranks.mean(axis=1, keepdims=True)
  (of_one, shared), (_, of_other) = (ranks[:, None] * ranks[None]).mean(axis=2)
  return shared / jnp.sqrt(of_one * of_other)


def _check_numbers(field: str, values: array_types.Array) -> None:
  is_array = isinstance(values, jax.Array | np.ndarray) and values.size
  if not is_array or not (
    jnp.issubdtype(values.dtype, jnp.floating)
    or jnp.issubdtype(values.dtype, jnp.integer)
  ):
    got = f'{getattr(values, "dtype", type(values).__name__)}'
    raise errors.InputError(field, 'an array of at least one number', got)


def _ranks(values: array_types.Array) -> array_types.Array:
  """Ranks as shares of their number, float32, ties at their mean.

  All are nan if one is: it has no place in the order.
  """
  values = jnp.asarray(values).reshape(-1)
  in_order = jnp.sort(values)
  below, not_above = (
    jnp.searchsorted(in_order, values, side=side, method='sort')
    for side in ('left', 'right')
  )
  ranks = (below + not_above).astype(jnp.float32) / (2 * len(values))
  return jnp.where(jnp.isnan(values).any(), jnp.nan, ranks)


def _check(x, kernel, field: str):
  """Checks [N, H, W, C_in] and [H, W, C_in, C_out]; gives them one dtype."""
  x = checks.as_input(x, field)
  errors.check_floats('kernel', kernel, '[H, W, C_in, C_out]')
  kernel = jnp.asarray(kernel)
  if x.ndim != 4 or x.shape[1:] != kernel.shape[:3]:
    expected = f'[N, H, W, C_in] for a kernel {kernel.shape}'
    raise errors.InputError(field, expected, f'shape {x.shape}')
  return x, kernel.astype(x.dtype)
