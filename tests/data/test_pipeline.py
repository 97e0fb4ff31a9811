import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import data
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import sharding


@pytest.mark.parametrize(
  ('examples', 'batch', 'steps'), [(60_000, 64, 938), (64, 64, 1), (65, 64, 2)]
)
def test_the_last_smaller_batch_counts(examples, batch, steps):
  assert pipeline.steps_per_epoch(examples, batch) == steps


def test_orders_are_permutations_that_differ_by_epoch_and_seed():
  roots = [random_keys.root_key(seed) for seed in (0, 1)]
  orders = [
    np.asarray(pipeline.epoch_order(root, epoch, 100))
    for root in roots
    for epoch in (0, 1)
  ]
  for order in orders:
    assert sorted(order.tolist()) == list(range(100))
  assert len({tuple(order.tolist()) for order in orders}) == 4


def test_an_epoch_reads_every_image_once(rng):
  images = rng.integers(0, 256, (10, 2, 2, 1)).astype(np.uint8)
  source = data.from_arrays(images, np.arange(10))
  layout = sharding.replicated(sharding.make_mesh(jax.devices()[:1]))
  on_device = pipeline.to_device(source, layout)
  assert on_device.images.dtype == jnp.uint8
  order = pipeline.epoch_order(random_keys.root_key(0), 0, 10)
  sizes = [4, 4, 2]
  batches = [
    pipeline.take_batch(on_device, order, start, size)
    for start, size in zip((0, 4, 8), sizes, strict=True)
  ]
  assert [len(batch.labels) for batch in batches] == sizes
  labels = np.concatenate([batch.labels for batch in batches])
  np.testing.assert_array_equal(labels, order)
  pixels = np.concatenate([batch.images for batch in batches])
  np.testing.assert_allclose(pixels, images[labels] / 255, rtol=2**-23)


def test_the_order_is_the_same_on_eight_devices():
  orders = []
  for count in (1, 8):
    layout = sharding.replicated(sharding.make_mesh(jax.devices()[:count]))
    order = jax.jit(
      lambda root: pipeline.epoch_order(root, 3, 1000), out_shardings=layout
    )
    orders.append(np.asarray(order(random_keys.root_key(0))))
  np.testing.assert_array_equal(*orders)
