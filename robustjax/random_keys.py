"""Where every random number of a run comes from.

A key is a pure function of (seed, step, stream). Nothing random is carried from
step to step, so a run that was killed and resumed draws what an uninterrupted
one draws, and a run on eight devices draws what one device draws.

Keys are threefry whatever JAX's default is: the faster `rbg` gives other
numbers under `vmap` than in a loop, which would break everything keyed per
example.
"""

from typing import Any

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

STREAMS = {
  'params': 0,  # initial parameters
  'order': 1,  # order of the images; step counts epochs
  'dropout': 2,  # dropout masks
  'noise': 3,  # noise on hidden states
  'augmentation': 4,  # random changes to training images
  'adversary': 5,  # generators of noise: parameters and what they disturb
  'distortion': 6,  # networks that images are sent through
  'distortion_of_epoch': 7,  # the same; step counts epochs
  'views': 8,  # AugMix
}


LARGEST_SEED = 2**32 - 1


def check_seed(field: str, seed: int) -> None:
  """Raises errors.InputError unless JAX tells `seed` apart from all others."""
  errors.check_integer(field, seed, high=LARGEST_SEED)


def check_key(field: str, key: Any) -> None:
  """Raises errors.InputError unless `key` is one JAX random key.

  Keys of either kind pass, `jax.random.key` and the older `jax.random.PRNGKey`,
  traced or not; a seed, a NumPy generator, or several keys do not.
  """
  expected = 'one random key, as jax.random.key gives'
  if not isinstance(key, jax.Array):
    raise errors.InputError(field, expected, type(key).__name__)
  if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
    is_one = key.ndim == 0
  else:
    size = jax.random.key_data(jax.random.key(0)).shape[0]
    is_one = key.dtype == jnp.uint32 and key.shape == (size,)
  if not is_one:
    raise errors.InputError(field, expected, f'{key.dtype} {key.shape}')


def root_key(seed: int) -> array_types.Key:
  """The key all others of a run derive from.

  Args:
    seed: an integer in [0, 2^32).

  Returns:
    A threefry key.

  Raises:
    errors.InputError: if it is none.
  """
  check_seed('seed', seed)
  return jax.random.key(seed, impl='threefry2x32')


def stream_key(
  root: array_types.Key, step: array_types.ArrayLike, stream: str
) -> array_types.Key:
  """The key of one stream at one step.

  Args:
    root: from `root_key`.
    step: the training step (the epoch for 'order'); may be traced.
    stream: a name in `STREAMS`.

  Returns:
    A key.

  Raises:
    errors.InputError: on what is no key, a negative step, or another stream.
  """
  check_key('root', root)
  errors.check_range('step', step, high=LARGEST_SEED)
  errors.check_choice('stream', stream, STREAMS)
  step_key = jax.random.fold_in(root, step)
  return jax.random.fold_in(step_key, STREAMS[stream])


def example_keys(
  key: array_types.Key, index: array_types.Array
) -> array_types.Key:
  """One key per example, from the key and the example's index only.

  Args:
    key: one key.
    index: int [B], the place of each example in its data set.

  Returns:
    Keys [B]: those of an example do not depend on the batch it came in.

  Raises:
    errors.InputError: on what is no key, or an index of another kind.
  """
  check_key('key', key)
  is_array = hasattr(index, 'dtype') and index.ndim == 1
  if not is_array or not jnp.issubdtype(index.dtype, jnp.integer):
    raise errors.InputError('index', 'an array of integers [B]', repr(index))
  return jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
