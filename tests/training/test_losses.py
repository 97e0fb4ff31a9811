import jax.numpy as jnp
import numpy as np
import pytest

from robustjax.training import losses


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_equals_the_closed_form(rng, dtype):
  logits = jnp.asarray(rng.normal(size=(5, 3)), dtype)
  labels = np.array([0, 2, 1, 1, 0])
  exact = np.asarray(logits.astype(jnp.float32), np.float64)
  likelihood = np.exp(exact) / np.exp(exact).sum(axis=1, keepdims=True)
  expected = -np.log(likelihood[np.arange(5), labels]).mean()
  found = losses.cross_entropy(logits, jnp.asarray(labels, jnp.int32))
  assert found.dtype == jnp.float32
  np.testing.assert_allclose(found, expected, rtol=1e-6)
