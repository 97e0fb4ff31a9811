import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.transform

from robustjax import errors
from robustjax.corruptions import geometry

KEY = jax.random.key(0)
SIGNS = (-1.0, 1.0)
# What each of the published sets may have drawn.
CANDIDATES = {
  'shear': [(geometry._shear, 0.4 * sign) for sign in SIGNS],
  'rotate': [(geometry._rotate, 0.4 * sign) for sign in SIGNS],
  'translate': [
    (geometry._translate, 3 * one, 3 * other)
    for one in SIGNS
    for other in SIGNS
  ],
}


@pytest.mark.parametrize('name', CANDIDATES)
def test_published_images_are_met_with_one_of_the_signs(name, mnist_c):
  clean, published = mnist_c(name)
  found = np.stack(
    [
      jax.jit(jax.vmap(lambda x, f=function, a=a: f(x, *a)))(clean)
      for function, *a in CANDIDATES[name]
    ]
  )
  off = np.abs(255 * found.astype(np.float64) - published).max(axis=(2, 3, 4))
  chosen = off.argmin(axis=0)
  # Rounding to integers, and float32 coordinates: 28 times 2^-24, times 255.
  assert off.min(axis=0).max() < 0.5 + 255 * 28 * 2**-22
  assert len(set(chosen)) == len(CANDIDATES[name])


def test_published_scaled_images_are_met(mnist_c):
  clean, published = mnist_c('scale')
  scale = jax.jit(functools.partial(geometry.scale, factor=0.7))
  found = scale(KEY, jnp.asarray(clean))
  off = np.abs(255 * np.asarray(found, np.float64) - published)
  assert off.max() < 0.5 + 255 * 28 * 2**-22


@pytest.mark.parametrize(
  ('name', 'arguments', 'transform'),
  [
    ('rotate', {'angle': 0.3}, lambda sign: {'rotation': 0.3 * sign}),
    ('scale', {'factor': 0.8}, lambda sign: {'scale': 1 / 0.8}),
  ],
)
def test_equals_scikit_image_on_other_sizes(rng, name, arguments, transform):
  images = rng.uniform(size=(4, 12, 17, 3)).astype(np.float32)
  corrupt = jax.jit(getattr(geometry, name), static_argnames=arguments)
  found = corrupt(KEY, jnp.asarray(images), **arguments)
  centre = np.array([8.0, 5.5])
  for image, one in zip(images, found, strict=True):
    expected = [
      skimage.transform.warp(
        image,
        skimage.transform.AffineTransform(translation=-centre)
        + skimage.transform.AffineTransform(**transform(sign))
        + skimage.transform.AffineTransform(translation=centre),
      )
      for sign in SIGNS
    ]
    off = min(np.abs(one - other).max() for other in expected)
    assert off < 17 * 2**-22


def test_both_signs_are_drawn_alike():
  ramp = jnp.broadcast_to(jnp.linspace(0, 1, 9)[:, None], (400, 9, 9))[
    ..., None
  ]
  for name, strength in (
    ('rotate', {'angle': 0.4}),
    ('shear', {'angle': 0.4}),
    ('translate', {'distance': 2}),
  ):
    corrupt = jax.jit(functools.partial(getattr(geometry, name), **strength))
    found = np.asarray(corrupt(KEY, ramp))
    kinds, counts = np.unique(found, axis=0, return_counts=True)
    expected = 400 / len(kinds)
    assert len(kinds) == (4 if name == 'translate' else 2)
    assert np.abs(counts - expected).max() < 4 * np.sqrt(expected)


def test_bad_input_is_named():
  images = jnp.zeros((1, 9, 9, 1))
  for name, argument in (
    ('shear', 'angle'),
    ('rotate', 'angle'),
    ('translate', 'distance'),
    ('scale', 'factor'),
  ):
    with pytest.raises(errors.InputError, match=f'{argument}: '):
      getattr(geometry, name)(KEY, images, **{argument: -1.0})
