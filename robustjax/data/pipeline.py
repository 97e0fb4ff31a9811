"""Small data sets on the device, and the order in which they are read.

A small set as a whole lives on the device as uint8. The order of an epoch is a
permutation drawn in the program from (seed, epoch), so the batch of a step is a
function of (seed, step) and a checkpoint holds no state of any iterator.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import preprocessing
from robustjax.data import sources


class Batch(NamedTuple):
  """Images float [B, H, W, C] in [0, 1], labels int32 [B].

  As it comes from a stream, its images are uint8.
  """

  images: array_types.Array
  labels: array_types.Array


class DeviceData(NamedTuple):
  """A data set on the device: images uint8 [N, H, W, C], labels int32 [N]."""

  images: array_types.Array
  labels: array_types.Array


class Source(NamedTuple):
  """Where the batch of a step is.

  Attributes:
    data: the data set, on the device.
    order: from `epoch_order`, int32 [N].
    start: place in the order; start + size is at most N.
  """

  data: DeviceData
  order: array_types.Array
  start: array_types.ArrayLike


def to_device(
  data: sources.DataSet, sharding: jax.sharding.Sharding
) -> DeviceData:
  """Copies a data set to every device of `sharding`."""
  return DeviceData(
    jax.device_put(data.images, sharding),
    jax.device_put(data.labels, sharding),
  )


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
  """Number of batches in an epoch; the last, smaller one counts."""
  return -(-num_examples // batch_size)


def epoch_order(
  root: array_types.Key, epoch: array_types.ArrayLike, num_examples: int
) -> array_types.Array:
  """The order of an epoch.

  Args:
    root: `random_keys.root_key(seed)`.
    epoch: number of the epoch from 0; may be traced.
    num_examples: N.

  Returns:
    A permutation of 0..N-1, int32 [N].
  """
  key = random_keys.stream_key(root, epoch, 'order')
  return jax.random.permutation(key, num_examples)


def read(
  source: Source | Batch, size: int, dtype: jnp.dtype = jnp.float32
) -> Batch:
  """The batch of a step, with images as the model reads them.

  Args:
    source: where it is, or the batch itself with images uint8 [B, H, W, C].
    size: B.
    dtype: dtype of the images.

  Returns:
    A `Batch`.
  """
  if isinstance(source, Source):
    return take_batch(*source, size, dtype)
  images = preprocessing.to_unit(source.images, dtype)
  return Batch(images, source.labels)


def take_batch(
  data: DeviceData,
  order: array_types.Array,
  start: array_types.ArrayLike,
  size: int,
  dtype: jnp.dtype = jnp.float32,
) -> Batch:
  """The batch of `size` examples that begins at `start` of the order.

  Args:
    data: the data set.
    order: from `epoch_order`, int32 [N].
    start: place in the order; start + size is at most N. May be traced.
    size: B.
    dtype: dtype of the images.

  Returns:
    A `Batch`.
  """
  index = jax.lax.dynamic_slice_in_dim(order, start, size)
  images = jnp.take(data.images, index, axis=0)
  labels = jnp.take(data.labels, index, axis=0)
  return Batch(preprocessing.to_unit(images, dtype), labels)
