import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from robustjax import augmentation
from robustjax import errors
from robustjax import random_keys
from robustjax.augmentation import operations

# The room's name of it is the function's.
_augmix = sys.modules['robustjax.augmentation.augmix']
KEY = jax.random.key(5)
NUMBER = len(operations.OPERATIONS)


def _images(rng, shape=(16, 8, 9, 3)):
  return jnp.asarray(rng.uniform(size=shape), jnp.float32)


_mix = jax.jit(
  lambda key, images, severity: augmentation.augmix(
    key, images, severity=severity
  )
)


def _view(images, key=KEY, severity=3.0):
  return np.asarray(_mix(key, images, severity))


@functools.cache
def _plans(**options):
  """What 4000 images draw, as NumPy arrays."""
  options = {'severity': 3.0, 'width': 3, 'depth': None, 'alpha': 1.0} | options
  keys = random_keys.example_keys(KEY, jnp.arange(4000))
  draw = functools.partial(_augmix._draw_plan, **options)
  return jax.tree.map(np.asarray, jax.jit(jax.vmap(draw))(keys))


@pytest.mark.slow
def test_a_view_is_the_mixture_of_the_image_and_its_chains(rng):
  images = _images(rng)
  found, plans = _view(images), _plans()
  levels = np.rint(255 * np.asarray(images)).astype(np.uint8)
  run = jax.jit(operations.apply_chain)
  expected = np.zeros(images.shape)
  for i, image in enumerate(np.asarray(images, np.float64)):
    share, chains = plans.share[i], 0.0
    for j in range(3):
      end = run(levels[i], plans.operations[i, j], plans.amounts[i, j])
      chains += plans.weights[i, j] * np.asarray(end, np.float64) / 255
    expected[i] = (1 - share) * image + share * chains
  # Some roundings to 2^-24 of values up to 1.
  np.testing.assert_allclose(found, expected, atol=8 * 2**-24)
  assert np.abs(found - images).mean() > 0.01


def test_depths_operations_and_amounts_are_uniform():
  plans = _plans()
  is_active = plans.operations < NUMBER
  depths = is_active.sum(axis=-1)
  # A chain ends once: what is active comes first.
  np.testing.assert_array_equal(is_active[..., :-1] >= is_active[..., 1:], True)
  _assert_uniform(depths.ravel() - 1, 3)
  _assert_uniform(plans.operations[is_active], NUMBER)
  _assert_uniform((plans.amounts > 0).astype(int).ravel(), 2)
  sizes = np.abs(plans.amounts).ravel()
  assert sizes.min() >= 0.1
  assert sizes.max() < 3
  _assert_distributed(sizes, scipy.stats.uniform(0.1, 2.9))


def _assert_uniform(values, number):
  """Counts of 0..number - 1, each to four standard errors."""
  counts = np.bincount(values, minlength=number)
  assert len(counts) == number
  error = 4 * np.sqrt(len(values) / number * (1 - 1 / number))
  assert np.abs(counts - len(values) / number).max() < error


def _assert_distributed(values, distribution):
  """Kolmogorov and Smirnov: a chance of 6e-5 to fail, as 4 standard errors."""
  distance = scipy.stats.kstest(values, distribution.cdf).statistic
  assert distance < np.sqrt(np.log(2 / 6e-5) / 2 / len(values))


@pytest.mark.parametrize(
  ('alpha', 'width'),
  [
    (1.0, 3),
    pytest.param(2.0, 3, marks=pytest.mark.slow),
    pytest.param(0.3, 3, marks=pytest.mark.slow),
    pytest.param(1.0, 1, marks=pytest.mark.slow),
    pytest.param(2.0, 1, marks=pytest.mark.slow),
  ],
)
def test_weights_are_dirichlet_and_shares_beta(alpha, width):
  keys = jax.random.split(KEY, 4000)
  draw = functools.partial(_augmix._draw_mixing, width=width, alpha=alpha)
  weights, shares = map(np.asarray, jax.jit(jax.vmap(draw))(keys))
  assert weights.shape == (4000, width)
  assert weights.min() >= 0
  # A division and a sum of three to 2^-24 each.
  np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=2**-21)
  _assert_distributed(shares, scipy.stats.beta(alpha, alpha))
  if width > 1:
    marginal = scipy.stats.beta(alpha, (width - 1) * alpha)
    for column in weights.T:
      _assert_distributed(column, marginal)


