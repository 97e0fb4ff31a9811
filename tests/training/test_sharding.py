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


def _placed(count, parameters, tree, rules=sharding.RULES):
  mesh = sharding.make_mesh(jax.devices()[:count], parameters=parameters)
  layout = sharding.Layout(mesh, rules).of(tree)
  return jax.tree.map(
    lambda where, leaf: where.shard_shape(leaf.shape), layout, tree
  )


def test_large_arrays_are_split_along_parameters():
  shapes = {'wide': (3, 64, 32), 'odd': (63, 65), 'small': (8,), 'number': ()}
  tree = {
    name: jax.ShapeDtypeStruct(shape, jnp.float32)
    for name, shape in shapes.items()
  }
  expected = shapes | {'wide': (3, 16, 32)}
  assert _placed(8, 4, tree) == expected
  assert _placed(8, 1, tree) == shapes


def test_the_first_rule_that_matches_decides():
  tree = {'params': {'a': {'kernel': jnp.zeros((4, 8))}, 'b': jnp.zeros(8)}}
  rules = (
    sharding.Rule('params/a/.*', ('data', 'parameters')),
    sharding.Rule('params/.*', (None,)),
    sharding.Rule('.*', ('parameters',)),
  )
  found = _placed(8, 4, tree, rules)
  assert found == {'params': {'a': {'kernel': (2, 2)}, 'b': (8,)}}


@pytest.mark.parametrize(
  ('axes', 'message'),
  [
    (('data', None, None), 'at most 2 axes for a'),
    ((None, 'parameters'), "axes that divide a .*got 4 devices along 'param"),
  ],
)
def test_a_rule_that_does_not_fit_is_named(axes, message):
  with pytest.raises(
    errors.InputError, match=f'mesh.rules: expected {message}'
  ):
    _placed(8, 4, {'a': jnp.zeros((4, 6))}, (sharding.Rule('.*', axes),))


@pytest.mark.parametrize(
  'rules', [5, ('.*',), (('(', 'largest'),), (('.*', ('seeds',)),)]
)
def test_rules_that_are_none_are_named(rules):
  with pytest.raises(
    errors.InputError, match=r'mesh.rules: expected \(pattern'
  ):
    sharding.check_rules('mesh.rules', rules)
  sharding.check_rules('mesh.rules', (('.*', (None, 'parameters')),))


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'parameters': 3}, 'mesh.parameters: expected a divisor of the 8 devices'),
    ({'data': 3}, 'mesh.data: expected 0, or 8: 8 devices'),
    ({'data': 8, 'parameters': 2}, 'mesh.data: expected 0, or 4: 8 devices, 2'),
  ],
)
def test_a_mesh_that_does_not_fit_is_named(options, message):
  with pytest.raises(errors.InputError, match=message):
    sharding.make_mesh(**options)
  with pytest.raises(errors.InputError, match='at most 8 devices that divide'):
    sharding.make_seed_mesh(jax.devices(), 10, seeds=3)


def test_arrays_are_whole_on_this_process():
  mesh = sharding.make_mesh(parameters=8)
  tree = {'a': jnp.arange(8192.0)}
  split = jax.device_put(tree, sharding.Layout(mesh).of(tree))
  assert not split['a'].sharding.is_fully_replicated
  found = sharding.on_this_process(split, mesh)
  assert found['a'].sharding.is_fully_replicated
  np.testing.assert_array_equal(found['a'], tree['a'])
