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


@pytest.mark.parametrize('severity', [0, 6, 2.5, None, True, np.int64(6)])
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
  other = one._replace(colour_amounts=(0.0, 0.5))
  assert other.amounts_of(1) == (0.0, 1.0)
  assert other.amounts_of(3) == (0.0, 0.5)
