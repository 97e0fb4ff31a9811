import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.filters

from robustjax import errors
from robustjax.corruptions import glass

SEVERITIES = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
_exchange = jax.jit(glass._exchange, static_argnames='variant')
_blur_through = jax.jit(glass._blur_through, static_argnames='variant')
_partners = jax.jit(glass._draw_partners, static_argnames=('shape', 'variant'))


def _visits(shape, max_delta):
  """Pixels in the generators' order."""
  return [
    (row, column)
    for row in range(shape[0] - max_delta, max_delta, -1)
    for column in range(shape[1] - max_delta, max_delta, -1)
  ]


def _draw(rng, shape, max_delta, variant):
  """Partner [H, W, 2] of each pixel, as (row, column)."""
  partner = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1)
  for row, column in _visits(shape, max_delta):
    if variant == 'imagenet_c' or rng.random() < 0.5:
      partner[row, column] += rng.integers(-max_delta, max_delta, 2)
  return partner


def _exchange_one_by_one(image, partner, max_delta, variant):
  """The generators' loop; `image` [H, W, C], or [H, W] as in MNIST-C's."""
  for here in _visits(image.shape, max_delta):
    there = tuple(partner[here])
    if variant == 'mnist_c':
      image[here], image[there] = image[there].copy(), image[here].copy()
    else:
      image[here], image[there] = image[there], image[here]


@pytest.mark.parametrize('variant', glass.VARIANTS)
@pytest.mark.parametrize('severity', range(5))
def test_equals_the_generator_given_its_draws(rng, variant, severity):
  sigma, max_delta, iterations = SEVERITIES[severity]
  shape = (16, 19)
  image = rng.integers(0, 256, (*shape, 3)) / 255
  blurred = {
    'imagenet_c': functools.partial(skimage.filters.gaussian, channel_axis=-1),
    # Rows are blurred one by one: the second axis is taken for channels.
    'mnist_c': lambda x, sigma: np.stack(
      [
        skimage.filters.gaussian(x[..., c], sigma, channel_axis=-1)
        for c in range(3)
      ],
      axis=-1,
    ),
  }[variant]

  expected = np.uint8(blurred(image, sigma=sigma) * 255)
  source = jnp.arange(shape[0] * shape[1]).reshape(shape)
  for _ in range(iterations):
    partner = _draw(rng, shape, max_delta, variant)
    _exchange_one_by_one(expected, partner, max_delta, variant)
    indices = jnp.asarray(partner[..., 0] * shape[1] + partner[..., 1])
    source = _exchange(
      source, indices.astype(jnp.int32), max_delta, variant=variant
    )
  expected = blurred(expected / 255, sigma=sigma)

  found = _blur_through(
    jnp.asarray(image, jnp.float32), source, sigma, variant=variant
  )
  # A value that float64 puts just below a grey level may come out on it: one
  # level of one source pixel. Sums of positive terms below 1 otherwise.
  difference = np.abs(found - expected)
  assert difference.max() < 1.001 / 255
  assert np.mean(difference > 1e-6) < 0.05


@pytest.mark.parametrize('variant', glass.VARIANTS)
@pytest.mark.parametrize('max_delta', [1, 4])
def test_partners_are_uniform_among_the_near(variant, max_delta):
  shape = (60, 70)
  found = _partners(jax.random.key(0), shape, max_delta, variant)
  row, column = np.divmod(np.asarray(found), shape[1])
  rows, columns = np.mgrid[: shape[0], : shape[1]]
  offsets = np.stack([row - rows, column - columns], axis=-1)
  visited = tuple(np.transpose(_visits(shape, max_delta)))
  is_still = np.ones(shape, bool)
  is_still[visited] = False
  assert not offsets[is_still].any()

  offsets = offsets[visited] + max_delta
  choices = 4 * max_delta**2
  counts = np.bincount(
    offsets[:, 0] * 2 * max_delta + offsets[:, 1], minlength=choices
  )
  assert len(counts) == choices
  share = np.full(choices, 1 / choices)
  if variant == 'mnist_c':
    share /= 2
    share[max_delta * 2 * max_delta + max_delta] += 0.5
  # 4.5 standard errors of a binomial, for 64 counts.
  spread = np.sqrt(share * (1 - share) * len(offsets))
  assert np.all(np.abs(counts - share * len(offsets)) < 4.5 * spread)


