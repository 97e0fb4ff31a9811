"""What hands a run the batches of its steps.

Both kinds give the batch of a step as a function of (seed, step), from any step
on: nothing of them is kept in a checkpoint.
"""

from collections.abc import Iterator
import time
from typing import NamedTuple

import jax
import numpy as np

from robustjax import array_types
from robustjax.data import pipeline
from robustjax.data import sources
from robustjax.data import streaming
from robustjax.training import programs
from robustjax.training import sharding


class Given(NamedTuple):
  """The batch of one step.

  Attributes:
    source: where it is on the devices, or the batch itself.
    size: number of examples.
  """

  source: pipeline.Source | pipeline.Batch
  size: int


class DeviceFeed:
  """Batches of a data set that is on the devices.

  Attributes:
    num_examples: of the data set.
    seconds_waited: 0: nothing has to be read.
  """

  seconds_waited = 0.0

  def __init__(
    self,
    data: sources.DataSet,
    mesh: jax.sharding.Mesh,
    root: array_types.Key,
    batch_size: int,
  ):
    """Copies the data to the devices.

    Args:
      data: the data set.
      mesh: along 'data', or along 'seed'.
      root: key of the model, or keys of the models.
      batch_size: of all steps but the last of an epoch.
    """
    self.num_examples = len(data.labels)
    self._data = pipeline.to_device(data, sharding.replicated(mesh))
    self._order_fn = programs.compile_order(self.num_examples, mesh)
    self._root = root
    self._batch_size = batch_size

  @property
  def steps_per_epoch(self) -> int:
    return pipeline.steps_per_epoch(self.num_examples, self._batch_size)

  def epoch_from(self, step: int) -> Iterator[Given]:
    """The batches from a step, counted from 0, to its epoch's end."""
    epoch, done = divmod(step, self.steps_per_epoch)
    order = self._order_fn(self._root, np.int32(epoch))
    for start in range(
      done * self._batch_size, self.num_examples, self._batch_size
    ):
      size = min(self._batch_size, self.num_examples - start)
      yield Given(pipeline.Source(self._data, order, np.int32(start)), size)

  def close(self) -> None:
    """Nothing to do: nothing is read."""


class StreamFeed:
  """Batches of photographs, read while the devices are busy with earlier ones.

  Each process reads its part of a batch.

  Attributes:
    num_examples: of the data set.
    seconds_waited: for batches that were not there yet.
  """

  def __init__(
    self,
    stream: streaming.Stream,
    mesh: jax.sharding.Mesh,
    seed: int,
    batch_size: int,
  ):
    """Reads nothing yet.

    Args:
      stream: of photographs.
      mesh: for one model.
      seed: of the model.
      batch_size: over all devices.
    """
    self.num_examples = stream.num_examples
    self.steps_per_epoch = stream.steps_per_epoch(batch_size)
    self.seconds_waited = 0.0
    self._layout = sharding.over_batch(mesh)
    self._batch_size = batch_size
    self._open = lambda step: stream.batches(
      seed,
      batch_size,
      step,
      process_index=jax.process_index(),
      process_count=jax.process_count(),
    )
    self._batches = None
    self._next = None

  def epoch_from(self, step: int) -> Iterator[Given]:
    """The batches from a step, counted from 0, to its epoch's end."""
    end = (step // self.steps_per_epoch + 1) * self.steps_per_epoch
    # What is being read goes on over an epoch's end.
    if self._next != step:
      self.close()
      self._batches, self._next = self._open(step), step
    while self._next < end:
      given = self._read()
      self._next += 1
      yield given

  def close(self) -> None:
    """Ends the threads that read ahead."""
    if self._batches is not None:
      self._batches.close()
      self._batches = self._next = None

  def _read(self) -> Given:
    start = time.monotonic()
    batch = next(self._batches)
    self.seconds_waited += time.monotonic() - start
    placed = jax.tree.map(self._place, batch)
    return Given(placed, self._batch_size)

  def _place(self, part: np.ndarray) -> jax.Array:
    shape = (self._batch_size, *part.shape[1:])
    return jax.make_array_from_process_local_data(self._layout, part, shape)


Feed = DeviceFeed | StreamFeed


def cycled(feed: Feed, step: int, count: int) -> Iterator[Given]:
  """So many batches of one epoch, over again when it ends.

  Args:
    feed: of the run; what it was reading is dropped.
    step: the first of the epoch, from 0.
    count: number of batches.

  Yields:
    As `epoch_from`.
  """
  given = 0
  while given < count:
    for one in feed.epoch_from(step):
      if given == count:
        return
      given += 1
      yield one
