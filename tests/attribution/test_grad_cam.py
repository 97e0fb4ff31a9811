"""Grad-CAM against its equations in NumPy, and where it has a closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attribution
from robustjax import errors
from robustjax import models
from robustjax.models import classifier

CLASSES = 3
TARGET = jnp.array([0, 2, 2, 1])


def _enlarged(image, height, width):
  """Bilinear, half-pixel centres, edges repeated, one pixel at a time."""
  h, w = image.shape
  found = np.zeros((height, width))
  for i in range(height):
    for j in range(width):
      y = min(max((i + 0.5) * h / height - 0.5, 0), h - 1)
      x = min(max((j + 0.5) * w / width - 0.5, 0), w - 1)
      top, left = int(y), int(x)
      bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
      v, u = y - top, x - left
      found[i, j] = (1 - v) * (
        (1 - u) * image[top, left] + u * image[top, right]
      ) + v * ((1 - u) * image[bottom, left] + u * image[bottom, right])
  return found


@pytest.fixture
def network(rng):
  """(maps_fn, score_fn, images, weights), 6 x 8 images to 3 x 4 maps."""
  weights = rng.normal(size=(3, 4, 5, CLASSES))
  images = jnp.asarray(rng.uniform(size=(4, 6, 8, 5)), jnp.float32)

  def maps_fn(images):
    return images[:, ::2, ::2] - 0.4

  def score_fn(maps):
    return jnp.einsum('bijk,ijkc->bc', maps**2, jnp.float32(weights))

  return maps_fn, score_fn, images, weights


def test_equals_the_equations_in_loops(network):
  maps_fn, score_fn, images, weights = network
  found = attribution.grad_cam(maps_fn, score_fn, images, TARGET)
  maps = np.asarray(images, np.float64)[:, ::2, ::2] - 0.4
  for b, target in enumerate(np.asarray(TARGET)):
    total = np.zeros((3, 4))
    for k in range(5):
      gradient = 2 * maps[b, :, :, k] * weights[:, :, k, target]
      total += gradient.sum() / 12 * maps[b, :, :, k]
    expected = _enlarged(np.maximum(total, 0), 6, 8)
    # A few float32 sums of 60 terms of order 1.
    np.testing.assert_allclose(found[b], expected, rtol=0, atol=2e-5)
  assert (found == 0).any()  # The ReLU had something to do.
  assert (found > 0.01).any()


def test_of_pooled_maps_it_is_the_class_activation_map(rng):
  """With mean pooling and a dense layer, w_k is the layer's weight / (h w)."""
  kernel = rng.normal(size=(7, CLASSES))
  images = jnp.asarray(rng.uniform(size=(4, 5, 5, 7)), jnp.float32)
  found = attribution.grad_cam(
    lambda images: images,
    lambda maps: maps.mean(axis=(1, 2)) @ jnp.float32(kernel) + 3,
    images,
    TARGET,
  )
  expected = np.einsum('bijk,kb->bij', images, kernel[:, TARGET]) / 25
  np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-6)


def test_jitted_it_is_the_same_and_each_image_has_its_own(network):
  maps_fn, score_fn, images, _ = network
  found = attribution.grad_cam(maps_fn, score_fn, images, TARGET)
  cam = jax.jit(functools.partial(attribution.grad_cam, maps_fn, score_fn))
  np.testing.assert_allclose(cam(images, TARGET), found, atol=2e-5)
  alone = attribution.grad_cam(maps_fn, score_fn, images[2:], TARGET[2:])
  np.testing.assert_allclose(alone, found[2:], atol=2e-5)


@pytest.mark.slow
def test_takes_the_halves_of_a_classifier():
  model = models.create('mnist_cnn')
  images = jax.random.uniform(jax.random.key(0), (2, 8, 8, 1))
  variables = jax.jit(model.init)(jax.random.key(1), images)
  apply = functools.partial(model.apply, variables)

  def score_fn(maps):
    hidden = classifier.channels_first(maps)
    return apply(hidden, method='forward_from').logits

  maps_fn = functools.partial(apply, method='feature_maps')
  cam = jax.jit(functools.partial(attribution.grad_cam, maps_fn, score_fn))
  found = cam(images, jnp.array([3, 9]))
  assert found.shape == (2, 8, 8)
  assert found.max() > found.min() >= 0
  halves = jax.jit(lambda x: score_fn(maps_fn(x)))(images)
  np.testing.assert_allclose(halves, jax.jit(apply)(images), atol=1e-5)


