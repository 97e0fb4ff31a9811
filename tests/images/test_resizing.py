import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from robustjax import errors
from robustjax.images import resizing

FACTORS = (
  *np.arange(1, 1.16, 0.01),
  *np.arange(1.02, 1.26, 0.02),
  *np.arange(1.03, 1.31, 0.03),
  2.0,
  2.5,
  3.0,
  4.0,
  4.5,
)
_zoom = jax.jit(resizing.clipped_zoom)


def _clipped_zoom(image, factor):
  """As the generator does it."""
  crop = [int(np.ceil(size / factor)) for size in image.shape]
  top = [(size - c) // 2 for size, c in zip(image.shape, crop, strict=True)]
  middle = image[top[0] : top[0] + crop[0], top[1] : top[1] + crop[1]]
  with warnings.catch_warnings():
    warnings.simplefilter('ignore', UserWarning)  # how SciPy rounds sizes
    zoomed = scipy.ndimage.zoom(middle, factor, order=1)
  trim = [
    (large - size) // 2
    for large, size in zip(zoomed.shape, image.shape, strict=True)
  ]
  return zoomed[
    trim[0] : trim[0] + image.shape[0], trim[1] : trim[1] + image.shape[1]
  ]


@pytest.mark.parametrize('shape', [(28, 28), (64, 224)])
def test_equals_scipy(rng, shape):
  image = rng.uniform(size=shape)
  zoom = jnp.asarray(image, jnp.float32)
  for factor in FACTORS:
    # Two interpolations, each a few roundings of values below 1.
    np.testing.assert_allclose(
      _zoom(zoom, factor), _clipped_zoom(image, factor), atol=1e-6
    )


def test_further_axes_are_zoomed_alike(rng):
  image = jnp.asarray(rng.uniform(size=(9, 12, 3)), jnp.float32)
  found = _zoom(image, 1.5)
  for c in range(3):
    np.testing.assert_allclose(
      found[..., c], _zoom(image[..., c], 1.5), atol=1e-6
    )


def test_factor_one_is_the_identity(rng):
  image = jnp.asarray(rng.uniform(size=(7, 1)), jnp.float32)
  np.testing.assert_array_equal(resizing.clipped_zoom(image, 1.0), image)


def test_bad_input_is_named():
  with pytest.raises(errors.InputError, match='factor: .* got 0.5'):
    resizing.clipped_zoom(jnp.zeros((4, 4)), 0.5)
  with pytest.raises(errors.InputError, match='image: '):
    resizing.clipped_zoom(jnp.zeros(4), 2.0)


@pytest.mark.parametrize(
  'image', [None, [[1.0]], np.zeros((3, 3), np.uint8), np.zeros((0, 3, 1))]
)
def test_what_is_no_float_image_is_named(image):
  with pytest.raises(errors.InputError, match='image: '):
    resizing.clipped_zoom(image, 1.5)
