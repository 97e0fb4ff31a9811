import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.models import classifier


class _Pooled(classifier.PooledClassifier):
  """Its maps are the normalised images."""

  def setup(self):
    self.setup_dense()

  def feature_maps(self, images, train=False):
    return self.normalized(images, at_least=3)


class _Doubled(nn.Module):
  """A hook that is easy to see."""

  def __call__(self, hidden, *, train=False):
    return 2 * hidden


IMAGES = np.random.default_rng(0).uniform(size=(2, 4, 5, 3)).astype(np.float32)


def _apply(model, images=IMAGES, **options):
  images = jnp.asarray(images)
  variables = model.init(jax.random.key(0), images)
  return model.apply(variables, images, **options), variables


def test_images_are_normalized_channel_by_channel():
  model = _Pooled(mean=(0.1, 0.2, 0.3), deviation=(1.0, 2.0, 4.0))
  found, _ = _apply(model, method='feature_maps')
  expected = (IMAGES - [0.1, 0.2, 0.3]) / [1.0, 2.0, 4.0]
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
  same, _ = _apply(_Pooled(mean=0.5, deviation=0.5), method='feature_maps')
  np.testing.assert_allclose(same, (IMAGES - 0.5) / 0.5, atol=1e-6)


def test_pooled_states_are_means_that_one_dense_layer_reads():
  found, variables = _apply(_Pooled())
  dense = jax.tree.map(np.asarray, variables['params']['dense'])
  expected = IMAGES.mean(axis=(1, 2)) @ dense['kernel'] + dense['bias']
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('hook', ['flattened', 'penultimate'])
def test_both_hooks_are_on_the_pooled_states(hook):
  model = _Pooled(**{hook: _Doubled()})
  found, variables = _apply(model)
  dense = jax.tree.map(np.asarray, variables['params']['dense'])
  pooled = IMAGES.mean(axis=(1, 2))
  expected = 2 * pooled @ dense['kernel'] + dense['bias']
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
  assert set(variables['params']) == {'dense'}


@pytest.mark.parametrize('hook', [None, layers.PenultimateNoise(1.0)])
def test_what_attribution_factors_out_is_what_classifies(hook):
  model = _Pooled(penultimate=hook)
  _, variables = _apply(model)
  hidden = jnp.asarray(IMAGES.mean(axis=(1, 2)))

  def method(name, x):
    return model.apply(variables, x, method=name)

  factored = method('classify_rest', method('classify_affine', hidden))
  np.testing.assert_array_equal(method('classify', hidden), factored)


def test_penultimate_noise_is_there_while_training_only():
  model = _Pooled(penultimate=layers.PenultimateNoise(1.0))
  clean, _ = _apply(model)
  rngs = {'noise': jax.random.key(1)}
  still, _ = _apply(model, rngs=rngs)
  noisy, _ = _apply(model, train=True, rngs=rngs)
  np.testing.assert_array_equal(clean, still)
  assert np.abs(noisy - clean).max() > 0.1


def test_flattened_maps_keep_neighbours_together():
  maps = np.arange(24).reshape(2, 2, 2, 3)
  found = classifier.channels_first(jnp.asarray(maps))
  for image in range(2):
    expected = [maps[image, :, :, channel].ravel() for channel in range(3)]
    np.testing.assert_array_equal(found[image], np.concatenate(expected))


@pytest.mark.parametrize(
  ('make', 'message'),
  [
    (lambda: _Pooled(num_classes=1), 'num_classes: expected an integer of at'),
    (lambda: _Pooled(deviation=0.0), r'deviation: expected a number in \(0'),
    (
      lambda: _apply(_Pooled(mean=(0.1, 0.2))),
      'mean: expected one number, or 3',
    ),
    (lambda: _apply(_Pooled(), IMAGES[:, :2]), 'images of at least 3 x 3'),
    (lambda: _apply(_Pooled(), IMAGES[0]), 'images: expected float images'),
  ],
)
def test_bad_input_is_named(make, message):
  with pytest.raises(errors.InputError, match=message):
    make()


def test_layers_of_a_classifier_are_those_of_the_papers():
  _, variables = _apply(_Pooled(num_classes=1000))
  kernel = variables['params']['dense']['kernel']
  limit = 1 / np.sqrt(3)  # Three channels.
  assert np.abs(kernel).max() <= limit
  # Of 3000 uniform draws, the largest is below 0.99 of the limit once in 1e13.
  assert np.abs(kernel).max() > 0.99 * limit


def test_an_empty_batch_has_no_logits():
  model = models.create('mnist_cnn')
  images = jnp.zeros((1, 8, 8, 1))
  found = jax.eval_shape(model.init, jax.random.key(0), images)
  logits = jax.eval_shape(model.apply, found, images[:0])
  assert logits.shape == (0, 10)
