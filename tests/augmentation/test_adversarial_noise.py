import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import errors

KEY = jax.random.key(3)
_scale = jax.jit(augmentation.scale_to_norm)


def _bisected(image, direction, epsilon):
  """The image moved to the norm, or as far as it goes; by bisection."""

  def moved(eta):
    return np.clip(image + eta * direction, 0, 1)

  def norm(eta):
    return np.sqrt(np.square(moved(eta) - image).sum())

  low, high = 0.0, 1.0
  while norm(high) < epsilon:
    low, high = high, 2 * high
    if high > 1e80:
      return moved(high)
  for _ in range(200):
    middle = (low + high) / 2
    low, high = (middle, high) if norm(middle) < epsilon else (low, middle)
  return moved(high)


def _norms(moved, images):
  difference = np.asarray(moved, np.float64) - np.asarray(images, np.float64)
  return np.sqrt(np.square(difference).sum(axis=(1, 2, 3)))


def _photograph_like(rng, shape):
  """A tenth of the values at each bound, the others between them."""
  return np.clip(rng.uniform(-0.125, 1.125, shape), 0, 1).astype(np.float32)


@pytest.mark.parametrize('epsilon', [0.01, 0.5, 2.0, 4.0, 6.0])
def test_equals_bisection(rng, epsilon):
  images = _photograph_like(rng, (5, 6, 7, 3))
  direction = rng.normal(size=images.shape).astype(np.float32)
  direction[0] = 1  # Many stop at once.
  direction[1, :, :, 0] = 0
  direction[2] *= 1e-30
  direction[3] *= 1e30
  direction[4] = np.exp(5 * direction[4])  # Over many orders.
  found = _scale(jnp.asarray(images), jnp.asarray(direction), epsilon)
  for image, toward, moved in zip(images, direction, found, strict=True):
    image, toward = image.astype(np.float64), toward.astype(np.float64)
    expected = _bisected(image, toward, epsilon)
    # The squared norm, 2^7 terms, is rounded 8 times to 2^-24 of it; where
    # hardly a value still moves, that falls on one that went 1/4 or more.
    atol = 8 * 2**-24 * (1 + 2 * epsilon**2)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=atol)


# Rounding of a sum in pairs of 150,528 = 2^17.2 squares is at most 18 x 2^-24,
# that of its root half of it; eta and the moved values are rounded too.
_RELATIVE = 16 * 2**-24


@pytest.mark.parametrize('epsilon', [1.0, 135.0, 225.0])
def test_hits_the_radius_at_224_pixels(rng, epsilon):
  images = jnp.asarray(_photograph_like(rng, (1, 224, 224, 3)))
  direction = jnp.asarray(rng.normal(size=images.shape), jnp.float32)
  moved = _scale(images, direction, epsilon)
  assert moved.min() >= 0
  assert moved.max() <= 1
  np.testing.assert_allclose(_norms(moved, images), epsilon, rtol=_RELATIVE)
  naive = direction * epsilon / jnp.linalg.norm(direction.ravel())
  clipped = jnp.clip(images + naive, 0, 1)
  assert _norms(clipped, images) < 0.999 * epsilon  # What is avoided.


def test_hits_the_radius_on_photographs(rng):
  folder = os.environ.get('TFDS_DATA_DIR', '')
  if not (pathlib.Path(folder) / 'imagenet2012').is_dir():
    pytest.skip('needs imagenet2012 in $TFDS_DATA_DIR')
  tfds = pytest.importorskip('tensorflow_datasets')
  source = tfds.data_source('imagenet2012', split='validation', data_dir=folder)
  images = [source[i]['image'][:224, :224] for i in range(4)]
  images = jnp.asarray(np.stack(images), jnp.float32) / 255
  direction = jnp.asarray(rng.normal(size=images.shape), jnp.float32)
  moved = _scale(images, direction, 135.0)
  np.testing.assert_allclose(_norms(moved, images), 135.0, rtol=_RELATIVE)


def test_out_of_reach_every_value_goes_to_its_bound(rng):
  images = _photograph_like(rng, (40, 5, 5, 1))
  direction = rng.normal(size=images.shape).astype(np.float32)
  direction[0, 0, 0, 0] = 0
  found = _scale(jnp.asarray(images), jnp.asarray(direction), 100.0)
  expected = np.where(direction > 0, 1, np.where(direction < 0, 0, images))
  np.testing.assert_array_equal(found, expected)
  # Nothing moves any more, so nothing has a gradient.
  slope = jax.jit(
    jax.grad(lambda direction: _scale(images, direction, 100.0).sum())
  )
  assert (slope(direction) == 0).all()
  # From just within reach to just out of it nothing jumps.
  most = _norms(expected, images)
  for share in (1 - 1e-5, 1 + 1e-5):
    near = _scale(images, direction, np.float32(share * most[1]))
    np.testing.assert_allclose(_norms(near, images)[1], most[1], rtol=2e-5)


