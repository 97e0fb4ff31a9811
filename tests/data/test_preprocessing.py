import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import data
from robustjax import errors


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_maps_bytes_to_the_unit_range(dtype):
  levels = jnp.arange(256, dtype=jnp.uint8)
  found = data.to_unit(levels, dtype)
  assert found.dtype == dtype
  assert found[0] == 0
  assert found[-1] == 1
  expected = np.arange(256) / 255
  np.testing.assert_allclose(found.astype(jnp.float32), expected, atol=2**-8)


@pytest.mark.parametrize(
  'images', [np.ones(3, np.float32), np.ones(3, np.int32), [1, 2], None]
)
def test_only_bytes_are_divided(images):
  """Floats are in [0, 1] already, and would end within 1/255."""
  with pytest.raises(errors.InputError, match='images: expected uint8'):
    data.to_unit(images)


@pytest.mark.parametrize('dtype', [np.uint8, 'banana', None, 3])
def test_the_result_is_of_floats(dtype):
  with pytest.raises(errors.InputError, match='dtype: '):
    data.to_unit(np.zeros(3, np.uint8), dtype)
