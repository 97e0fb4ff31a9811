import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.data import pipeline
from robustjax.models import projection
from robustjax.random_keys import root_key
from robustjax.training import optimizer
from robustjax.training import steps


def test_projects_by_a_matrix_of_the_papers_deviation(rng):
  hidden = jnp.asarray(rng.normal(size=(5, 400)), jnp.float32)
  layer = projection.FixedProjection(300)
  variables = layer.init(jax.random.key(0), hidden)
  kernel = np.asarray(variables['params']['kernel'])
  expected = np.asarray(hidden, np.float64) @ kernel
  np.testing.assert_allclose(
    layer.apply(variables, hidden), expected, atol=1e-5
  )
  # The deviation of n normal values has a standard error of 1 / sqrt(2 n).
  tolerance = 4 / np.sqrt(2 * kernel.size)
  np.testing.assert_allclose(kernel.std() * 20, 1, atol=tolerance)


def test_training_leaves_it_as_it_was(rng):
  model = models.create(
    'mnist_cnn',
    num_classes=4,
    hidden_size=12,
    flattened=layers.NoiseOut(rate=0.3),
  )
  images = jnp.asarray(rng.uniform(size=(8, 8, 8, 1)), jnp.float32)
  batch = pipeline.Batch(images, jnp.arange(8, dtype=jnp.int32) % 4)
  parts = {
    'model': model,
    'optimizer': optimizer.adadelta(
      1.0, decay=0.7, steps_per_epoch=9, rho=0.9, epsilon=1e-6
    ),
  }
  before = steps.init_state(root_key(0), (8, 8, 1), **parts)
  after, _ = steps.train_step(before, batch, root_key(0), **parts)
  name = ('projection', 'kernel')
  old, new = (state.params[name[0]][name[1]] for state in (before, after))
  np.testing.assert_array_equal(old, new)
  assert old.shape == (256, 12)
  assert before.params['flattened']['gating']['bias'].shape == (12,)
  moved = optax.tree.sub(after.params['conv1'], before.params['conv1'])
  assert float(jnp.abs(moved['kernel']).max()) > 0


def test_a_size_that_is_none_is_named():
  with pytest.raises(errors.InputError, match='hidden_size: expected an int'):
    models.create('mnist_cnn', hidden_size=0)