def test_images_that_cannot_move_stay_and_have_finite_gradients(rng):
  images = jnp.stack([
    jnp.full((4, 4, 1), 0.3),
    jnp.zeros((4, 4, 1)),
    jnp.ones((4, 4, 1)),
    jnp.asarray(rng.uniform(size=(4, 4, 1)), jnp.float32),
  ])  # fmt: skip
  direction = jnp.stack([
    jnp.zeros((4, 4, 1)),
    -jnp.ones((4, 4, 1)),
    jnp.ones((4, 4, 1)),
    jnp.full((4, 4, 1), 1e-40),  # No normal number: flushed to 0 on CPU.
  ])  # fmt: skip
  np.testing.assert_array_equal(_scale(images, direction, 2.0), images)

  def loss(images, direction, epsilon):
    moved = augmentation.scale_to_norm(images, direction, epsilon)
    return jnp.sum(jnp.sin(moved))

  gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
  for epsilon in (0.0, 2.0):
    for one in gradient(images, direction, epsilon):
      assert np.isfinite(one).all()


def test_the_gradient_is_that_of_finite_differences(rng):
  with jax.enable_x64(True):
    weight = rng.normal(size=(1, 3, 3, 1))

    @jax.jit
    def loss(images, direction, epsilon):
      moved = augmentation.scale_to_norm(images, direction, epsilon)
      return jnp.sum(weight * moved)

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    images = rng.uniform(0.02, 0.98, weight.shape)
    direction = rng.normal(size=weight.shape)
    for epsilon in (0.5, 1.3, 1.8, 50.0):
      arguments = images, direction, np.float64(epsilon)
      for i, found in enumerate(gradient(*arguments)):
        expected = _finite_differences(loss, arguments, i, step=1e-6)
        # Roundings of 1e-16 over the step, and the step's square.
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def _finite_differences(function, arguments, place, step):
  """The gradient of a function with respect to one of its arguments."""
  arguments = list(arguments)
  point = arguments[place]
  gradient = np.zeros(point.shape)
  for index in np.ndindex(point.shape):
    both = []
    for sign in (1, -1):
      change = np.zeros(point.shape)
      change[index] = sign * step
      arguments[place] = point + change
      both.append(function(*arguments))
    gradient[index] = (both[0] - both[1]) / (2 * step)
  return gradient


def test_the_gradient_moves_along_the_sphere(rng):
  images = jnp.asarray(_photograph_like(rng, (1, 8, 8, 3)))
  direction = jnp.asarray(rng.normal(size=images.shape), jnp.float32)
  change = jnp.asarray(rng.normal(size=images.shape), jnp.float32)
  moved, slope = jax.jvp(
    lambda direction: _scale(images, direction, 3.0), (direction,), (change,)
  )
  assert jnp.linalg.norm(slope.ravel()) > 0.1
  radial = jnp.sum((moved - images) * slope)
  # A sum of 192 terms of order 0.1 that cancel.
  assert abs(radial) < 192 * 0.1 * 2**-22


def test_epsilon_keeps_the_root_mean_square():
  assert augmentation.epsilon_for((224, 224, 3)) == 135.0
  per_value = 135.0**2 / (3 * 224**2)
  for shape in [(32, 32, 3), (28, 28, 1)]:
    found = augmentation.epsilon_for(shape) ** 2 / np.prod(shape)
    assert found == pytest.approx(per_value, rel=1e-12)
  assert augmentation.epsilon_for((224, 56, 3), 10.0) == 5.0


