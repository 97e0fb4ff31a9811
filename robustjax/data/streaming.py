"""Photographs that do not fit into memory, as batches for training.

The batch of a step is a function of (seed, step) alone: nothing of what was
read before has a say, so a run that was killed reads on from any step, and a
checkpoint holds no state of any iterator. Grain's threads read, decode and crop
ahead of the training loop; threads suffice, since Pillow decodes and resizes
without Python's lock, and work where processes do not: notebooks, pytest.
"""

from collections.abc import Callable
from collections.abc import Generator
import contextlib
import functools
import os
import sys
import threading
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image
import tqdm

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys
from robustjax.data import lazy_images
from robustjax.data import photographs
from robustjax.data import pipeline
from robustjax.data import sources
from robustjax.data import tfds_folders

_BATCHES_AHEAD = 2  # that are read while the loop works on another
_MOST_THREADS = 1024
_EPOCHS_AT_ONCE = 2  # whose photographs are read, where one ends


def open_stream(
  name: str,
  split: str,
  *,
  side: int,
  data_dir: str | os.PathLike | None = None,
  skip_damaged: bool = False,
  num_threads: int | None = None,
) -> 'Stream':
  """Opens photographs of several sizes for training.

  Args:
    name: a TFDS name, with its config after a slash.
    split: as for `data.load`.
    side: H and W of the crops.
    data_dir: as for `data.load`.
    skip_damaged: whether the next photograph that can be decoded takes the
      place of one that cannot, which is said on stderr once; else such a one is
      an error when its turn comes.
    num_threads: that decode; by default one per core, up to 16.

  Returns:
    A `Stream`. Nothing is read yet.

  Raises:
    errors.InputError: if the data set is not prepared, is damaged, has no such
      split, or has images of one size, which `data.load` reads.
  """
  errors.check_integer('side', side, low=1, high=photographs.LARGEST_SIDE)
  if num_threads is None:
    num_threads = lazy_images.NUM_THREADS
  errors.check_integer('num_threads', num_threads, low=1, high=_MOST_THREADS)
  errors.check_flag('skip_damaged', skip_damaged)
  if not sources.is_photographs(name, data_dir=data_dir):
    expected = 'photographs of several sizes'
    got = f'{name}, whose images have one (data.load reads them)'
    raise errors.InputError('dataset', expected, got)
  records = tfds_folders.Records(name, split, data_dir=data_dir)
  return Stream(records, side, skip_damaged, num_threads)


