import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.models import batch_norm

P = jax.sharding.PartitionSpec


def _maps(rng, shape=(8, 3, 2, 4)):
  return jnp.asarray(rng.normal(1, 2, size=shape), jnp.float32)


def _variables(rng, size=4):
  arrays = rng.uniform(0.5, 2, size=(4, size)).astype(np.float32)
  scale, bias, mean, variance = (jnp.asarray(array) for array in arrays)
  return {
    'params': {'scale': scale, 'bias': bias},
    'batch_stats': {'mean': mean, 'var': variance},
  }


def _literal(x, mean, variance, params):
  """In NumPy, one channel at a time."""
  out = np.zeros(x.shape)
  for c in range(x.shape[-1]):
    normal = (x[..., c] - mean[c]) / np.sqrt(variance[c] + 1e-5)
    out[..., c] = params['scale'][c] * normal + params['bias'][c]
  return out


@pytest.mark.parametrize('groups', [1, 4])
def test_every_part_is_normalised_by_its_own_statistics(rng, groups):
  x, variables = _maps(rng), _variables(rng)
  layer = batch_norm.BatchNorm(groups)
  train = functools.partial(layer.apply, train=True, mutable=['batch_stats'])
  found, changed = jax.jit(train)(variables, x)
  parts = np.split(np.asarray(x, np.float64), groups)
  means = [part.mean(axis=(0, 1, 2)) for part in parts]
  variances = [part.var(axis=(0, 1, 2)) for part in parts]
  expected = [
    _literal(*one, variables['params'])
    for one in zip(parts, means, variances, strict=True)
  ]
  # Some ten roundings to 2^-24 of values below 16.
  np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)
  for name, moments in (('mean', means), ('var', variances)):
    followed = 0.9 * variables['batch_stats'][name] + 0.1 * np.mean(moments, 0)
    moved = changed['batch_stats'][name]
    np.testing.assert_allclose(moved, followed, rtol=1e-5)


def test_running_averages_are_taken_at_test(rng):
  x, variables = _maps(rng), _variables(rng)
  stats = variables['batch_stats']
  # How a batch would be cut makes no difference.
  found = batch_norm.BatchNorm(3).apply(variables, x)
  expected = _literal(x, stats['mean'], stats['var'], variables['params'])
  np.testing.assert_allclose(found, expected, atol=1e-5)


def test_starts_as_the_identity_on_a_normal_batch():
  # A batch of one, in training, would not be divided by 8; at test it may be.
  variables = batch_norm.BatchNorm(8).init(
    jax.random.key(0), jnp.full((1, 2, 2, 3), 5.0)
  )
  np.testing.assert_array_equal(variables['params']['scale'], [1, 1, 1])
  np.testing.assert_array_equal(variables['params']['bias'], [0, 0, 0])
  np.testing.assert_array_equal(variables['batch_stats']['mean'], [0, 0, 0])
  np.testing.assert_array_equal(variables['batch_stats']['var'], [1, 1, 1])


def test_initialisation_in_training_leaves_the_running_averages(rng):
  init = functools.partial(batch_norm.BatchNorm().init, train=True)
  stats = init(jax.random.key(0), _maps(rng))['batch_stats']
  np.testing.assert_array_equal(stats['mean'], 0)
  np.testing.assert_array_equal(stats['var'], 1)


def test_statistics_are_float32_whatever_is_computed(rng):
  # Rounded to 8 bits, 1000 sums of values near 1 would not exceed 256.
  x = jnp.asarray(rng.uniform(0.9, 1.1, (1000, 1, 1, 2)), jnp.bfloat16)
  layer = batch_norm.BatchNorm(dtype=jnp.bfloat16)
  variables = layer.init(jax.random.key(0), x)
  found, changed = layer.apply(
    variables, x, train=True, mutable=['batch_stats']
  )
  assert found.dtype == jnp.bfloat16
  stats, exact = changed['batch_stats'], np.asarray(x, np.float64)
  mean = exact.mean(axis=(0, 1, 2))
  np.testing.assert_allclose(stats['mean'], 0.1 * mean, rtol=1e-6)
  # Mean of squares less square of mean: roundings of 1, to 2^-24 each.
  variance = exact.var(axis=(0, 1, 2))
  np.testing.assert_allclose(stats['var'], 0.9 + 0.1 * variance, rtol=1e-6)
  leaves = jax.tree.leaves((variables, stats))
  assert {leaf.dtype for leaf in leaves} == {np.dtype('float32')}


def test_a_constant_channel_has_no_negative_variance():
  # Their squares are rounded to 1/16: differences of either sign.
  x = jnp.broadcast_to(jnp.linspace(1000, 1001, 16), (63, 16))
  layer = batch_norm.BatchNorm()
  variables = layer.init(jax.random.key(0), x)
  found, changed = layer.apply(
    variables, x, train=True, mutable=['batch_stats']
  )
  assert np.isfinite(found).all()
  # Nine tenths of one, and none of the batch's but rounding.
  assert (changed['batch_stats']['var'] >= 0.9).all()


@pytest.mark.parametrize('groups', [1, 8])
def test_parts_of_a_device_each_are_normalised_without_communication(
  rng, groups
):
  x, variables = _maps(rng, (16, 2, 2, 4)), _variables(rng)
  layer = batch_norm.BatchNorm(groups)

  def normalize(variables, x):
    options = {'train': True, 'mutable': ['batch_stats']}
    return layer.apply(variables, x, **options)[0]

  mesh = jax.make_mesh((8,), ('data',), (jax.sharding.AxisType.Auto,))
  by_image = jax.sharding.NamedSharding(mesh, P('data'))
  everywhere = jax.sharding.NamedSharding(mesh, P())
  program = jax.jit(
    normalize, in_shardings=(everywhere, by_image), out_shardings=by_image
  )
  program = program.lower(variables, x).compile()
  is_local = not any(
    name in program.as_text() for name in ('all-reduce', 'all-gather')
  )
  assert is_local == (groups == 8)
  shared = program(*jax.device_put((variables, x), (everywhere, by_image)))
  alone = jax.jit(normalize)(variables, x)
  np.testing.assert_allclose(shared, alone, atol=1e-5)


def test_bad_input_is_named(rng):
  with pytest.raises(errors.InputError, match='statistics_groups: .*least 1'):
    batch_norm.BatchNorm(0)
  layer, x = batch_norm.BatchNorm(3), _maps(rng)
  variables = _variables(rng)
  with pytest.raises(
    errors.InputError,
    match='statistics_groups: expected a divisor of the batch size 8, got 3',
  ):
    layer.apply(variables, x, train=True, mutable=['batch_stats'])
