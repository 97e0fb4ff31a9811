import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax.training import sharding


def test_a_batch_is_split_where_the_devices_divide_it():
  mesh = sharding.make_mesh()
  assert mesh.size == 8
  even = jax.device_put(jnp.zeros((16, 3)), sharding.batch_sharding(mesh, 16))
  uneven = jax.device_put(jnp.zeros((12, 3)), sharding.batch_sharding(mesh, 12))
  shapes = [
    {shard.data.shape for shard in array.addressable_shards}
    for array in (even, uneven)
  ]
  assert shapes == [{(2, 3)}, {(12, 3)}]


def test_a_batch_size_the_devices_do_not_divide_is_named():
  mesh = sharding.make_mesh()
  sharding.check_batch_size(mesh, 64)
  with pytest.raises(
    errors.InputError, match='multiple of the 8 devices, got 60'
  ):
    sharding.check_batch_size(mesh, 60)


def test_several_processes_are_refused(monkeypatch):
  sharding.check_one_process()
  monkeypatch.setattr(jax, 'process_count', lambda: 2)
  with pytest.raises(errors.InputError, match='processes: .* got 2'):
    sharding.check_one_process()


@pytest.mark.parametrize('strategy', layers.STRATEGIES)
def test_noise_is_the_same_on_eight_devices(rng, strategy):
  """The mask bit for bit; the statistics are those of the whole batch."""
  hidden = jnp.asarray(rng.normal(size=(16, 40)), jnp.float32)
  key = jax.random.key(0)
  found = []
  for count in (1, 8):
    mesh = sharding.make_mesh(jax.devices()[:count])
    placed = jax.device_put(hidden, sharding.batch_sharding(mesh, 16))
    inject = jax.jit(
      lambda h: layers.inject_noise(key, h, rate=0.4, strategy=strategy)
    )
    found.append(np.asarray(inject(placed)))
  np.testing.assert_array_equal(found[0] != hidden, found[1] != hidden)
  # Statistics are sums of at most 40 values of order 1 in another order.
  np.testing.assert_allclose(*found, atol=40 * 4 * 2**-24)