@pytest.mark.parametrize(('kernel_size', 'channels'), [(1, 3), (3, 1)])
def test_the_generator_equals_a_literal_one(rng, kernel_size, channels):
  generator = augmentation.NoiseGenerator(kernel_size=kernel_size)
  noise = rng.normal(size=(2, 5, 4, channels)).astype(np.float32)
  params = jax.jit(generator.init)(KEY, jnp.asarray(noise))['params']
  assert [params[name]['kernel'].shape for name in _LAYERS] == [
    (channels, 20),
    (20, 20) if kernel_size == 1 else (3, 3, 20, 20),
    (20, 20),
    (20, channels),
  ]
  assert all((params[name]['bias'] == 0).all() for name in _LAYERS)
  weights = np.concatenate([params[name]['kernel'].ravel() for name in _LAYERS])
  # Four standard errors of the deviation of normal draws.
  error = 4 * 0.01 / np.sqrt(2 * weights.size)
  assert abs(weights.std() - 0.01) < error
  # Larger than they start, so that every layer matters.
  params = jax.tree.map(
    lambda one: rng.normal(scale=0.3, size=one.shape).astype(np.float32), params
  )
  found = jax.jit(generator.apply)({'params': params}, jnp.asarray(noise))
  expected = _literal(params, noise.astype(np.float64), kernel_size // 2)
  # Sums of 180 terms of order 1 at most, four layers deep.
  np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


_LAYERS = ('first', 'second', 'third', 'fourth')


def _literal(params, noise, reach):
  """The generator pixel by pixel; the second layer sees `reach` around it."""
  hidden = noise
  for i, name in enumerate(_LAYERS):
    kernel, bias = params[name]['kernel'], params[name]['bias']
    around = reach if name == 'second' else 0
    kernel = kernel.reshape(2 * around + 1, 2 * around + 1, *kernel.shape[-2:])
    margin = ((0, 0), (around, around), (around, around), (0, 0))
    padded = np.pad(hidden, margin)
    out = np.zeros((*hidden.shape[:3], kernel.shape[-1])) + bias
    for row in range(2 * around + 1):
      for column in range(2 * around + 1):
        window = padded[:, row:, column:][:, : out.shape[1], : out.shape[2]]
        out += window @ kernel[row, column].astype(np.float64)
    hidden = np.maximum(out, 0) if i < 3 else out
  return noise + hidden


def test_noise_is_standard_normal_scaled_to_the_norm():
  images = jnp.full((2, 32, 32, 3), 0.5)
  given = []

  def generate(noise):
    given.append(noise)
    return noise

  noisy = augmentation.adversarial_noise(KEY, images, generate, epsilon=0.5)
  noise = np.asarray(given[0])
  # Four standard errors of a mean and a deviation of 6,144 draws.
  assert abs(noise.mean()) < 4 / np.sqrt(noise.size)
  assert abs(noise.std() - 1) < 4 / np.sqrt(2 * noise.size)
  # So little noise is not clipped.
  norms = np.linalg.norm(noise.reshape(2, -1), axis=1).reshape(2, 1, 1, 1)
  np.testing.assert_allclose(noisy, 0.5 + 0.5 * noise / norms, atol=1e-6)


@jax.jit
def _noisy(images, key=KEY):
  return augmentation.adversarial_noise(
    key, images, lambda noise: noise, epsilon=1.0
  )


def test_draws_depend_on_key_and_place_in_the_batch_only():
  images = jnp.full((16, 4, 4, 3), 0.5)
  whole, half = _noisy(images), _noisy(images[:8])
  # To rounding: sums of 48 squares.
  np.testing.assert_allclose(half, whole[:8], atol=1e-6)
  assert np.abs(half - whole[8:]).max() > 0.1
  assert np.abs(_noisy(images, jax.random.key(4)) - whole).max() > 0.1


def test_a_sharded_batch_has_the_same_noise(rng):
  images = jnp.asarray(rng.uniform(0.1, 0.9, (16, 4, 4, 3)), jnp.float32)
  mesh = jax.make_mesh(
    (8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))
  found = _noisy(jax.device_put(images, layout))
  assert found.sharding.is_equivalent_to(layout, 4)
  np.testing.assert_allclose(found, _noisy(images), atol=1e-6)


def test_bad_input_is_named():
  images = jnp.full((2, 4, 4, 3), 0.5)
  with pytest.raises(errors.InputError, match='direction: expected the shape'):
    augmentation.scale_to_norm(images, images[:1], 1.0)
  with pytest.raises(errors.InputError, match='epsilon: .* got -1'):
    augmentation.scale_to_norm(images, images, -1)
  with pytest.raises(errors.InputError, match='images: .* values from'):
    augmentation.scale_to_norm(2 * images + 1, images, 1.0)
  with pytest.raises(errors.InputError, match='images: expected float images'):
    augmentation.adversarial_noise(KEY, images[0], jnp.sin, epsilon=1.0)
  with pytest.raises(errors.InputError, match='epsilon: .* got -2'):
    augmentation.epsilon_for((4, 4, 3), -2)
  with pytest.raises(errors.InputError, match='image_shape: expected .H, W, C'):
    augmentation.epsilon_for((4, 4))
  with pytest.raises(errors.InputError, match='kernel_size: expected 1 or 3'):
    augmentation.NoiseGenerator(kernel_size=5)
  with pytest.raises(errors.InputError, match='kernel_size: .* got True'):
    augmentation.NoiseGenerator(kernel_size=True)
  with pytest.raises(errors.InputError, match='width: expected an integer'):
    augmentation.NoiseGenerator(width=0)
