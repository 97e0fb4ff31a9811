import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.models import convolution

_LAYOUT = ('NHWC', 'HWIO', 'NHWC')


def _literal_convolution(images, kernel):
  """Without padding, stride 1, one output at a time, in float64."""
  images, kernel = images.astype(np.float64), kernel.astype(np.float64)
  rows, columns = kernel.shape[:2]
  height = images.shape[1] - rows + 1
  width = images.shape[2] - columns + 1
  found = np.zeros((len(images), height, width, kernel.shape[3]))
  for i in range(height):
    for j in range(width):
      patch = images[:, i : i + rows, j : j + columns]
      found[:, i, j] = np.einsum('bhwc,hwco->bo', patch, kernel)
  return found


@pytest.mark.parametrize('padding', ['VALID', ((0, 0), (0, 0))])
@pytest.mark.parametrize('kernel_shape', [(3, 3, 2, 4), (1, 5, 2, 3)])
def test_equals_a_literal_convolution(rng, padding, kernel_shape):
  images = rng.normal(size=(3, 9, 8, 2)).astype(np.float32)
  kernel = rng.normal(size=kernel_shape).astype(np.float32)
  found = models.convolve(
    jnp.asarray(images),
    jnp.asarray(kernel),
    (1, 1),
    padding,
    dimension_numbers=_LAYOUT,
  )
  # At most 18 terms below 16: 18 roundings of their sum.
  tolerance = 18 * 16 * 2**-24
  expected = _literal_convolution(images, kernel)
  np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize(
  ('strides', 'padding', 'side'),
  [
    ((1, 1), 'VALID', 7),
    ((1, 1), 'SAME', 7),
    ((2, 2), 'VALID', 7),
    ((1, 1), ((0, 1), (2, 0)), 7),
    # Smaller than the kernel.
    ((1, 1), 'SAME', 2),
    ((1, 1), ((1, 2), (3, 0)), 2),
    ((2, 2), 'SAME', 2),
  ],
)
def test_value_and_gradients_equal_xla_s_own(rng, strides, padding, side):
  images = jnp.asarray(rng.normal(size=(2, side, side, 3)), jnp.float32)
  kernel = jnp.asarray(rng.normal(size=(3, 3, 3, 4)), jnp.float32)

  def total(convolution, images, kernel):
    out = convolution(
      images, kernel, strides, padding, dimension_numbers=_LAYOUT
    )
    return jnp.sum(jnp.sin(out))

  both = [
    jax.value_and_grad(total, argnums=(1, 2))(convolution, images, kernel)
    for convolution in (models.convolve, jax.lax.conv_general_dilated)
  ]
  # Sums of at most 2 * 49 * 9 terms of order 1.
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), *both
  )


def test_other_layouts_are_left_to_xla(rng):
  images = jnp.asarray(rng.normal(size=(2, 3, 9, 8)), jnp.float32)
  kernel = jnp.asarray(rng.normal(size=(4, 3, 3, 3)), jnp.float32)
  np.testing.assert_array_equal(
    models.convolve(images, kernel, (1, 1), 'VALID'),
    jax.lax.conv_general_dilated(images, kernel, (1, 1), 'VALID'),
  )


@pytest.mark.skipif(
  jax.default_backend() != 'cpu', reason='the other path is for CPU'
)
def test_flax_takes_the_fast_path():
  layer = nn.Conv(
    3, (3, 3), padding='VALID', conv_general_dilated=models.convolve
  )
  images = jnp.zeros((2, 6, 6, 1))
  variables = layer.init(jax.random.key(0), images)
  program = jax.jit(layer.apply).lower(variables, images).as_text()
  assert 'pad = [[0, 1], [0, 0]]' in program


@pytest.mark.skipif(
  jax.default_backend() != 'cpu', reason='the other path is for CPU'
)
@pytest.mark.parametrize('strides', [(1, 1), (2, 3)])
def test_a_kernel_of_one_pixel_is_multiplied(rng, strides):
  images = jnp.asarray(rng.normal(size=(2, 5, 6, 3)), jnp.float32)
  kernel = jnp.asarray(rng.normal(size=(1, 1, 3, 4)), jnp.float32)

  def total(convolution, images, kernel):
    out = convolution(
      images, kernel, strides, ((0, 0), (0, 0)), dimension_numbers=_LAYOUT
    )
    return jnp.sum(jnp.sin(out)), out

  gradient = jax.value_and_grad(total, argnums=(1, 2), has_aux=True)
  program = jax.jit(gradient, static_argnums=0)
  lowered = program.lower(models.convolve, images, kernel).as_text()
  assert 'stablehlo.convolution' not in lowered
  both = [
    gradient(convolution, images, kernel)
    for convolution in (models.convolve, jax.lax.conv_general_dilated)
  ]
  # Sums of at most 240 terms of order 1.
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4), *both
  )


