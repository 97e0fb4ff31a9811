import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from robustjax import corruptions
from robustjax import errors
from robustjax.corruptions import pixel_noise

KEY = jax.random.key(5)


def _grey(value, shape=(20, 28, 28, 3)):
  return jnp.full(shape, value, jnp.float32)


def test_gaussian_noise_is_normal_of_the_given_deviation():
  images = _grey(0.5)
  noise = np.asarray(pixel_noise.gaussian_noise(KEY, images, amount=0.1)) - 0.5
  assert scipy.stats.kstest(noise.ravel() / 0.1, 'norm').pvalue > 1e-4


def test_gaussian_noise_is_clipped():
  noisy = pixel_noise.gaussian_noise(KEY, _grey(0.9), amount=0.5)
  assert noisy.min() >= 0
  assert noisy.max() == 1
  # Standard normal: a value passes 1 from 0.9 with probability 1 - Phi(0.2).
  share = scipy.stats.norm.sf(0.2)
  error = 4 * np.sqrt(share * (1 - share) / noisy.size)
  assert abs(np.mean(np.asarray(noisy) == 1) - share) < error


def test_salt_and_pepper_changes_whole_pixels_half_each():
  images = _grey(0.5)
  noisy = np.asarray(pixel_noise.salt_and_pepper(KEY, images, amount=0.3))
  assert (noisy == noisy[..., :1]).all()
  pixels = noisy[..., 0]
  assert set(np.unique(pixels)) == {0, 0.5, 1}
  error = 4 * np.sqrt(0.15 * 0.85 / pixels.size)
  for value in (0, 1):
    assert abs((pixels == value).mean() - 0.15) < error


def test_uniform_noise_is_rescaled_to_the_unit_range():
  noisy = np.asarray(pixel_noise.uniform_noise(KEY, _grey(0.5), amount=0.4))
  unit = (noisy * 1.4 - 0.5) / 0.4
  assert scipy.stats.kstest(unit.ravel(), 'uniform').pvalue > 1e-4


def _noise_alone(amount, shape):
  """The draws, from images that `fixed` leaves nothing else of."""
  black = pixel_noise.uniform_noise(KEY, jnp.zeros(shape), amount=amount)
  return np.asarray(black, np.float64) * (1 + amount)


@pytest.mark.parametrize('renormalize', ['fixed', 'per_image', 'clip'])
def test_uniform_noise_is_renormalised_as_asked(rng, renormalize):
  images = rng.uniform(0.2, 0.9, size=(5, 6, 7, 3)).astype(np.float32)
  found = pixel_noise.uniform_noise(
    KEY, jnp.asarray(images), amount=0.6, renormalize=renormalize
  )
  noisy = images + _noise_alone(0.6, images.shape)
  for one, expected in zip(found, noisy, strict=True):
    if renormalize == 'fixed':
      expected = expected / 1.6
    elif renormalize == 'clip':
      expected = np.minimum(expected, 1)
      assert (one == 1).any()
    else:
      expected = (expected - expected.min()) / np.ptp(expected)
      assert one.min() == 0
      assert one.max() == 1
    # Float32 roundings of values of order 1, stretched at most twice.
    np.testing.assert_allclose(one, expected, rtol=0, atol=1e-6)


def test_an_image_of_one_value_has_nothing_to_stretch():
  images = _grey(0.3, (2, 4, 4, 1))

  def corrupt(images):
    return pixel_noise.uniform_noise(
      KEY, images, amount=0.0, renormalize='per_image'
    )

  np.testing.assert_array_equal(corrupt(images), images)
  gradient = jax.grad(lambda images: corrupt(images).sum())(images)
  assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
  'name', ['gaussian_noise', 'salt_and_pepper', 'uniform_noise']
)
def test_draws_depend_on_key_and_index_only(rng, name):
  corrupt = corruptions.DEGRADATIONS[name]
  images = jnp.asarray(rng.uniform(size=(6, 5, 4, 1)), jnp.float32)
  together = corrupt(KEY, images, amount=0.3)
  order = jnp.array([4, 0, 3])
  apart = corrupt(KEY, images[order], amount=0.3, index=order)
  np.testing.assert_array_equal(apart, together[order])
  other = corrupt(jax.random.key(6), images, amount=0.3)
  assert not np.array_equal(other, together)