def test_bfloat16_is_computed_in_float32(network):
  maps_fn, score_fn, images, _ = network
  found = attribution.grad_cam(
    lambda x: maps_fn(x).astype(jnp.bfloat16),
    lambda maps: score_fn(maps).astype(jnp.bfloat16),
    images.astype(jnp.bfloat16),
    TARGET,
  )
  assert found.dtype == jnp.float32
  exact = attribution.grad_cam(maps_fn, score_fn, images, TARGET)
  # A rounding to 8 bits of images and of maps.
  np.testing.assert_allclose(found, exact, atol=0.02 * float(exact.max()))


def test_background_share_in_a_loop(rng):
  maps = rng.uniform(size=(3, 4, 5)).astype(np.float32)
  images = rng.uniform(size=(3, 4, 5, 2)).astype(np.float32)
  images[rng.uniform(size=images.shape) < 0.6] = 0.1
  found = attribution.background_share(
    jnp.asarray(maps), jnp.asarray(images), threshold=0.1
  )
  for one, image, share in zip(maps, images, found, strict=True):
    mass = 0.0
    for i in range(4):
      for j in range(5):
        if max(image[i, j]) <= np.float32(0.1):
          mass += one[i, j]
    assert share == pytest.approx(mass / one.sum(), rel=1e-5)
    assert 0 < share < 1


def test_background_share_at_its_ends():
  images = jnp.zeros((3, 2, 2, 1)).at[:, 0].set(0.7)
  maps = jnp.zeros((3, 2, 2)).at[0, 0].set(1.0).at[1, 1].set(2.0)
  found = jax.jit(attribution.background_share)(maps, images)
  np.testing.assert_array_equal(found, [0, 1, np.nan])
  even = attribution.background_share(jnp.ones((3, 2, 2)), images)
  np.testing.assert_allclose(even, 0.5)


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'x': jnp.ones((4, 6, 8))}, r'x: expected \[B, H, W, C\]'),
    ({'x': jnp.ones((4, 6, 8, 5), jnp.int32)}, 'x: expected floats .*int32'),
    ({'feature_maps_fn': lambda x: x[0]}, r'feature_maps_fn: .*\[6, 8, 5\]'),
    ({'feature_maps_fn': lambda x: (x, x)}, 'feature_maps_fn: .*tuple'),
    ({'score_fn': lambda maps: maps}, r'score_fn: .*scores \[4, C\]'),
    (
      {'target': jnp.array([0, 1, 2, 3])},
      r'target: .*0 to 2 \(3 classes\), got 3',
    ),
    ({'target': jnp.ones(4)}, 'target: .*float32'),
  ],
)
def test_bad_input_is_named(network, change, message):
  names = ('feature_maps_fn', 'score_fn', 'x', 'target')
  arguments = dict(zip(names, (*network[:3], TARGET), strict=True)) | change
  with pytest.raises(errors.InputError, match=message):
    attribution.grad_cam(**arguments)


def test_bad_maps_and_thresholds_are_named():
  images = jnp.zeros((2, 3, 3, 1))
  for maps, message in (
    (jnp.ones((2, 3, 4)), r'maps: .*\(2, 3, 4\) and \(2, 3, 3, 1\)'),
    (-jnp.ones((2, 3, 3)), 'maps: expected values of at least 0, got -1'),
    (jnp.full((2, 3, 3), jnp.nan), 'maps: expected values .*, got nan'),
    (jnp.ones((2, 3, 3), jnp.int32), 'maps: expected floats'),
    ([[1.0]], 'maps: expected floats .* got list'),
  ):
    with pytest.raises(errors.InputError, match=message):
      attribution.background_share(maps, images)
  with pytest.raises(errors.InputError, match='threshold: '):
    attribution.background_share(jnp.ones((2, 3, 3)), images, threshold=-1)


def test_maps_that_are_zero_have_no_infinite_slope(rng):
  """The root of a map's mean is steep at 0, where the map says nothing."""
  maps = jnp.asarray(rng.uniform(0.1, 1, size=(2, 3, 3, 2)), jnp.float32)
  maps = maps.at[0, ..., 1].set(0)
  score = lambda maps: jnp.sqrt(maps.mean(axis=(1, 2)))
  found = attribution.grad_cam(lambda x: x, score, maps, jnp.array([1, 1]))
  # The slope of a place of map 1: 1 / (2 root) / 9; its mean is the same.
  root = np.sqrt(np.asarray(maps[1, ..., 1], np.float64).mean())
  expected = maps[1, ..., 1] / (18 * root)
  np.testing.assert_array_equal(found[0], np.zeros((3, 3)))
  np.testing.assert_allclose(found[1], expected, rtol=1e-5)
