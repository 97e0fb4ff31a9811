import functools

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import skimage.filters

from robustjax import errors
from robustjax.corruptions import elastic

KEY = jax.random.key(6)
# alpha, sigma, shift at the five severities, as shares of the side.
SHARES = (
  (2, 0.7, 0.1),
  (2, 0.08, 0.2),
  (0.05, 0.01, 0.02),
  (0.07, 0.01, 0.02),
  (0.12, 0.01, 0.02),
)
# OpenCV before 5 rounds coordinates to 1/32: half of it, on two axes.
OPENCV = 2 / 64 if int(cv2.__version__.split('.')[0]) < 5 else 0.0
PARAMETERS = dict(zip(('alpha', 'sigma', 'shift'), SHARES[4], strict=True))


def _shares(severity, factor):
  return tuple(jnp.float32(factor * share) for share in SHARES[severity - 1])


def _draw(rng, shape):
  """Draws for an image, float64."""
  fields = rng.uniform(-1, 1, (2, *shape[:2]))
  return elastic._Drawn(rng.uniform(-1, 1, (3, 2)), *fields)


def _as_float32(drawn):
  return jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), drawn)


@pytest.fixture(scope='module')
def distort():
  """`elastic._distort`, compiled once per size and border."""
  return jax.jit(elastic._distort, static_argnames='border')


@pytest.mark.parametrize('size', [8, 31])
def test_smoothing_equals_scipy_on_kernels_longer_than_the_axis(rng, size):
  values = rng.uniform(-1, 1, size)
  smoothing_matrix = jax.jit(elastic._smoothing_matrix, static_argnums=0)
  for share in (0.01, 0.3, 0.77, 1.0):
    expected = scipy.ndimage.gaussian_filter1d(
      values, share * size, mode='reflect', truncate=3
    )
    matrix = smoothing_matrix(size, jnp.float32(share * size))
    found = np.asarray(matrix, np.float64) @ values
    # Rows sum to 1, and a weight is good to about eight roundings.
    np.testing.assert_allclose(found, expected, atol=2**-21)


def test_affine_map_equals_opencv(rng):
  height, width, reach = 40, 56, 13
  x, y = 20, 28  # (H / 2, W / 2), taken as (x, y): the original's slip.
  corners = np.float32(
    [[x + reach, y + reach], [x + reach, y - reach], [x - reach, y - reach]]
  )
  moves = rng.uniform(-8, 8, (3, 2)).astype(np.float32)
  forward = cv2.getAffineTransform(corners, corners + moves)
  found = elastic._inverse_affine(jnp.asarray(moves), height, width)
  # float32 roundings of coordinates below 64, divided by a determinant near 1.
  expected = cv2.invertAffineTransform(forward)
  np.testing.assert_allclose(found, expected, atol=2**-15)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # In the reference.
@pytest.mark.parametrize('severity', [1, 2, 3, 4, 5])
def test_equals_the_reference_given_its_draws(
  rng, monkeypatch, distort, severity
):
  reference = pytest.importorskip(
    'tensorflow_datasets.image_classification.corruptions'
  )
  levels = cv2.blur(rng.integers(0, 256, (224, 224, 3), np.uint8), (2, 2))
  drawn = _draw(rng, levels.shape)
  queue = iter(drawn)
  monkeypatch.setattr(
    np.random, 'uniform', lambda low, high, size: next(queue) * high
  )
  expected = reference.elastic_transform(levels, severity)
  image = jnp.asarray(levels / np.float32(255), jnp.float32)
  shares = _shares(severity, 244 / 224)
  found = distort(_as_float32(drawn), image, *shares, border='reflect')
  off = np.abs(255 * np.asarray(found, np.float64) - expected)
  # Half a level, since the reference is rounded; float32 coordinates up to 224
  # are off by some 2^-15, on two axes, twice.
  assert off.max() < 0.5 + 255 * (2**-12 + OPENCV)


def _generate(image, drawn, severity, borders):
  """A grey square image through OpenCV, scikit-image and SciPy, given draws."""
  size = len(image)
  alpha, sigma, shift = (size * share for share in SHARES[severity - 1])
  near, far = size // 2 - size // 3, size // 2 + size // 3
  corners = np.float32([[far, far], [far, near], [near, near]])
  moved = corners + np.float32(shift * drawn.corners)
  matrix = cv2.getAffineTransform(corners, moved)
  warped = cv2.warpAffine(image, matrix, (size, size), borderMode=borders[0])
  columns, rows = (
    alpha * skimage.filters.gaussian(field, sigma, mode='reflect', truncate=3)
    for field in drawn[1:]
  )
  row, column = np.mgrid[:size, :size]
  return scipy.ndimage.map_coordinates(
    warped, (row + rows, column + columns), order=1, mode=borders[1]
  )