def test_bad_input_is_named():
  images = _grey(0.5)
  with pytest.raises(errors.InputError, match='amount: .* got -1'):
    pixel_noise.gaussian_noise(KEY, images, amount=-1)
  with pytest.raises(errors.InputError, match=r'amount: .*\[0, 1\]'):
    pixel_noise.salt_and_pepper(KEY, images, amount=1.1)
  with pytest.raises(errors.InputError, match='images: '):
    pixel_noise.uniform_noise(KEY, images[0], amount=0.1)
  with pytest.raises(errors.InputError, match="renormalize: .*'per_image'"):
    pixel_noise.uniform_noise(KEY, images, amount=1, renormalize='image')
  with pytest.raises(
    errors.InputError, match=r'index: expected integers \[20\]'
  ):
    pixel_noise.uniform_noise(KEY, images, amount=0.1, index=jnp.arange(3))


@pytest.mark.parametrize('photons', [3, 12, 60, 500])
@pytest.mark.parametrize('is_traced', [False, True])
def test_shot_noise_is_poisson(photons, is_traced):
  value = 0.3
  amount = jnp.float32(photons) if is_traced else photons
  noisy = pixel_noise.shot_noise(KEY, _grey(value), photons=amount)
  counts = np.asarray(noisy) * photons
  np.testing.assert_allclose(counts, np.round(counts), atol=photons * 2**-22)
  counts = np.round(counts).astype(int).ravel()
  number = np.arange(photons)
  expected = scipy.stats.poisson.pmf(number, value * photons)
  expected = np.append(expected, 1 - expected.sum())  # Clipped to white.
  found = np.bincount(counts, minlength=photons + 1)
  is_likely = expected * counts.size > 20
  bound = 4.5 * np.sqrt(expected * (1 - expected) * counts.size)
  assert (np.abs(found - expected * counts.size) < bound)[is_likely].all()


@pytest.mark.parametrize('rate', [0.5, 5.0, 10.0, 10.1, 40.0, 150.0, 500.0])
def test_counts_of_many_photons_invert_the_distribution(rng, rate):
  drawn = np.float32(rng.integers(0, 2**23, 20_000) * 2.0**-23)
  rates = jnp.full(drawn.shape, rate, jnp.float32)
  counts = np.asarray(pixel_noise._many_photons(jnp.asarray(drawn), rates))
  # The expansion's error; a sum of 30 terms in float32 is nearer.
  below, above = (scipy.stats.poisson.cdf(counts - one, rate) for one in (1, 0))
  assert (below - 5e-5 < drawn).all()
  assert (drawn < above + 5e-5).all()


def test_black_stays_black_under_shot_and_speckle_noise():
  images = _grey(0.0)
  for photons in (3, 500):
    assert not pixel_noise.shot_noise(KEY, images, photons=photons).any()
  assert not pixel_noise.speckle_noise(KEY, images, amount=0.6).any()


def test_speckle_noise_grows_with_the_value():
  for value in (0.2, 0.5):
    noisy = pixel_noise.speckle_noise(KEY, _grey(value), amount=0.15)
    noise = (np.asarray(noisy).ravel() / value - 1) / 0.15
    assert scipy.stats.kstest(noise, 'norm').pvalue > 1e-4


def test_impulse_noise_changes_channels_by_themselves():
  noisy = np.asarray(pixel_noise.impulse_noise(KEY, _grey(0.5), amount=0.17))
  assert (noisy != noisy[..., :1]).any()
  error = 4 * np.sqrt(0.085 * 0.915 / noisy.size)
  for value in (0, 1):
    assert abs((noisy == value).mean() - 0.085) < error
