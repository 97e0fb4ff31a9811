import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import skimage.transform

from robustjax import errors
from robustjax.images import warps

# Coordinates below 64 carry 2^-19 in float32 after three roundings, the image's
# steps are at most 1, and each of four terms is rounded at 2^-24.
TOLERANCE = 2**-18
SCIPY_NAMES = {
  'constant': 'grid-constant',
  'cut': 'constant',
  'reflect': 'reflect',
  'mirror': 'mirror',
}
CV_NAMES = {
  'constant': cv2.BORDER_CONSTANT,
  'reflect': cv2.BORDER_REFLECT,
  'mirror': cv2.BORDER_REFLECT_101,
}
MATRICES = {
  'identity': [[1, 0, 0], [0, 1, 0]],
  'translation': [[1, 0, 3], [0, 1, -2]],
  'rotation': [[0.92, -0.39, 7.5], [0.39, 0.92, -4.25]],
  'shear': [[1, -0.4, 5.4], [0, 1, 0]],
  'enlarged': [[1 / 0.7, 0, -5.8], [0, 1 / 0.7, -5.8]],
}


def _image(rng, shape=(21, 30, 3)):
  return rng.uniform(size=shape).astype(np.float32)


@pytest.mark.parametrize('mode', warps.MODES)
@pytest.mark.parametrize('shape', [(13, 18, 3), (1, 5, 1), (2, 1, 1)])
def test_samples_equal_scipy_far_outside_too(rng, mode, shape):
  image = _image(rng, shape)
  rows, columns = rng.uniform(-60, 60, size=(2, 500)).astype(np.float32)
  rows[:100] /= 10
  columns[:100] /= 10
  found = warps.sample_bilinear(jnp.asarray(image), rows, columns, mode=mode)
  expected = np.stack(
    [
      scipy.ndimage.map_coordinates(
        image[..., c].astype(np.float64),
        [rows, columns],
        order=1,
        mode=SCIPY_NAMES[mode],
      )
      for c in range(shape[2])
    ],
    axis=-1,
  )
  np.testing.assert_allclose(found, expected, atol=TOLERANCE)


@pytest.mark.parametrize('mode', warps.MODES)
def test_pixel_centres_are_the_pixels_exactly(rng, mode):
  image = _image(rng)
  rows, columns = np.mgrid[:21, :30].astype(np.float32)
  found = warps.sample_bilinear(jnp.asarray(image), rows, columns, mode=mode)
  np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize('name', MATRICES)
def test_warp_equals_skimage(rng, name):
  image = _image(rng, (28, 28, 1))
  matrix = np.asarray(MATRICES[name], np.float32)
  found = warps.affine_warp(
    jnp.asarray(image), jnp.asarray(matrix), mode='constant'
  )
  inverse_map = np.vstack([matrix.astype(np.float64), [0, 0, 1]])
  expected = skimage.transform.warp(
    image[..., 0].astype(np.float64),
    skimage.transform.AffineTransform(inverse_map),
  )
  np.testing.assert_allclose(found[..., 0], expected, atol=TOLERANCE)


@pytest.mark.parametrize('mode', CV_NAMES)
@pytest.mark.parametrize('name', MATRICES)
def test_warp_equals_opencv(rng, name, mode):
  image = _image(rng)
  matrix = np.asarray(MATRICES[name], np.float32)
  found = warps.affine_warp(jnp.asarray(image), jnp.asarray(matrix), mode=mode)
  expected = cv2.warpAffine(
    image,
    matrix,
    (30, 21),
    flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    borderMode=CV_NAMES[mode],
  )
  # OpenCV may round coordinates to 1/32 pixel: half of that, on both axes, on
  # an image whose steps are at most 1.
  np.testing.assert_allclose(found, expected, atol=2 / 64)


def test_one_program_serves_every_matrix(rng):
  warp = jax.jit(warps.affine_warp, static_argnames='mode')
  image = jnp.asarray(_image(rng))
  for matrix in MATRICES.values():
    matrix = jnp.asarray(matrix, jnp.float32)
    np.testing.assert_allclose(
      warp(image, matrix, mode='mirror'),
      warps.affine_warp(image, matrix, mode='mirror'),
      atol=TOLERANCE,
    )
  assert warp._cache_size() == 1


def test_gradients_are_finite(rng):
  matrix = jnp.asarray(MATRICES['rotation'])

  def total(image):
    return warps.affine_warp(image, matrix, mode='constant').sum()

  assert np.isfinite(jax.grad(total)(jnp.asarray(_image(rng)))).all()


def test_bad_input_is_named(rng):
  image = jnp.asarray(_image(rng))
  points = jnp.zeros(3)
  with pytest.raises(errors.InputError, match='mode: expected one of'):
    warps.sample_bilinear(image, points, points, mode='wrap')
  with pytest.raises(errors.InputError, match='image: '):
    warps.sample_bilinear(image[0], points, points, mode='cut')
  with pytest.raises(errors.InputError, match='matrix: '):
    warps.affine_warp(image, jnp.eye(3), mode='cut')


@pytest.mark.parametrize(
  ('change', 'field'),
  [
    ({'image': None}, 'image'),
    ({'image': np.zeros((3, 3, 1), np.uint8)}, 'image'),
    ({'rows': np.zeros(2, np.int32)}, 'rows'),
    ({'rows': 0.0}, 'rows'),
    ({'columns': np.zeros(3, np.float32)}, 'columns'),
    ({'mode': None}, 'mode'),
  ],
)
def test_hostile_arrays_are_named(change, field):
  two = np.zeros(2, np.float32)
  arguments = {'image': jnp.ones((3, 3, 1)), 'rows': two, 'columns': two}
  arguments |= {'mode': 'mirror'} | change
  with pytest.raises(errors.InputError, match=f'{field}: '):
    warps.sample_bilinear(**arguments)


@pytest.mark.parametrize('matrix', [None, np.eye(3), np.zeros((2, 3), int)])
def test_what_is_no_affine_matrix_is_named(matrix):
  with pytest.raises(errors.InputError, match='matrix: '):
    warps.affine_warp(jnp.ones((3, 3, 1)), matrix, mode='mirror')
