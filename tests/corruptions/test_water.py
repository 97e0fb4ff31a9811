import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.filters

from robustjax.corruptions import water


@pytest.fixture(autouse=True)
def _opencv_alone():
  """Intel's library sums distances in other roundings than OpenCV."""
  before = cv2.ipp.useIPP()
  cv2.ipp.setUseIPP(False)
  yield
  cv2.ipp.setUseIPP(before)


@pytest.fixture(params=[(4, 0.69), (2, 0.68)])
def liquid(request, rng):
  """Float32 [60, 90] with the published share of liquid."""
  smoothing, threshold = request.param
  layer = rng.normal(0.65, 0.3, (60, 90))
  layer = skimage.filters.gaussian(layer, sigma=smoothing)
  layer[layer < threshold] = 0
  return layer.astype(np.float32)


def _grey(liquid):
  return (liquid * np.float32(255)).astype(np.uint8)


def test_edges_are_those_of_opencv(liquid, rng):
  edges = jax.jit(water._edges)
  noise = rng.integers(0, 256, liquid.shape, np.uint8)
  smooth = cv2.blur(noise, (7, 7))  # Weak edges beside strong ones.
  for grey in (_grey(liquid), noise, smooth):
    found = edges(jnp.asarray(grey, jnp.int32))
    expected = cv2.Canny(grey, water._LOW, water._HIGH) > 0
    assert expected.any()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('share', [0, 0.0005, 0.01, 0.3])
def test_distances_are_those_of_opencv(rng, share):
  edges = rng.uniform(size=(60, 90)) < share
  found = jax.jit(water._distance)(jnp.asarray(edges))
  away = cv2.distanceTransform(255 - 255 * np.uint8(edges), cv2.DIST_L2, 5)
  expected = np.minimum(away, 20)
  np.testing.assert_array_equal(np.asarray(found) / water._ONE, expected)


def test_levels_are_spread_as_by_opencv(rng):
  for levels in (rng.integers(3, 21, (30, 40)), np.full((30, 40), 20)):
    expected = cv2.equalizeHist(levels.astype(np.uint8))
    ninths = 9 * levels + rng.integers(0, 9, levels.shape)
    found = jax.jit(water._equalize)(jnp.asarray(ninths, jnp.int32))
    np.testing.assert_array_equal(found, expected)


def test_emboss_is_that_of_opencv(rng):
  levels = rng.integers(0, 256, (30, 40), np.uint8)
  kernel = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
  expected = cv2.blur(cv2.filter2D(levels, cv2.CV_8U, kernel), (3, 3))
  np.testing.assert_array_equal(water._emboss(jnp.asarray(levels)), expected)


def test_shade_is_nothing_without_liquid():
  found = jax.jit(water.shade)(jnp.zeros((9, 8)))
  np.testing.assert_array_equal(found, np.zeros((9, 8)))
