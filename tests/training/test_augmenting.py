import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import random_keys
from robustjax.training import augmenting
from robustjax.training import strengths

NOISE2NET = augmenting.DeepAugment('noise2net', 0.5, '', 3)


@pytest.fixture
def images(rng):
  return jnp.asarray(rng.uniform(0.2, 0.8, (12, 8, 8, 3)), jnp.float32)


def _augment(images, **options):
  augment = functools.partial(
    augmenting.augment,
    options=augmenting.Augmentation(**options),
    strengths=strengths.Strengths(),
  )
  return jax.jit(augment)(jax.random.key(0), images)


def test_nothing_is_done_by_default(images):
  root, step = random_keys.root_key(0), jnp.int32(0)
  np.testing.assert_array_equal(_augment(images), images)
  assert augmenting.distort(root, step, images, None) is images
  assert augmenting.views(jax.random.key(0), images, None) is images


def test_images_are_mirrored_or_left(images):
  found = _augment(images, is_flipped=True)
  is_mirrored = np.all(found == images[:, :, ::-1], axis=(1, 2, 3))
  is_left = np.all(found == images, axis=(1, 2, 3))
  assert np.all(is_mirrored ^ is_left)
  assert 0 < is_mirrored.sum() < 12


@pytest.fixture
def negative(monkeypatch):
  """Distorts an image by taking its negative."""
  keys = []

  def noise2net(key, images, *, epoch_key):
    keys.append((key, epoch_key))
    return 1 - images

  monkeypatch.setattr(augmentation, 'noise2net', noise2net)
  return keys


@pytest.mark.parametrize(
  ('share', 'expected'),
  [
    (0.5, [0, 2, 4, 6, 8, 10]),
    (2 / 3, [0, 1, 3, 4, 6, 7, 9, 10]),
    (0.3, [0, 1, 2, 3]),  # No groups of ten in twelve: the first ones.
    (1.0, list(range(12))),
  ],
)
def test_a_share_of_every_group_of_images_is_distorted(
  images, negative, share, expected
):
  found = augmenting.distort(
    random_keys.root_key(0),
    jnp.int32(0),
    images,
    NOISE2NET._replace(share=share),
  )
  is_negative = np.all(found == 1 - images, axis=(1, 2, 3))
  assert np.flatnonzero(is_negative).tolist() == expected
  np.testing.assert_array_equal(found[~is_negative], images[~is_negative])


@pytest.mark.slow
def test_images_go_through_the_autoencoder_of_a_file(images, tmp_path):
  network = augmentation.Autoencoder(width=4, code_size=2, num_blocks=1)
  path = tmp_path / 'autoencoder.npz'
  init = jax.jit(network.init)
  augmentation.save_autoencoder(path, init(jax.random.key(1), images))
  distort = functools.partial(
    augmenting.distort,
    options=augmenting.DeepAugment('autoencoder', 0.5, str(path), 3),
  )
  found = jax.jit(distort)(random_keys.root_key(0), jnp.int32(0), images)
  assert found.shape == images.shape
  np.testing.assert_array_equal(found[1::2], images[1::2])
  assert np.all(np.any(found[::2] != images[::2], axis=(1, 2, 3)))


def test_networks_differ_by_step_and_their_form_by_epoch(images, negative):
  root = random_keys.root_key(0)
  for step in (0, 2, 3):
    augmenting.distort(root, jnp.int32(step), images, NOISE2NET)
  data = [
    [jax.random.key_data(key).tolist() for key in one] for one in negative
  ]
  of_step, of_epoch = zip(*data, strict=True)
  assert len(set(map(tuple, of_step))) == 3
  assert of_epoch[0] == of_epoch[1] != of_epoch[2]


@pytest.mark.slow
def test_views_of_an_image_are_neighbours(images):
  options = augmenting.AugMix(severity=3.0, width=1, depth=1)
  views = jax.jit(functools.partial(augmenting.views, options=options))
  found = views(jax.random.key(0), images)
  assert found.shape == (36, 8, 8, 3)
  views = np.asarray(found).reshape(12, 3, 8, 8, 3)
  np.testing.assert_array_equal(views[:, 0], images)
  assert not np.array_equal(views[:, 1], views[:, 2])
  # Mixtures resemble their own image more than the next one.
  for place in (1, 2):
    own = np.abs(views[:, place] - images).mean()
    other = np.abs(views[:, place] - np.roll(images, 1, axis=0)).mean()
    assert own < other