@pytest.mark.skipif(
  jax.default_backend() != 'cpu', reason='the other path is for CPU'
)
@pytest.mark.parametrize('options', [{}, {'rhs_dilation': (2, 2)}])
def test_maps_smaller_than_the_kernel_are_multiplied(rng, options):
  images = jnp.asarray(rng.normal(size=(2, 4, 6, 2)), jnp.float32)
  kernel = jnp.asarray(rng.normal(size=(5, 5, 2, 3)), jnp.float32)
  options = {'dimension_numbers': _LAYOUT, **options}

  def convolve(images, kernel):
    return models.convolve(images, kernel, (1, 1), 'SAME', **options)

  program = jax.jit(convolve).lower(images, kernel).as_text()
  assert ('convolution' in program) == ('rhs_dilation' in options)
  # Sums of 50 terms below 16.
  np.testing.assert_allclose(
    convolve(images, kernel),
    jax.lax.conv_general_dilated(images, kernel, (1, 1), 'SAME', **options),
    atol=50 * 16 * 2**-24,
  )


def test_is_a_drop_in_for_flax(rng):
  images = jnp.asarray(rng.normal(size=(2, 6, 6, 1)), jnp.float32)
  plain = nn.Conv(3, (3, 3), padding='VALID')
  ours = plain.clone(conv_general_dilated=models.convolve)
  key = jax.random.key(0)
  variables = plain.init(key, images)
  jax.tree.map(np.testing.assert_array_equal, variables, ours.init(key, images))
  np.testing.assert_allclose(
    ours.apply(variables, images), plain.apply(variables, images), atol=1e-5
  )


@pytest.mark.parametrize('shape', [(2, 4, 6, 3), (1, 5, 7, 2)])
@pytest.mark.parametrize('window', [1, 2, 3])
def test_max_pool_equals_flax(rng, shape, window):
  images = jnp.asarray(rng.normal(size=shape), jnp.float32)
  square = (window, window)

  def flax_pool(x):
    return nn.max_pool(x, square, square)

  def own_pool(x):
    return models.max_pool(x, window)

  np.testing.assert_array_equal(own_pool(images), flax_pool(images))
  gradients = [
    jax.grad(lambda x, pool=pool: jnp.sum(jnp.sin(pool(x))))(images)
    for pool in (own_pool, flax_pool)
  ]
  np.testing.assert_allclose(*gradients, rtol=1e-6)


def test_max_pool_shares_the_gradient_among_equals():
  gradient = jax.grad(lambda x: models.max_pool(x).sum())(
    jnp.ones((1, 2, 2, 1))
  )
  np.testing.assert_array_equal(gradient.reshape(-1), [0.25] * 4)


def test_max_pool_refuses_images_smaller_than_the_window():
  with pytest.raises(errors.InputError, match='at least 2'):
    models.max_pool(jnp.ones((1, 1, 4, 1)))


def test_what_is_pooled_and_computed_twice_has_a_finite_gradient():
  """XLA computes it again for the gradient, where it optimises least."""
  images = jax.random.uniform(jax.random.key(0), (16, 8, 8, 3))

  def total(kernel):
    maps = jax.lax.conv_general_dilated(
      images, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )
    noisy = layers.snr_noise(jax.random.key(5), maps)
    return jnp.square(convolution.max_pool(noisy)).sum()

  kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 8))
  assert np.isfinite(jax.jit(jax.grad(total))(kernel)).all()


def test_equals_in_a_window_share_its_gradient():
  images = jnp.array([[1.0, 1.0], [0.0, 1.0]]).reshape(1, 2, 2, 1)
  gradient = jax.grad(lambda x: convolution.max_pool(x).sum())(images)
  np.testing.assert_allclose(
    gradient.ravel(), [1 / 3, 1 / 3, 0, 1 / 3], rtol=1e-6
  )