@pytest.mark.parametrize('severity', [1, 3])
def test_constant_border_equals_the_generator_of_mnist_c(
  rng, distort, severity
):
  image = rng.uniform(size=(28, 28)).astype(np.float32)
  drawn = _draw(rng, image.shape)
  borders = cv2.BORDER_CONSTANT, 'constant'
  found = distort(
    _as_float32(drawn),
    jnp.asarray(image[..., None]),
    *_shares(severity, 1.0),
    border='constant',
  )
  expected = _generate(image, drawn, severity, borders)
  # Coordinates below 64 to some 2^-18; steps of at most 1, two axes, twice.
  off = np.abs(found[..., 0] - expected)
  assert off.max() < 2**-14 + OPENCV


def test_pixels_are_paired_with_their_own_weights(rng):
  # XLA computes a coordinate twice and may round it in two ways: in programs
  # over a batch, one pixel in some 100,000 lay on the edge between two pairs of
  # neighbours and took the pixels of one with the weights of the other.
  images = rng.uniform(size=(4, 224, 224)).astype(np.float32)
  drawn = [_draw(rng, (224, 224)) for _ in images]
  distort = functools.partial(elastic._distort, border='reflect')
  batch = jax.jit(jax.vmap(distort, (0, 0, None, None, None)))
  stacked = jax.tree.map(lambda *x: np.stack(x), *drawn)
  found = batch(
    _as_float32(stacked), jnp.asarray(images[..., None]), *_shares(3, 1.0)
  )
  borders = cv2.BORDER_REFLECT_101, 'reflect'
  for image, one, by_us in zip(images, drawn, found[..., 0], strict=True):
    expected = _generate(image, one, 3, borders)
    # As above, for coordinates below 256.
    assert np.abs(by_us - expected).max() < 2**-12 + OPENCV


def test_nothing_moves_without_amounts(rng):
  images = jnp.asarray(rng.uniform(size=(2, 9, 12, 3)), jnp.float32)
  still = functools.partial(
    elastic.elastic_transform, alpha=0.0, sigma=0.1, shift=0.0
  )
  found = jax.jit(still)(KEY, images)
  # The affine map is the identity up to roundings of coordinates below 16.
  np.testing.assert_allclose(found, images, atol=2**-19)


def test_draws_depend_on_key_and_index_only(rng):
  images = jnp.asarray(rng.uniform(size=(3, 20, 24, 3)), jnp.float32)
  corrupt = jax.jit(functools.partial(elastic.elastic_transform, **PARAMETERS))
  order = jnp.array([2, 0, 1])
  together = corrupt(KEY, images, index=jnp.arange(3))
  apart = corrupt(KEY, images[order], index=order)
  # The smoothing is a product over the batch.
  np.testing.assert_allclose(apart, together[order], atol=2**-16)
  other = corrupt(jax.random.key(7), images, index=order)
  assert not np.allclose(other, together)


def test_draws_are_uniform():
  draw = jax.jit(jax.vmap(lambda key: elastic._draw(key, (30, 40, 3))))
  drawn = draw(jax.random.split(KEY, 20))
  assert [x.shape[1:] for x in drawn] == [(3, 2), (30, 40), (30, 40)]
  for values in drawn[1:]:
    test = scipy.stats.kstest(np.ravel(values), 'uniform', (-1, 2))
    assert test.pvalue > 1e-4
  assert not np.array_equal(drawn.rows, drawn.columns)


def test_bad_input_is_named():
  images = jnp.zeros((1, 9, 9, 3))
  corrupt = functools.partial(elastic.elastic_transform, KEY)
  with pytest.raises(errors.InputError, match='alpha: '):
    corrupt(images, **{**PARAMETERS, 'alpha': -1.0})
  with pytest.raises(errors.InputError, match=r'sigma: .*\[0, 1\]'):
    corrupt(images, **{**PARAMETERS, 'sigma': 1.2})
  with pytest.raises(errors.InputError, match='shift: '):
    corrupt(images, **{**PARAMETERS, 'shift': -1.0})
  with pytest.raises(errors.InputError, match='border: expected one of'):
    corrupt(images, border='wrap', **PARAMETERS)
  with pytest.raises(errors.InputError, match='images: .*at least 3'):
    corrupt(images[:, :2], **PARAMETERS)