class Stream:
  """Random crops of photographs, in an order drawn anew in every epoch.

  Attributes:
    num_examples: number of photographs, N.
    num_classes: number of classes.
    image_shape: (side, side, 3).
  """

  def __init__(
    self,
    records: tfds_folders.Records,
    side: int,
    skip_damaged: bool,
    num_threads: int,
  ):
    """See `open_stream`."""
    self.num_examples = len(records)
    self.num_classes = records.num_classes
    self.image_shape = (side, side, 3)
    self._records = records
    self._skip_damaged = skip_damaged
    self._num_threads = num_threads
    self._damaged = set()
    self._lock = threading.Lock()

  def steps_per_epoch(self, batch_size: int) -> int:
    """Number of full batches; what is left of an epoch's order is not read."""
    errors.check_integer(
      'batch_size', batch_size, low=1, high=self.num_examples
    )
    return self.num_examples // batch_size

  def batches(
    self,
    seed: int,
    batch_size: int,
    first_step: int,
    *,
    process_index: int = 0,
    process_count: int = 1,
  ) -> Generator[pipeline.Batch, None, None]:
    """The batches of all steps from one on, without end.

    With S steps in an epoch, step e S + s reads the places s B to (s + 1) B - 1
    of `pipeline.epoch_order` of epoch e. A crop is drawn from the seed, the
    epoch and the photograph's number.

    Threads read ahead until the result is closed or collected; close it with
    `contextlib.closing` where an exception could keep it alive.

    Args:
      seed: as for `random_keys.root_key`.
      batch_size: B, of all processes together.
      first_step: the step of the first batch.
      process_index: which part of every batch to read.
      process_count: number of such parts, all of one size.

    Returns:
      Of each step this process's part of the batch, consecutive places of it:
      images uint8 [B / process_count, side, side, 3] and labels int32.

    Raises:
      errors.InputError: on a batch size that is larger than the data set or
        cannot be divided, or another number out of bounds. While iterating, if
        a photograph cannot be decoded or its label is no class, with its name.
    """
    random_keys.check_seed('seed', seed)
    errors.check_integer('first_step', first_step)
    errors.check_integer('process_count', process_count, low=1)
    errors.check_integer('process_index', process_index, high=process_count - 1)
    steps_per_epoch = self.steps_per_epoch(batch_size)
    if batch_size % process_count:
      expected = f'a multiple of {process_count}, the number of processes'
      raise errors.InputError('batch_size', expected, str(batch_size))
    size = batch_size // process_count
    part = _Part(first_step, steps_per_epoch, batch_size, size, process_index)
    order = _Orders(seed, self.num_examples)

    def read(number: int) -> pipeline.Batch:
      epoch, place = part.place(number)
      index = int(order(epoch)[place])
      return self._read(np.random.default_rng([seed, epoch, index]), index)

    return _ahead(read, size, self._num_threads)

  def _read(self, generator: np.random.Generator, index: int) -> pipeline.Batch:
    """One crop [side, side, 3] and its label []."""
    image, label = self._photograph(index)
    crop = photographs.random_crop(generator, image, self.image_shape[0])
    return pipeline.Batch(crop, np.int32(label))

  def _photograph(self, index: int) -> tuple[Image.Image, int]:
    """A photograph, or the next that can be decoded, and its label."""
    for distance in range(self.num_examples):
      record = self._records.read((index + distance) % self.num_examples)
      try:
        return photographs.decode(record.content, record.name), record.label
      except errors.InputError:
        if not self._skip_damaged:
          raise
        self._report(record.name)
    expected = 'photographs that can be decoded'
    raise errors.InputError(
      'dataset', expected, f'none in {self._records.name}'
    )

  def _report(self, name: str) -> None:
    """Says on stderr that a photograph is damaged, once."""
    with self._lock:
      if name in self._damaged:
        return
      self._damaged.add(name)
    line = f'{name} cannot be decoded: the next photograph takes its place'
    tqdm.tqdm.write(line, file=sys.stderr)


class _Part(NamedTuple):
  """The part of every batch that a process reads."""

  first_step: int
  steps_per_epoch: int
  batch_size: int
  size: int
  process_index: int

  def place(self, number: int) -> tuple[int, int]:
    """Epoch, and place in its order, of the photograph read as `number`."""
    step, offset = divmod(number, self.size)
    epoch, step = divmod(self.first_step + step, self.steps_per_epoch)
    start = step * self.batch_size + self.process_index * self.size
    return epoch, start + offset


class _Orders:
  """The orders of the epochs being read, on the host."""

  def __init__(self, seed: int, num_examples: int):
    self._root = random_keys.root_key(seed)
    self._num_examples = num_examples
    self._lock = threading.Lock()
    self._kept = {}

  def __call__(self, epoch: int) -> np.ndarray:
    with self._lock:  # Or every thread would draw it when an epoch begins.
      if epoch not in self._kept:
        if len(self._kept) == _EPOCHS_AT_ONCE:
          del self._kept[next(iter(self._kept))]
        order = _epoch_order(self._root, epoch, self._num_examples)
        self._kept[epoch] = np.asarray(order)
      return self._kept[epoch]


@functools.partial(jax.jit, static_argnums=2)
def _epoch_order(root, epoch, num_examples) -> array_types.Array:
  return pipeline.epoch_order(root, epoch, num_examples)


def _ahead(
  read: Callable[[int], pipeline.Batch], size: int, num_threads: int
) -> Generator[pipeline.Batch, None, None]:
  """Batches of `size` examples 0, 1, 2, ..., read ahead in threads."""
  import grain  # pylint: disable=g-import-not-at-top

  ahead = max(_BATCHES_AHEAD * size, num_threads)
  options = grain.ReadOptions(
    num_threads=num_threads, prefetch_buffer_size=ahead
  )
  examples = grain.MapDataset.range(sys.maxsize).map(read)
  batches = examples.to_iter_dataset(options).batch(size)
  with contextlib.closing(iter(batches)) as iterator:
    yield from iterator
