"""Grad-CAM of a network with random weights, and its numbers."""

import functools
import types

import jax
import numpy as np
import pytest

from robustjax import attribution
from robustjax import models
from robustjax.papers import heat_maps


@pytest.fixture(scope='module')
def found():
  model = models.create(
    'weight_map_cnn', variant='smoothing', channels=(2, 2, 2), num_classes=4
  )
  images = np.random.default_rng(0).uniform(size=(3, 9, 9, 1))
  images = np.where(images < 0.5, 0, images).astype(np.float32)
  variables = jax.jit(model.init)(jax.random.key(1), images)
  restored = types.SimpleNamespace(
    model=model,
    variables=variables,
    predict=jax.jit(lambda x: model.apply(variables, x)),
  )
  labels = np.array([2, 0, 3])
  return restored, heat_maps.explain(restored, images, labels)


@pytest.mark.slow
def test_maps_are_of_the_class_it_is_taken_for(found):
  restored, one = found
  model, variables = restored.model, restored.variables
  logits = restored.predict(one.images)
  np.testing.assert_array_equal(one.predicted, logits.argmax(axis=1))
  apply = functools.partial(model.apply, variables, method='feature_maps')
  maps = jax.jit(apply)(one.images)

  def scores(maps):  # Flattened channels first, as the model does.
    hidden = maps.transpose(0, 3, 1, 2).reshape(len(maps), -1)
    return model.apply(variables, hidden, method='classify')

  np.testing.assert_allclose(scores(maps), logits, rtol=1e-5)
  expected = attribution.grad_cam(
    lambda images: maps, scores, one.images, one.predicted
  )
  np.testing.assert_allclose(one.maps, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_the_background_is_what_has_no_ink(found):
  _, one = found
  off = one.images[..., 0] == 0
  for place in range(3):
    mass = one.maps[place]
    expected = mass[off[place]].sum() / mass.sum() if mass.any() else np.nan
    assert one.background[place] == pytest.approx(expected, nan_ok=True)
    assert one.even[place] == pytest.approx(off[place].mean())


IMAGES = np.zeros((3, 4, 4, 1), np.float32)
MADE = heat_maps.HeatMaps(
  IMAGES,
  np.array([2, 0, 3]),
  np.array([2, 1, 1]),
  IMAGES[..., 0],
  np.array([0.25, np.nan, 0.75]),
  np.full(3, 0.5),
)


def test_empty_maps_are_counted_and_left_out():
  described = heat_maps.describe({'CNN': MADE})['CNN']
  assert described == {
    'accuracy': pytest.approx(1 / 3),
    'share_of_mass_on_background': 0.5,
    'share_of_pixels_on_background': 0.5,
    'empty_maps': 1,
    'images': 3,
  }
  one = MADE._replace(background=np.full(3, np.nan))
  described = heat_maps.describe({'CNN': one})['CNN']
  assert described['share_of_mass_on_background'] is None


def test_networks_without_any_map_have_no_background():
  found = heat_maps.measure(
    {'CNN': MADE, 'unsharp': MADE._replace(background=np.full(3, np.nan))}
  )
  assert found == {
    ('CNN', 'background'): 0.5, ('CNN', 'even'): 0.5, ('unsharp', 'even'): 0.5,
  }  # fmt: skip


def test_a_row_of_images_and_one_per_network():
  figure = heat_maps.plot({'CNN': MADE, 'unsharp': MADE})
  assert len(figure.axes) == 3 * 3
  assert figure.axes[0].get_title() == '2'
  assert figure.axes[3].get_ylabel() == 'CNN\n50% off'
