import types

import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import models
from robustjax.papers import gate_projection

NUM_GATES = 40
LABELS = np.arange(12) % 10
AXES = ('image', 'corruption', 'severity')


class _Model:
  """Its gates are the pixels at 40 places: what they are shown, they do."""

  def __init__(self, has_gates=True):
    self.has_gates = has_gates

  def apply(self, variables, images, *, method):
    assert method == 'forward'
    gates = images.reshape(len(images), -1)[:, ::6][:, :NUM_GATES]
    gates = gates if self.has_gates else None
    return models.Forward(None, gates, None)


def _restored(**options):
  """A classifier that says class 0 of all."""
  predict = lambda images: jnp.zeros((len(images), 10))
  model = _Model(**options)
  return types.SimpleNamespace(model=model, variables={}, predict=predict)


@pytest.fixture(scope='module')
def images():
  """Of large patches, which are still there after a blur."""
  patches = np.random.default_rng(0).uniform(size=(12, 2, 2, 1))
  return patches.repeat(8, 1).repeat(8, 2).astype(np.float32)


@pytest.fixture(scope='module')
def gates(images):
  """Under ImageNet-C, of images of which only the first is classified so."""
  return gate_projection.collect_gates(_restored(), images, LABELS)


def test_the_first_correct_images_of_five_classes_are_taken():
  labels = np.array([3, 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])
  predicted = labels.copy()
  predicted[[0, 3]] = 0  # The first of class 3, and class 4 altogether.
  found = gate_projection._choose(labels, predicted)
  np.testing.assert_array_equal(found, [1, 2, 5, 6, 7])


def test_wrong_ones_come_last_where_there_are_too_few():
  labels = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1])
  predicted = np.full(12, 2)
  predicted[8] = 3
  found = gate_projection._choose(labels, predicted)
  np.testing.assert_array_equal(found, [2, 8, 0, 1, 4])


def test_images_are_named_by_place_and_class(gates):
  assert gates.names['image'][4] == 'image 4, class 4'
  assert gates.names['severity'][0] == 'severity 1'
  assert gates.num_correct == 1


def test_points_are_the_gates_at_every_corruption_and_severity(images, gates):
  found = gates
  assert found.values.shape == (125, NUM_GATES)
  expected = np.indices((5, 5, 5)).reshape(3, -1)
  np.testing.assert_array_equal([found.labels[a] for a in AXES], expected)
  # Brightness adds .1 to .5, and pixels are rounded to 256 levels.
  place = gate_projection.CORRUPTIONS.index('brightness')
  values = found.values.reshape(5, 5, 5, -1)[:, place]
  clean = images[:5].reshape(5, -1)[:, ::6][:, :NUM_GATES]
  for level in range(5):
    bright = np.minimum(clean + 0.1 * (level + 1), 1)
    np.testing.assert_allclose(values[:, level], bright, atol=0.51 / 255)


@pytest.mark.slow
def test_cifar10_c_is_milder(images):
  found = gate_projection.collect_gates(
    _restored(), images, LABELS, benchmark='cifar10_c'
  )
  place = gate_projection.CORRUPTIONS.index('gaussian_noise')
  noisy = found.values.reshape(5, 5, 5, -1)[:, place, 4]
  clean = images[:5].reshape(5, -1)[:, ::6][:, :NUM_GATES]
  # Clipping takes some of a deviation of .1; ImageNet-C's is .38.
  assert 0.07 < np.std(noisy - clean) < 0.11


def test_gates_that_show_the_image_are_explained_and_drawn(gates, monkeypatch):
  monkeypatch.setattr(
    gate_projection, 'collect_gates', lambda *arguments, benchmark: gates
  )
  found = {'one': gate_projection.explain(None, None, None)}
  (content,) = gate_projection.describe(found).values()
  assert content['gates'] == NUM_GATES
  assert content['images_classified_correctly'] == 1  # Class 0.
  assert content['image']['left_out_accuracy'] > 0.9
  shuffled = content['image']['left_out_accuracy_with_shuffled_labels']
  # 4.5 standard errors of a single shuffle, more than that of their mean.
  assert abs(shuffled['mean'] - 0.2) < 4.5 * np.sqrt(0.2 * 0.8 / 125)
  assert len(content['severity']['points']) == 125
  figure = gate_projection.plot(found)
  assert [axes.get_title().split(':')[0] for axes in figure.axes] == list(AXES)


def test_what_cannot_be_explained_is_named(images):
  with pytest.raises(errors.InputError, match='labels: .*5 classes, got 3'):
    gate_projection.collect_gates(_restored(), images, np.arange(12) % 3)
  without = _restored(has_gates=False)
  with pytest.raises(errors.InputError, match='restored: .*with gates'):
    gate_projection.collect_gates(without, images, LABELS)
