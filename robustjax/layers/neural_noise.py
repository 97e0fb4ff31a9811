"""Internal noise: Gaussian noise added to hidden states during training.

Internal Neural Noise Progression for Emergent Classification Robustness has two
kinds. One does not depend on the input: a fixed deviation, on what the last
dense layer reads (Experiment 1). The other is a share of the signal's own
variance in the batch, on the output of every layer (Experiment 2): a signal to
noise ratio, whence the name.

Hidden states are [B, ...], maps [B, H, W, C]; any float dtype, any range. Draws
and statistics are at least float32.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys
from robustjax.layers import interception
from robustjax.layers import moments

# What shares a variance -> the axes it is taken over.
_AXES = {
  'layer': lambda ndim: tuple(range(ndim)),
  'channel': lambda ndim: tuple(range(ndim - 1)),
  'unit': lambda ndim: (0,),
}
VARIANCES = tuple(_AXES)


def _add_noise(key, hidden, deviation: Callable) -> array_types.Array:
  """Adds Normal(0, deviation(states)), the states in at least float32."""
  errors.check_states('hidden', hidden)
  random_keys.check_key('key', key)
  hidden = jnp.asarray(hidden)
  dtype = array_types.at_least_float32(hidden.dtype)
  states = hidden.astype(dtype)
  noise = deviation(states) * jax.random.normal(key, states.shape, dtype)
  return (states + noise).astype(hidden.dtype)


def penultimate_noise(
  key: array_types.Key,
  hidden: array_types.Array,
  *,
  stddev: array_types.ArrayLike,
) -> array_types.Array:
  r"""Adds Gaussian noise of one deviation to every hidden state.

  .. math:: z = h + \epsilon, \quad \epsilon_{bk} \sim Normal(0, stddev)

  Args:
    key: random key.
    hidden: float hidden states [B, ...].
    stddev: standard deviation, at least 0, in the units of the states; may be
      traced.

  Returns:
    The noisy states, same shape and dtype as `hidden`.

  Raises:
    errors.InputError: on a negative stddev, what is no key, or hidden states
      that are no floats or have no or an empty batch axis.

  References:
    Noise progression, Experiment 1: stddev is its sigma_pl.
  """
  errors.check_range('stddev', stddev)
  return _add_noise(
    key, hidden, lambda states: jnp.asarray(stddev, states.dtype)
  )


def snr_noise(
  key: array_types.Key,
  hidden: array_types.Array,
  *,
  variance_ratio: array_types.ArrayLike = 0.25,
  per: str = 'layer',
  gradient: bool = True,
) -> array_types.Array:
  r"""Adds Gaussian noise whose variance is a share of the signal's.

  .. math::
    z = h + \epsilon, \quad \epsilon \sim Normal(0, \sqrt{\rho \, Var[h]})

  with :math:`\rho` the `variance_ratio`, so that the signal to noise ratio is
  :math:`-10 \log_{10} \rho` dB: 6.02 dB for the default.

  Variances are population variances over the batch. Under `jit` with a sharded
  batch they are those of the whole batch. With B = 1 and `per='unit'` this is
  the identity, since the variance is 0.

  The gradient flows through the variances, so that a network knows that its
  noise grows with its signal. Cut (`gradient=False`), descent answers the noise
  as if its size were fixed: it raises the signal, the noise rises along, and
  training diverges without bound, whatever the learning rate (a smaller one
  only delays it). A variance of zero passes no gradient.

  Args:
    key: random key.
    hidden: float hidden states [B, ...].
    variance_ratio: variance of the noise over that of the signal, at least 0;
      may be traced.
    per: what has a variance of its own: 'layer', one number for all states;
      'channel', each entry of the last axis; 'unit', each state.
    gradient: whether a gradient flows through the variances.

  Returns:
    The noisy states, same shape and dtype as `hidden`.

  Raises:
    errors.InputError: on a negative ratio, another `per`, what is no key, or
      hidden states that are no floats or have no or an empty batch axis.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> hidden = jnp.arange(6.0).reshape(2, 3)
    >>> snr_noise(jax.random.key(0), hidden, variance_ratio=0.25).shape
    (2, 3)

  References:
    Noise progression, Experiment 2. The paper's variant: `per='layer'`, .25.
  """
  _check(variance_ratio, per, gradient)

  def deviation(states):
    axes = _AXES[per](states.ndim)
    measured = states if gradient else jax.lax.stop_gradient(states)
    signal = moments.standard_deviation(measured, axes)
    # Two roots: that of a product of zeros would have no gradient.
    return jnp.sqrt(jnp.asarray(variance_ratio, states.dtype)) * signal

  return _add_noise(key, hidden, deviation)


def _check(variance_ratio, per, gradient) -> None:
  errors.check_range('variance_ratio', variance_ratio)
  errors.check_choice('per', per, VARIANCES)
  errors.check_flag('gradient', gradient)


def _is_off(strength: array_types.ArrayLike) -> bool:
  return isinstance(strength, (int, float)) and strength == 0


class PenultimateNoise(nn.Module):
  """`penultimate_noise` as a layer: noise while training, else the identity.

  Attributes:
    stddev: standard deviation, at least 0. A Python 0 is the identity and draws
      nothing.
  """

  stddev: array_types.ArrayLike = 1.5

  def __post_init__(self):
    errors.check_range('stddev', self.stddev)
    super().__post_init__()

  def __call__(
    self, hidden: array_types.Array, *, train: bool = False
  ) -> array_types.Array:
    """Adds to hidden states [B, ...]; needs the rng 'noise' while training."""
    if not train or _is_off(self.stddev):
      return hidden
    return penultimate_noise(self.make_rng('noise'), hidden, stddev=self.stddev)


class SnrNoise(nn.Module):
  """`snr_noise` as a layer: noise while training, the identity otherwise.

  Attributes:
    variance_ratio: variance of the noise over that of the signal, at least 0. A
      Python 0 is the identity and draws nothing.
    per: a name in `VARIANCES`.
    gradient: whether a gradient flows through the variances.
  """

  variance_ratio: array_types.ArrayLike = 0.25
  per: str = 'layer'
  gradient: bool = True

  def __post_init__(self):
    _check(self.variance_ratio, self.per, self.gradient)
    super().__post_init__()

  def __call__(
    self, hidden: array_types.Array, *, train: bool = False
  ) -> array_types.Array:
    """Adds to hidden states [B, ...]; needs the rng 'noise' while training."""
    if not train or _is_off(self.variance_ratio):
      return hidden
    return snr_noise(
      self.make_rng('noise'),
      hidden,
      variance_ratio=self.variance_ratio,
      per=self.per,
      gradient=self.gradient,
    )


@dataclasses.dataclass(frozen=True)
class NoisyModel:
  """A linen model with noise on its layers; see `noise_at_every_layer`.

  Attributes:
    model: the model without noise.
    variance_ratio: variance of the noise over that of a layer's output.
    per: a name in `VARIANCES`.
    skip: names of layers without noise.
    gradient: whether a gradient flows through the variances.
  """

  model: nn.Module
  variance_ratio: array_types.ArrayLike = 0.25
  per: str = 'layer'
  skip: tuple[str, ...] = ()
  gradient: bool = True

  def __post_init__(self):
    if not isinstance(self.model, nn.Module):
      got = type(self.model).__name__
      raise errors.InputError('model', 'a flax.linen.Module', got)
    _check(self.variance_ratio, self.per, self.gradient)
    is_names = isinstance(self.skip, tuple | list | set | frozenset)
    if not is_names or not all(isinstance(name, str) for name in self.skip):
      raise errors.InputError('skip', 'a tuple of names', repr(self.skip))
    object.__setattr__(self, 'skip', tuple(self.skip))

  def init(self, rngs: Any, *args, method: Any = None, **options) -> Any:
    """`model.init`: noise neither has parameters nor changes any."""
    options = interception.for_model(self.model, method, options)
    return self.model.init(rngs, *args, method=method, **options)

  def apply(self, variables: Mapping[str, Any], *args, **options) -> Any:
    """`model.apply`, with noise on every layer called while training.

    Args:
      variables: of the model.
      *args: positional arguments, as for `model.apply`.
      **options: keyword arguments, as for `model.apply`, and `train`. While
        training, `rngs` needs a key 'noise'.

    Returns:
      What `model.apply` does.

    Raises:
      errors.InputError: while training, if no layer is reached, or a name in
        `skip` is that of none; if `train` is no bool.
      flax.errors.InvalidRngError: while training, without a key for noise.
    """
    return interception.apply_changed(
      self.model, self._noisy, self.skip, variables, *args, **options
    )

  def _noisy(self, module, output):
    # Asked for whatever the keys are: without one for noise, this raises.
    return snr_noise(
      module.make_rng('noise'),
      output,
      variance_ratio=self.variance_ratio,
      per=self.per,
      gradient=self.gradient,
    )


def noise_at_every_layer(
  model: nn.Module,
  *,
  variance_ratio: array_types.ArrayLike = 0.25,
  per: str = 'layer',
  skip: tuple[str, ...] = (),
  gradient: bool = True,
) -> NoisyModel:
  """Any linen model, with `snr_noise` on what each of its layers gives.

  A layer is a module that itself owns parameters and is no normalisation:
  convolutions, dense layers, weight maps, embeddings. Noise is added where its
  `__call__` returns, hence before a nonlinearity that is no part of it, and is
  another for each layer and each call. A module around a layer, that shares its
  scope or has parameters beside it, is left to the one within: no output gets
  noise twice. `interception.LayerChange` has the particulars.

  There is noise unless `train` is False: what the method called gets by that
  name, as keyword, by position or by default. A method without such an argument
  may be told all the same, `apply(..., train=False)`, and the model does not
  see it; untold, it goes by the default `train` has in the model's `__call__`,
  and where there is none, there is noise. A model that knows training by
  another name (`deterministic`) is told by both.

  Batch normalisation behind a noisy layer stores the variances it sees while
  training, inflated by about 1 + variance_ratio over those at test. Keep noise
  off models under `nn.jit`: a cached trace without noise wins, and the noise is
  missing. Where no layer is reached, that is an error; in a model of which only
  parts are under `nn.jit`, nothing tells.

  Args:
    model: a linen module.
    variance_ratio: as for `snr_noise`; may be traced.
    per: as for `snr_noise`.
    skip: names of layers without noise: their path in the model, such as
      'dense2' or 'block1/conv'.
    gradient: as for `snr_noise`; without it, training diverges.

  Returns:
    A `NoisyModel`: `init` and `apply` as the model has them, and the model as
    `model`. Hashable if all arguments are; costs nothing to make.

  Raises:
    errors.InputError: on a negative ratio, another `per`, a `skip` that is one
      string, or a model of another kind. What cannot be known before it runs
      raises in `apply`.

  Example:
    >>> import flax.linen as nn, jax, jax.numpy as jnp
    >>> noisy = noise_at_every_layer(nn.Dense(3), variance_ratio=0.25)
    >>> x, key = jnp.ones([2, 4]), jax.random.key(0)
    >>> variables = noisy.init(key, x)
    >>> noisy.apply(variables, x, rngs={'noise': key}).shape
    (2, 3)

  References:
    Noise progression, Experiment 2. The paper's variant: `per='layer'`, .25.
  """
  return NoisyModel(model, variance_ratio, per, skip, gradient)