def test_flat_regions_stay_flat():
  levels = jnp.arange(256, dtype=jnp.float32) / 255
  images = jnp.tile(levels[:, None, None, None], (1, 10, 10, 1))
  blur = jax.jit(glass.glass_blur)
  for sigma, max_delta, iterations in SEVERITIES:
    found = blur(
      jax.random.key(0),
      images,
      sigma=sigma,
      max_delta=max_delta,
      iterations=iterations,
    )
    np.testing.assert_allclose(found, images, atol=1e-6)


def test_published_mnist_c_blurs_along_columns(mnist_c):
  # The exchanges do not reach the first column; two images have ink there.
  clean, published = mnist_c('glass_blur', 10_000)
  is_inked = clean[:, :, 0].any((1, 2))
  assert is_inked.sum() == 2
  source = jnp.arange(28 * 28).reshape(28, 28)
  for image, expected in zip(clean[is_inked], published[is_inked], strict=True):
    found = _blur_through(jnp.asarray(image), source, 0.7, variant='mnist_c')
    np.testing.assert_array_equal(np.round(255 * found)[:, 0], expected[:, 0])


def test_resembles_published_mnist_c(mnist_c):
  clean, published = mnist_c('glass_blur', 2000)
  found = jax.jit(functools.partial(glass.glass_blur, variant='mnist_c'))(
    jax.random.key(0), jnp.asarray(clean), sigma=0.7, max_delta=1, iterations=2
  )
  found = np.round(255 * found)
  # The same images with other draws: differences of the images' means have a
  # mean of zero, within 4 standard errors.
  difference = found.mean((1, 2, 3)) - published.mean((1, 2, 3))
  assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(clean))
  # Differences of neighbours, down and across, tell blur and shuffle apart.
  for axis in (1, 2):
    energy = [
      np.square(np.diff(images.astype(float), axis=axis)).mean((1, 2, 3))
      for images in (found, published)
    ]
    difference = energy[0] - energy[1]
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(clean))


def test_every_iteration_draws_anew():
  key, shape, max_delta, variant = jax.random.key(0), (12, 13), 2, 'mnist_c'
  shuffle = jax.jit(glass._shuffle, static_argnames=('shape', 'variant'))
  none, one, two = (
    shuffle(key, shape, max_delta, count, variant) for count in range(3)
  )
  np.testing.assert_array_equal(none, jnp.arange(12 * 13).reshape(shape))
  partner = _partners(jax.random.fold_in(key, 0), shape, max_delta, variant)
  again = _exchange(none, partner, max_delta, variant=variant)
  np.testing.assert_array_equal(one, again)
  again = _exchange(one, partner, max_delta, variant=variant)
  assert not np.array_equal(two, again)


def test_bad_input_is_named():
  parameters = {'sigma': 1.0, 'max_delta': 2, 'iterations': 1}
  for name, value in (
    ('sigma', 2.0),
    ('max_delta', 5),
    ('max_delta', 1.5),
    ('iterations', 4),
    ('variant', 'imagenet'),
  ):
    with pytest.raises(errors.InputError, match=f'{name}: '):
      glass.glass_blur(
        jax.random.key(0),
        jnp.zeros((1, 12, 12, 3)),
        **parameters | {name: value},
      )
  with pytest.raises(errors.InputError, match='images: '):
    glass.glass_blur(jax.random.key(0), jnp.zeros((1, 9, 12, 3)), **parameters)
