"""Variances of a network with random weights, and what is drawn of them."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attribution
from robustjax import models
from robustjax.papers import variances


@pytest.fixture(scope='module')
def explained():
  model = models.create(
    'weight_map_cnn', variant='smoothing', channels=(2, 3, 2), num_classes=4
  )
  images = np.random.default_rng(0).uniform(size=(5, 8, 8, 1))
  images = images.astype(np.float32)
  variables = jax.jit(model.init)(jax.random.key(1), images)
  restored = types.SimpleNamespace(model=model, variables=variables)
  labels = np.array([2, 0, 3, 1, 1])
  found = variances.explain(restored, images, labels, num_steps=4)
  return model, variables, images, labels, found


@pytest.mark.slow
def test_every_weight_map_is_measured(explained):
  *_, found = explained
  assert len(found) == 3
  # Fan-ins 1, 2 and 3 channels x 3 x 3.
  initial = [one.initial for one in found.values()]
  assert initial == pytest.approx([1 / (3 * 9 * c) for c in (1, 2, 3)])
  for one in found.values():
    # At the start weights are as drawn; there are few of them.
    assert one.factor == pytest.approx(one.initial, rel=0.3)
    assert -1 <= one.correlation <= 1


@pytest.mark.slow
def test_the_first_layer_reads_the_image(explained):
  model, variables, images, labels, found = explained
  path, one = next(iter(found.items()))
  kernel = variables['params']
  for name in (*path.split('/'), 'kernel'):
    kernel = kernel[name]
  weights = np.asarray(kernel, np.float64)
  products = weights[None] * images.astype(np.float64)[..., None]
  expected = products.var(axis=0).mean() / images.var(axis=0).mean()
  assert one.factor == pytest.approx(expected, rel=1e-4)

  def score(x):
    probabilities = jax.nn.softmax(model.apply(variables, x))
    return jnp.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]

  importance = attribution.integrated_gradients(
    jax.jit(score), jnp.asarray(images), num_steps=4
  ).values
  expected = attribution.importance_correlation(kernel, importance)
  assert one.correlation == pytest.approx(float(expected), abs=1e-3)


def test_numbers_and_axes_are_by_network_and_layer():
  found = {
    'first': variances.Variances(0.5, 1 / 27, -0.25),
    'second': variances.Variances(2.0, 1 / 54, 0.75),
  }
  table = {'smoothing': found, 'unsharp': found}
  described = variances.describe(table)
  assert described['unsharp']['second'] == {
    'factor': 2.0, 'initial': 1 / 54, 'correlation': 0.75,
  }  # fmt: skip
  factors, correlations = variances.plot(table).axes
  assert factors.get_yscale() == 'log'
  np.testing.assert_allclose(factors.lines[0].get_ydata(), [0.5, 2.0])
  np.testing.assert_allclose(correlations.lines[0].get_ydata(), [-0.25, 0.75])


def test_what_is_not_finite_is_not_judged():
  found = variances.measure(
    {
      'unsharp': {
        'a': variances.Variances(100.0, 0.1, float('nan')),
        'b': variances.Variances(float('nan'), 0.1, 0.5),
        'c': variances.Variances(0.0, 0.1, -0.5),
      }
    }
  )
  assert found == {
    ('unsharp', 'amplification, layer 1'): pytest.approx(2.0),
    ('unsharp', 'growth, layer 1'): pytest.approx(3.0),
    ('unsharp', 'correlation, layer 2'): 0.5,
    ('unsharp', 'correlation, layer 3'): -0.5,
  }
