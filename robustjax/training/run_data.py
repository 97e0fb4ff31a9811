"""The images a run trains on, selects a checkpoint by, and is tested on."""

import os
from typing import NamedTuple

import ml_collections

from robustjax import errors
from robustjax.data import pipeline
from robustjax.data import sources
from robustjax.data import splits
from robustjax.data import streaming

_SPLIT_SEED = 0  # All seeds of a config share what is held back.


class RunData(NamedTuple):
  """The data sets of a run.

  Attributes:
    train: what is trained on: arrays, or a stream of photographs.
    validation: what checkpoints are selected by; None if nothing is held back.
    test: what nothing is selected by.
  """

  train: sources.DataSet | streaming.Stream
  validation: sources.DataSet | None
  test: sources.DataSet

  @property
  def is_streamed(self) -> bool:
    """Whether training images are read step by step."""
    return isinstance(self.train, streaming.Stream)

  @property
  def image_shape(self) -> tuple[int, int, int]:
    """(H, W, C)."""
    return self.test.images.shape[1:]

  @property
  def watched(self) -> sources.DataSet:
    """What is measured after every epoch: validation images if there are."""
    return self.test if self.validation is None else self.validation

  def steps_per_epoch(self, batch_size: int) -> int:
    """Number of batches in an epoch.

    Of arrays the last, smaller one counts; of a stream it is left out.
    """
    if self.is_streamed:
      return self.train.steps_per_epoch(batch_size)
    return pipeline.steps_per_epoch(len(self.train.labels), batch_size)


def load(
  config: ml_collections.ConfigDict,
  data_dir: str | os.PathLike | None = None,
) -> RunData:
  """Loads the data sets of a run and holds back its validation images.

  Args:
    config: a validated config.
    data_dir: folder of prepared TFDS data sets; see `data.load`.

  Returns:
    A `RunData`. Where `selection` is best and no share is held back, the
    validation images are the data set's own.

  Raises:
    errors.InputError: if a data set is not prepared, a class is too small for
      the shares, a batch is larger than the data set, or there is nothing to
      select by.
  """
  if sources.is_photographs(config.dataset, data_dir=data_dir):
    return _stream(config, data_dir)
  train, test = (
    sources.load(config.dataset, split, data_dir=data_dir)
    for split in ('train', 'test')
  )
  shares = config.train_share, config.validation_share
  if shares != (1.0, 0.0):
    used = [share for share in shares if share > 0]
    parts = splits.split_by_class(train.labels, used, seed=_SPLIT_SEED)
    held_back = _part(train, parts[1]) if config.validation_share else None
    return RunData(_part(train, parts[0]), held_back, test)
  if config.selection == 'best':
    return RunData(train, _own_validation(config.dataset, data_dir), test)
  return RunData(train, None, test)


def load_test(
  config: ml_collections.ConfigDict,
  data_dir: str | os.PathLike | None = None,
) -> sources.DataSet:
  """The images a run is tested on.

  Args:
    config: a validated config.
    data_dir: folder of prepared TFDS data sets; see `data.load`.

  Returns:
    The data set; photographs are decoded when they are asked for.

  Raises:
    errors.InputError: if it is not prepared.
  """
  return sources.load_at(
    config.dataset, 'test', side=config.input.side, data_dir=data_dir
  )


def _stream(config, data_dir) -> RunData:
  """Photographs, which no program holds all at once."""
  for field, only in (
    ('train_share', 1.0),
    ('validation_share', 0.0),
    ('selection', 'last'),
  ):
    if config[field] != only:
      expected = f'{only} for photographs ({config.dataset})'
      raise errors.InputError(field, expected, str(config[field]))
  train = streaming.open_stream(
    config.dataset,
    'train',
    side=config.input.side,
    data_dir=data_dir,
    skip_damaged=config.input.skip_damaged,
  )
  if config.batch_size > train.num_examples:
    expected = f'at most the {train.num_examples} photographs'
    raise errors.InputError('batch_size', expected, str(config.batch_size))
  return RunData(train, None, load_test(config, data_dir))


def _part(data: sources.DataSet, index) -> sources.DataSet:
  return data._replace(images=data.images[index], labels=data.labels[index])


def _own_validation(name: str, data_dir) -> sources.DataSet:
  try:
    return sources.load(name, 'validation', data_dir=data_dir)
  except errors.InputError as error:
    expected = 'last, or a validation_share above 0'
    got = f'best, and no validation images in {name} ({error})'
    raise errors.InputError('selection', expected, got) from error