def test_draws_do_not_hang_together():
  plans = _plans()
  columns = [
    (plans.operations < NUMBER).sum(axis=-1),
    plans.operations[..., 0],
    np.abs(plans.amounts),
    plans.amounts > 0,
    plans.weights[:, :2],  # The third is what these leave.
    plans.share,
  ]
  columns = np.concatenate([part.reshape(4000, -1) for part in columns], axis=1)
  found = np.corrcoef(columns.T)
  # Weights of Dirichlet(1, 1, 1) are correlated by -1/2.
  expected = np.eye(len(found))
  expected[-3, -2] = expected[-2, -3] = -0.5
  # Five standard errors, for there are 351 pairs.
  assert np.abs(found - expected).max() < 5 / np.sqrt(4000)


@pytest.mark.slow  # A program of its own.
def test_options_are_followed():
  plans = _plans(width=2, depth=5, severity=0.1)
  assert plans.operations.shape == (4000, 2, 5)
  assert plans.operations.max() < NUMBER
  np.testing.assert_allclose(np.abs(plans.amounts), 0.1, rtol=1e-6)


def test_draws_depend_on_key_and_place_in_the_batch_only(rng):
  images = _images(rng)
  whole = _view(images)
  assert (_view(jnp.roll(images, -1, 0))[:-1] != whole[1:]).any()
  other = _view(images, key=jax.random.key(6))
  assert (other != whole).any(axis=(1, 2, 3)).mean() > 0.8


@pytest.mark.slow
def test_a_smaller_batch_on_more_devices_is_mixed_the_same(rng):
  images = _images(rng)
  mesh = jax.make_mesh(
    (8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))
  placed = jax.device_put(images[:8], layout)
  mix = _mix.lower(KEY, placed, 3.0).compile()
  found = mix(KEY, placed, 3.0)
  assert found.sharding.is_equivalent_to(layout, 4)
  np.testing.assert_array_equal(found, _view(images)[:8])
  for collective in ('all-gather', 'all-reduce', 'all-to-all', 'permute'):
    assert collective not in mix.as_text()


@pytest.mark.slow  # Three more programs.
def test_options_static_and_traced_and_dtypes(rng):
  images = _images(rng)
  traced = _view(images)
  static = jax.jit(functools.partial(augmentation.augmix, severity=3.0))
  # Amounts may differ by a rounding, and so may one level here and there.
  np.testing.assert_allclose(static(KEY, images), traced, atol=1 / 255)
  narrow = static(KEY, images.astype(jnp.bfloat16))
  assert narrow.dtype == jnp.bfloat16
  with jax.enable_x64(True):
    double = static(KEY, images.astype(jnp.float64))
  assert double.dtype == np.float64
  np.testing.assert_allclose(double, traced, atol=1 / 255)


def test_views_stay_within_bounds():
  white = _view(jnp.ones((16, 8, 9, 3)))
  assert white.max() <= 1
  assert white.min() >= 0


@pytest.mark.parametrize(
  ('field', 'options'),
  [
    ('severity', {'severity': 0.05}),
    ('severity', {'severity': 10.5}),
    ('width', {'width': 0}),
    ('width', {'width': 1.5}),
    ('depth', {'depth': 0}),
    ('depth', {'depth': -1}),
    ('alpha', {'alpha': 0.0}),
  ],
)
def test_bad_options_are_named(field, options):
  with pytest.raises(errors.InputError, match=f'{field}: expected'):
    augmentation.augmix(
      KEY, jnp.ones((1, 4, 4, 3)), **{'severity': 1} | options
    )


def test_bad_images_are_named():
  images = jnp.ones((2, 4, 4, 3))
  for bad in (images[0], images.astype(jnp.uint8), 2 * images):
    with pytest.raises(errors.InputError, match='images: expected'):
      augmentation.augmix(KEY, bad, severity=1)


_divergence = jax.jit(jax.value_and_grad(augmentation.jensen_shannon))


