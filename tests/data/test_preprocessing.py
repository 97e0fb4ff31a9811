import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import data


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_maps_bytes_to_the_unit_range(dtype):
  levels = jnp.arange(256, dtype=jnp.uint8)
  found = data.to_unit(levels, dtype)
  assert found.dtype == dtype
  assert found[0] == 0
  assert found[-1] == 1
  expected = np.arange(256) / 255
  np.testing.assert_allclose(found.astype(jnp.float32), expected, atol=2**-8)
