import dataclasses
import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import corruptions
from robustjax import errors
from robustjax.corruptions import named

KEY = jax.random.key(0)


def test_a_severity_gives_its_own_parameters():
  fog = corruptions.IMAGENET_C['fog']
  assert len(fog.severities) == 5
  assert fog.parameters(2) == {'thickness': 2.0, 'wibble_decay': 2.0}
  for severity in range(1, 6):
    traced = jax.jit(fog.parameters)(severity)
    assert {k: float(v) for k, v in traced.items()} == pytest.approx(
      fog.parameters(severity)
    )


def test_frost_takes_photographs(rng):
  images = jnp.asarray(rng.uniform(size=(2, 16, 16, 3)), jnp.float32)
  white = corruptions.FrostTextures(
    jnp.ones((1, 20, 20, 3)), jnp.array([[20, 20]], jnp.int32)
  )
  frost = corruptions.IMAGENET_C['frost']
  found = frost(KEY, images, severity=1, textures=white)
  np.testing.assert_allclose(found, jnp.minimum(images + 0.4, 1), atol=1e-6)


def test_mnist_c_takes_no_severity(rng):
  images = jnp.asarray(rng.uniform(size=(2, 28, 28, 1)), jnp.float32)
  stripe = corruptions.MNIST_C['stripe']
  np.testing.assert_array_equal(
    stripe(KEY, images), stripe(KEY, images, severity=1)
  )


@pytest.mark.parametrize(
  'severity',
  [
    0,
    6,
    2.5,
    None,
    True,
    '3',
    np.int64(6),
    jnp.array(0),
    np.array(6),
    jnp.float32(2),
    np.array(2.5),
    jnp.array([1]),
    np.array(True),
    10**30,
  ],
)
def test_other_severities_are_named(severity):
  images = jnp.zeros((1, 28, 28, 1))
  with pytest.raises(errors.InputError, match='severity: '):
    corruptions.IMAGENET_C['contrast'](KEY, images, severity=severity)


def test_a_table_has_an_entry_per_severity():
  function = lambda key, images, *, index, amount: images + amount
  table = named.make_table('us', ('more', function, {'amount': [0.1, 0.2]}))
  assert table['more'].severities == ({'amount': 0.1}, {'amount': 0.2})
  assert table['more'].source == 'us'
  found = table['more'](KEY, jnp.zeros((1, 2, 2, 1)), severity=2)
  np.testing.assert_array_equal(found, jnp.full((1, 2, 2, 1), 0.2))


def test_a_degradation_has_amounts_for_grey_and_for_colour():
  one = named.Degradation('some', None, (0.0, 1.0), 'unit', 'us')
  assert one.amounts_of(1) == one.amounts_of(3) == (0.0, 1.0)
  other = dataclasses.replace(one, colour_amounts=(0.0, 0.5))
  assert other.amounts_of(1) == (0.0, 1.0)
  assert other.amounts_of(3) == (0.0, 0.5)


@pytest.mark.parametrize('severity', [np.int64(2), np.array(2), jnp.array(2)])
def test_a_severity_may_be_an_array(rng, severity):
  images = jnp.asarray(rng.uniform(size=(2, 5, 5, 1)), jnp.float32)
  contrast = corruptions.IMAGENET_C['contrast']
  np.testing.assert_array_equal(
    contrast(KEY, images, severity=severity), contrast(KEY, images, severity=2)
  )


def test_a_traced_severity_is_a_single_integer():
  fog = corruptions.IMAGENET_C['fog']
  for severity in (2.0, jnp.array([1, 2])):
    with pytest.raises(errors.InputError, match='severity: .*single integer'):
      jax.jit(fog.parameters)(severity)


TABLES = {
  name: getattr(corruptions, name)
  for name in corruptions.__all__
  if isinstance(getattr(corruptions, name), dict)
}


@pytest.mark.parametrize('name', TABLES)
def test_a_table_names_what_it_does_not_have(name):
  table = TABLES[name]
  known = next(iter(table))
  for wrong in (f'{known}g', 3, None, ['fog'], np.zeros(2)):
    with pytest.raises(errors.InputError, match='corruption: ') as raised:
      table[wrong]
  with pytest.raises(errors.InputError, match=f'did you mean {known!r}'):
    table[f'{known}g']
  assert raised.value.field == 'corruption'
  # And is a dict in all else.
  assert f'{known}g' not in table
  assert table.get('fogg') is None
  assert list(table) == [one.name for one in table.values()]
  assert {**table} == dict(table.items()) == table
  assert pickle.loads(pickle.dumps(table.copy())).keys() == table.keys()


def test_an_option_the_function_does_not_have_is_named():
  images = jnp.zeros((1, 12, 12, 1))
  with pytest.raises(
    errors.InputError, match='option of fog: .*least_map_size'
  ):
    corruptions.MNIST_C['fog'](KEY, images, least_map_sise=32)
  with pytest.raises(errors.InputError, match='option of fog: '):
    corruptions.MNIST_C['fog'](KEY, images, thickness=2.0)
  with pytest.raises(errors.InputError, match='option of stripe: '):
    corruptions.MNIST_C['stripe'](KEY, images, textures=None)


CALLS = [
  (f'{table}/{name}', functools.partial(one, severity=1))
  for table in ('IMAGENET_C', 'IMAGENET_C_EXTRA', 'MNIST_C', 'MNIST_C_FURTHER')
  for name, one in TABLES[table].items()
] + [
  (f'DEGRADATIONS/{name}', functools.partial(one, amount=0.1))
  for name, one in corruptions.DEGRADATIONS.items()
]


@pytest.mark.parametrize(('name', 'call'), CALLS)
def test_every_corruption_names_bad_input(name, call):
  """Before it computes anything."""
  del name
  images = np.full((2, 28, 28, 3), 0.5, np.float32)
  for key in (0, None, np.random.default_rng(0), jax.random.split(KEY)):
    with pytest.raises(errors.InputError, match='key: '):
      call(key, images)
  for bad in (
    images[0],
    images * 255,
    (images * 255).astype(np.uint8),
    images.astype(object),
    images[..., :2],
    images[:, :0],
    np.where(images > 0, np.nan, images),
    images.tolist(),
    None,
    'images',
  ):
    with pytest.raises(errors.InputError, match='images: '):
      call(KEY, bad)
  for index in (np.arange(3), np.zeros(2), [0, 1], np.array([0, -1]), 0):
    with pytest.raises(errors.InputError, match='index: '):
      call(KEY, images, index=index)


@pytest.mark.parametrize('name', ['gaussian_noise', 'uniform_noise'])
def test_an_amount_in_other_units_is_refused(name):
  images = jnp.zeros((1, 3, 3, 1))
  for amount in (8, 255, jnp.float32(8), np.array(-0.1), jnp.ones(3), True):
    with pytest.raises(errors.InputError, match='amount: '):
      corruptions.DEGRADATIONS[name](KEY, images, amount=amount)


def test_jit_takes_a_corruption_as_the_function_it_is():
  key, images = jax.random.key(0), jnp.full((2, 8, 8, 1), 0.5)
  for corrupt, options in (
    (corruptions.MNIST_C['brightness'], {}),
    (corruptions.DEGRADATIONS['gaussian_noise'], {'amount': 0.1}),
  ):
    found = jax.jit(corrupt)(key, images, **options)
    np.testing.assert_allclose(
      found, corrupt(key, images, **options), atol=1e-6
    )
