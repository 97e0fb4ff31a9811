"""What the figures of FIG are made of."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attribution
from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.papers import explanations

pytestmark = pytest.mark.slow


def _classifier(flattened):
  """A classifier as `restore` gives it, with parameters as drawn."""
  model = models.create('mnist_cnn', num_classes=4, flattened=flattened)
  images = jax.random.uniform(jax.random.key(0), (3, 8, 8, 1))
  variables = model.init(jax.random.key(1), images)
  restored = types.SimpleNamespace(
    model=model,
    variables=variables,
    predict=lambda x: model.apply(variables, x),
  )
  return restored, images, np.array([2, 0, 3])


@pytest.fixture(scope='module')
def gated():
  """A classifier with gates, its images and labels, explained."""
  restored, images, labels = _classifier(layers.NoiseOut(rate=0.2))
  return restored, explanations.explain(restored, images, labels)


def test_hidden_states_are_explained_on_both_sides_of_the_gate(gated):
  restored, found = gated
  model, variables = restored.model, restored.variables

  def scores(h):
    return jax.nn.softmax(model.apply(variables, h, method='classify'))

  hidden = model.apply(variables, found.images, method='features')
  gates = model.apply(variables, found.images, method='forward').gates
  for values, states in (
    (found.hidden_fig, hidden),
    (found.gated_fig, hidden * gates),
  ):
    expected = attribution.full_integrated_gradients(
      scores, states, jnp.asarray(found.labels)
    ).values
    scale = np.abs(expected).max()
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5 * scale)
  assert found.hidden_fig.shape == (3, 256)


def test_images_are_explained_from_the_mean_pixel(gated):
  restored, found = gated

  def scores(images):
    return jax.nn.softmax(restored.predict(images))

  expected = attribution.full_integrated_gradients(
    scores, found.images, jnp.asarray(found.labels), baseline=0.1307
  ).values
  scale = np.abs(expected).max()
  np.testing.assert_allclose(found.input_fig, expected, atol=1e-5 * scale)


def test_numbers_describe_the_values(gated):
  _, found = gated
  described = explanations.describe({'clean': found})['clean']
  right = (found.predicted == found.labels).mean()
  assert described['accuracy'] == pytest.approx(right)
  for part in ('input', 'hidden', 'gated'):
    values = getattr(found, f'{part}_fig')
    negative = values[values < 0]
    share = len(negative) / values.size
    assert described['share_negative'][part] == pytest.approx(share)
    total = described['sum_of_negative_per_image'][part]
    assert total == pytest.approx(negative.sum() / 3, rel=1e-5)


def test_hidden_states_become_maps_side_by_side():
  hidden = np.arange(4 * 9)  # Four maps of 3 x 3, channels first.
  maps = explanations._as_maps(hidden, 4)
  np.testing.assert_array_equal(maps[2], np.arange(18, 27).reshape(3, 3))
  mosaic = explanations._mosaic(maps)
  np.testing.assert_array_equal(mosaic[:3, 3:], maps[1])
  np.testing.assert_array_equal(mosaic[3:, :3], maps[2])


def test_figures_have_the_panels_of_the_papers(gated):
  _, found = gated
  explained = {'clean': found, 'noisy': found}
  titles = [axis.get_title() for axis in explanations.plot_maps(explained).axes]
  assert titles.count('FIG (input)') == titles.count('FIG (hidden)') == 2
  histograms = explanations.plot_histograms(explained).axes
  assert [axis.get_yscale() for axis in histograms] == ['log', 'log']
  titles = [
    axis.get_title() for axis in explanations.plot_gating(explained).axes
  ]
  assert titles.count('after the gate') == 2


def test_a_bfloat16_model_is_explained_in_float32():
  restored, images, labels = _classifier(None)
  exact = explanations.explain(restored, images, labels)
  restored.model = restored.model.clone(dtype=jnp.bfloat16)
  found = explanations.explain(restored, images, labels)
  np.testing.assert_array_equal(found.hidden_fig, exact.hidden_fig)
  # Without gates there is only one side of the gate.
  assert found.gated_fig is None
  described = explanations.describe({'clean': found})['clean']
  assert set(described['share_negative']) == {'input', 'hidden'}


def test_bad_input_is_named(gated):
  restored, found = gated
  with pytest.raises(errors.InputError, match='target: .*, got dtype float32'):
    explanations.explain(restored, found.images, found.labels + 0.7)
  odd = found._replace(hidden_fig=found.hidden_fig[:, :100])
  with pytest.raises(errors.InputError, match='explained: .*got 100 states'):
    explanations.plot_maps({'clean': odd})
  ungated = found._replace(gated_fig=None)
  with pytest.raises(errors.InputError, match='explained: .*with gates'):
    explanations.plot_gating({'clean': ungated})
