import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import corruptions


def test_names_are_the_documented_ones():
  assert list(corruptions.DEGRADATIONS) == [
    'gaussian_noise',
    'salt_and_pepper',
    'uniform_noise',
    'gaussian_blur',
  ]


@pytest.mark.parametrize('name', corruptions.DEGRADATIONS)
def test_amounts_rise_from_the_identity(rng, name):
  degradation = corruptions.DEGRADATIONS[name]
  assert degradation.name == name
  assert list(degradation.amounts) == sorted(set(degradation.amounts))
  images = jnp.asarray(rng.uniform(size=(8, 16, 16, 1)), jnp.float32)
  key = jax.random.key(0)
  distances = [
    float(jnp.abs(degradation(key, images, amount=a) - images).mean())
    for a in degradation.amounts
  ]
  assert distances[0] == 0
  assert list(distances) == sorted(distances)
  assert np.all(np.diff(distances) > 0)