def _jensen_shannon_by_loops(logits):
  total = 0.0
  for views in np.asarray(logits, np.float64):
    powers = [np.exp(view - view.max()) for view in views]
    shares = [power / power.sum() for power in powers]
    mixture = np.clip(sum(shares) / len(shares), 1e-7, 1)
    for share in shares:
      for p, q in zip(share, mixture, strict=True):
        if p > 0:
          total += p * np.log(p / q) / len(shares)
  return total / len(logits)


@pytest.mark.parametrize('scale', [1.0, 10.0, 1000.0])
def test_jensen_shannon_equals_loops(rng, scale):
  logits = scale * rng.normal(size=(5, 3, 7)).astype(np.float32)
  found = _divergence(jnp.asarray(logits))[0]
  # Logarithms that cancel, of up to 2^-23 of the largest each.
  np.testing.assert_allclose(
    found, _jensen_shannon_by_loops(logits), rtol=1e-5, atol=2e-6
  )


def test_jensen_shannon_of_extremes():
  same = jnp.asarray(np.float32([[[3, -1, 2]] * 3]))
  np.testing.assert_allclose(_divergence(same)[0], 0, atol=1e-6)
  divergence, gradient = _divergence(np.float32([1e4 * np.eye(3)]))
  np.testing.assert_allclose(divergence, np.log(3), rtol=1e-6)
  assert np.isfinite(gradient).all()


def test_what_the_mixture_lacks_is_clamped():
  # At p = 1e-9 in each view, the clamp takes the place of the mixture.
  logits = jnp.asarray(np.float32([[[0, np.log(1e-9)]] * 3]))
  expected = 1e-9 * np.log(1e-9 / 1e-7)
  found, _ = _divergence(logits)
  np.testing.assert_allclose(found, expected, rtol=0.01, atol=1e-12)
  assert found < 0


def test_jensen_shannon_is_taken_in_float32(rng):
  logits = jnp.asarray(rng.normal(size=(5, 3, 7)), jnp.bfloat16)
  found, _ = _divergence(logits)
  assert found.dtype == np.float32
  exact, _ = _divergence(logits.astype(jnp.float32))
  np.testing.assert_array_equal(found, exact)
  with jax.enable_x64(True):
    logits = jnp.asarray(rng.normal(size=(2, 3, 4)))
    assert _divergence(logits)[0].dtype == np.float64


def test_its_gradient_pulls_views_together(rng):
  logits = jnp.asarray(rng.normal(size=(5, 3, 7)), jnp.float32)
  value, gradient = _divergence(logits)
  assert _divergence(logits - gradient)[0] < value


def test_other_axes_are_named():
  with pytest.raises(errors.InputError, match='logits: expected .B, V, C'):
    augmentation.jensen_shannon(jnp.ones((4, 10)))


def test_a_class_of_no_probability_adds_nothing(rng):
  """As if it were not among the classes, and its gradient is 0."""
  logits = jnp.asarray(rng.normal(size=(3, 2, 4)), jnp.float32)
  masked = jnp.concatenate([logits, jnp.full((3, 2, 1), -jnp.inf)], axis=-1)
  divergence = jax.value_and_grad(augmentation.jensen_shannon)
  found, gradient = divergence(masked)
  expected, of_rest = divergence(logits)
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  np.testing.assert_allclose(gradient[..., :-1], of_rest, atol=1e-7)
  np.testing.assert_array_equal(gradient[..., -1], 0)


def test_one_view_of_no_probability_counts_in_the_other():
  """Of (1, 0) and (1/2, 1/2): half of log 4/3 + 1/2 log 2/3 + 1/2 log 2."""
  logits = jnp.array([[[0.0, -jnp.inf], [0.0, 0.0]]])
  found = augmentation.jensen_shannon(logits)
  expected = (np.log(4 / 3) + 0.5 * np.log(2 / 3) + 0.5 * np.log(2)) / 2
  np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
  'logits', [None, [[[0.0]]], np.zeros((2, 3, 4), np.int32), np.zeros((2, 3))]
)
def test_what_are_no_logits_is_named(logits):
  with pytest.raises(errors.InputError, match='logits: '):
    augmentation.jensen_shannon(logits)
