import itertools

import jax
import numpy as np
import pytest

from robustjax import data
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import feeds
from robustjax.training import sharding


class _Stream:
  """Batches that tell seed and step."""

  num_examples = 11
  num_classes = 3
  image_shape = (2, 2, 3)

  def __init__(self):
    self.opened = []

  def steps_per_epoch(self, batch_size):
    return self.num_examples // batch_size

  def batches(self, seed, batch_size, first_step, **of_process):
    assert of_process == {'process_index': 0, 'process_count': 1}
    self.opened.append(first_step)
    for step in itertools.count(first_step):
      images = np.full((batch_size, *self.image_shape), step, np.uint8)
      yield pipeline.Batch(images, np.full(batch_size, seed, np.int32))


@pytest.fixture
def stream():
  return _Stream()


def _steps(batches):
  return [int(given.source.images[0, 0, 0, 0]) for given in batches]


def test_a_stream_is_read_on_over_the_end_of_an_epoch(stream):
  feed = feeds.StreamFeed(stream, sharding.make_mesh(jax.devices()[:2]), 7, 4)
  assert (feed.num_examples, feed.steps_per_epoch) == (11, 2)
  assert _steps(feed.epoch_from(0)) == [0, 1]
  assert _steps(feed.epoch_from(2)) == [2, 3]
  assert stream.opened == [0]
  assert _steps(feed.epoch_from(1)) == [1]
  assert stream.opened == [0, 1]
  feed.close()
  assert _steps(feed.epoch_from(2)) == [2, 3]
  assert stream.opened == [0, 1, 2]
  assert feed.seconds_waited > 0


def test_a_stream_s_batch_is_split_over_the_devices(stream):
  feed = feeds.StreamFeed(stream, sharding.make_mesh(jax.devices()[:4]), 7, 4)
  given = next(feed.epoch_from(0))
  assert given.size == 4
  assert given.source.labels.tolist() == [7] * 4
  shapes = [
    shard.data.shape for shard in given.source.images.addressable_shards
  ]
  assert shapes == [(1, 2, 2, 3)] * 4


def test_an_epoch_s_batches_are_given_over_again(stream):
  feed = feeds.StreamFeed(stream, sharding.make_mesh(jax.devices()[:1]), 7, 4)
  assert _steps(feeds.cycled(feed, 2, 5)) == [2, 3, 2, 3, 2]
  assert _steps(feeds.cycled(feed, 2, 0)) == []
  assert _steps(feed.epoch_from(2)) == [2, 3]


def test_data_on_the_device_are_given_in_the_epoch_s_order(rng):
  images = rng.integers(0, 256, (10, 2, 2, 1)).astype(np.uint8)
  mesh, root = sharding.make_mesh(jax.devices()[:2]), random_keys.root_key(3)
  found = data.from_arrays(images, np.arange(10) % 3)
  feed = feeds.DeviceFeed(found, mesh, root, 4)
  assert (feed.num_examples, feed.steps_per_epoch) == (10, 3)
  sizes = [given.size for given in feed.epoch_from(4)]
  assert sizes == [4, 2]
  order = np.asarray(pipeline.epoch_order(root, 1, 10))
  given = next(feed.epoch_from(4))
  batch = pipeline.read(given.source, given.size)
  np.testing.assert_allclose(batch.images, images[order[4:8]] / 255, rtol=1e-6)
