import functools

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.corruptions import spatter

KEY = jax.random.key(4)
NAMES = ('mean', 'deviation', 'smoothing', 'threshold', 'strength', 'is_mud')
SEVERITIES = (
  (0.65, 0.3, 4, 0.69, 0.6, 0),
  (0.65, 0.3, 3, 0.68, 0.6, 0),
  (0.65, 0.3, 2, 0.68, 0.5, 0),
  (0.65, 0.3, 1, 0.65, 1.5, 1),
  (0.67, 0.4, 1, 0.65, 1.5, 1),
)


def _parameters(severity):
  return dict(zip(NAMES, SEVERITIES[severity - 1], strict=True))


@pytest.fixture
def reference():
  """The generator's port in TensorFlow Datasets, on OpenCV's own distances."""
  before = cv2.ipp.useIPP()
  cv2.ipp.setUseIPP(False)
  yield pytest.importorskip(
    'tensorflow_datasets.image_classification.corruptions'
  )
  cv2.ipp.setUseIPP(before)


@jax.jit
def _apply(image, noise, parameters):
  """All severities in one program, as a sweep runs them."""
  mean, deviation, smoothing, threshold, strength, is_mud = parameters
  del mean, deviation
  liquid = spatter._liquid(noise, smoothing, threshold)
  return jax.lax.cond(
    is_mud > 0, spatter._soil, spatter._splash, image, liquid, strength
  )


@pytest.mark.parametrize('severity', [1, 2, 3, 4, 5])
def test_equals_the_reference(reference, rng, monkeypatch, severity):
  image = rng.integers(0, 256, (64, 80, 3), np.uint8)
  parameters = SEVERITIES[severity - 1]
  noise = rng.normal(parameters[0], parameters[1], image.shape[:2])
  monkeypatch.setattr(np.random, 'normal', lambda size, loc, scale: noise)
  expected = reference.spatter(image, severity)
  found = _apply(
    jnp.asarray(image / np.float32(255)),
    jnp.asarray(noise, jnp.float32),
    [jnp.float32(one) for one in parameters],
  )
  off = np.abs(255 * np.clip(np.asarray(found, np.float64), 0, 1) - expected)
  # Rounding to 8 bits. The blurred noise is off by 30 roundings of 2^-24: one
  # pixel in 2000 may come to another grey level, 1/170 of its shade, and
  # seldom does a pixel pass a threshold.
  assert np.mean(off > 0.5 + 255 * 2**-20) < 2e-3
  assert off.max() < 0.5 + 1.5


@pytest.mark.slow
def test_the_branch_may_be_traced(rng):
  images = jnp.asarray(rng.uniform(size=(2, 12, 16, 3)), jnp.float32)
  traced = jax.jit(
    lambda parameters: spatter.spatter(KEY, images, **parameters)
  )
  for severity in (1, 5):
    parameters = _parameters(severity)
    found = traced({k: jnp.float32(v) for k, v in parameters.items()})
    static = jax.jit(functools.partial(spatter.spatter, KEY, **parameters))
    expected = static(images)
    assert not np.array_equal(expected, images)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.slow
def test_mud_on_digits_is_distributed_as_published(mnist_c):
  """Share, shade and rows of the changed pixels of the black background."""
  clean, published = mnist_c('spatter', 2000)
  found = jax.jit(lambda x: spatter.spatter(KEY, x, **_parameters(4)))(
    jnp.asarray(clean)
  )
  levels = np.rint(255 * np.asarray(found, np.float64))
  for figure in (_share, _shade, _edge_share, _pairs_across, _pairs_down):
    ours, theirs = (figure(one, clean) for one in (levels, published))
    error = np.sqrt((ours.var() + theirs.var()) / len(ours))
    assert abs(ours.mean() - theirs.mean()) < 4 * error
  black = clean == 0
  assert set(levels[black]) == set(published[black])


def _muddy(levels, clean):
  return ((levels > 0) & (clean == 0))[..., 0].astype(np.float64)


def _share(levels, clean):
  return _muddy(levels, clean).mean(axis=(1, 2))


def _shade(levels, clean):
  return (_muddy(levels, clean) * levels[..., 0]).mean(axis=(1, 2))


def _edge_share(levels, clean):
  return _muddy(levels, clean)[:, :2].mean(axis=(1, 2))


def _pairs_across(levels, clean):
  muddy = _muddy(levels, clean)
  return (muddy[:, :, 3:] * muddy[:, :, :-3]).mean(axis=(1, 2))


def _pairs_down(levels, clean):
  muddy = _muddy(levels, clean)
  return (muddy[:, 3:] * muddy[:, :-3]).mean(axis=(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize('severity', [2, 4])
def test_draws_depend_on_key_and_index_only(rng, severity):
  images = jnp.asarray(rng.uniform(size=(7, 20, 24, 1)), jnp.float32)
  corrupt = jax.jit(
    lambda images, index: spatter.spatter(
      KEY, images, index=index, **_parameters(severity)
    )
  )
  together = corrupt(images, jnp.arange(7))
  order = jnp.array([4, 0, 3])
  np.testing.assert_array_equal(corrupt(images[order], order), together[order])


def test_bad_input_is_named():
  images = jnp.zeros((1, 8, 8, 1))
  for name, value in {
    'deviation': -1,
    'smoothing': 4.1,
    'threshold': 0,
    'strength': 2,
    'is_mud': 2,
  }.items():
    with pytest.raises(errors.InputError, match=f'{name}: '):
      spatter.spatter(KEY, images, **{**_parameters(4), name: value})
  with pytest.raises(errors.InputError, match='at least 2 x 2'):
    spatter.spatter(KEY, images[:, :1], **_parameters(4))
