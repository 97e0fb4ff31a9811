"""What is done to the images of a training batch, one thing after another."""

import fractions
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import augmentation
from robustjax import random_keys
from robustjax.corruptions import pixel_noise
from robustjax.training import strengths as strengths_lib

NUM_VIEWS = 3  # AugMix: the image, and two mixtures
_LARGEST_GROUP = 10


class AugMix(NamedTuple):
  """AugMix and its loss; hashable.

  Attributes:
    severity: of the operations.
    width: number of chains.
    depth: operations of a chain; 0 draws 1 to 3.
    alpha: of the Dirichlet and the Beta distribution.
    jsd_weight: of the Jensen-Shannon divergence in the loss.
  """

  severity: float = 3.0
  width: int = 3
  depth: int = 0
  alpha: float = 1.0
  jsd_weight: float = 12.0


class DeepAugment(NamedTuple):
  """Images sent through a network that is disturbed; hashable.

  Attributes:
    kind: 'noise2net' or 'autoencoder'.
    share: of the images of a batch.
    autoencoder: path of the weights of the latter.
    steps_per_epoch: number of steps in an epoch.
  """

  kind: str
  share: float
  autoencoder: str
  steps_per_epoch: int


class Augmentation(NamedTuple):
  """What training images go through, in this order; hashable.

  Attributes:
    crop_padding: pixels of zeros around an image before it is cropped at random
      to its size; 0 leaves images as they are.
    is_flipped: whether every second image, at random, is mirrored.
    is_blurred: whether images are blurred.
    is_noisy: whether images have Gaussian noise.
    deep_augment: None leaves it out.
    augmix: None leaves it out.
  """

  crop_padding: int = 0
  is_flipped: bool = False
  is_blurred: bool = False
  is_noisy: bool = False
  deep_augment: DeepAugment | None = None
  augmix: AugMix | None = None


def augment(
  key: array_types.Key,
  images: array_types.Array,
  options: Augmentation,
  strengths: strengths_lib.Strengths,
) -> array_types.Array:
  """Random changes up to blur and noise.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    options: which.
    strengths: how strong blur and noise are.

  Returns:
    The same shape.
  """
  crop_key, noise_key, flip_key = jax.random.split(key, 3)
  if options.crop_padding:
    padding = options.crop_padding
    images = augmentation.pad_and_crop(crop_key, images, padding=padding)
  if options.is_flipped:
    images = augmentation.random_flip(flip_key, images)
  if options.is_blurred:
    images = augmentation.blur_resolution(images, sigma=strengths.blur_sigma)
  if options.is_noisy:
    amount = strengths.input_stddev
    images = pixel_noise.gaussian_noise(noise_key, images, amount=amount)
  return images


def distort(
  root: array_types.Key,
  step: array_types.Array,
  images: array_types.Array,
  options: DeepAugment | None,
) -> array_types.Array:
  """A share of the images sent through a disturbed network.

  Args:
    root: `random_keys.root_key(seed)`.
    step: int32 [].
    images: float [B, H, W, C] in [0, 1].
    options: None leaves them as they are.

  Returns:
    The same shape.
  """
  if options is None:
    return images
  key = random_keys.stream_key(root, step, 'distortion')
  group, chosen = _group(len(images), options.share)
  groups = images.reshape(-1, group, *images.shape[1:])
  found = groups[:, :chosen].reshape(-1, *images.shape[1:])
  if options.kind == 'noise2net':
    epoch = step // options.steps_per_epoch
    epoch_key = random_keys.stream_key(root, epoch, 'distortion_of_epoch')
    found = augmentation.noise2net(key, found, epoch_key=epoch_key)
  else:
    network = _autoencoder(options.autoencoder)
    found = augmentation.deep_augment(key, found, network)
  found = found.reshape(-1, chosen, *images.shape[1:])
  return jnp.concatenate([found, groups[:, chosen:]], 1).reshape(images.shape)


def _group(count: int, share: float) -> tuple[int, int]:
  """Size of a group of neighbours, and how many of each are distorted.

  Small groups, so that each device has its part of both kinds.
  """
  size = fractions.Fraction(share).limit_denominator(_LARGEST_GROUP).denominator
  size = size if count % size == 0 else count
  return size, round(share * size)


@functools.cache
def _autoencoder(path: str):
  return augmentation.load_autoencoder(path)


def views(
  key: array_types.Key, images: array_types.Array, options: AugMix | None
) -> array_types.Array:
  """Each image, and two mixtures of it beside.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    options: None gives the images alone.

  Returns:
    [3 B, H, W, C], the three views of an image one after another, so that they
    are on one device; without options [B, H, W, C].
  """
  if options is None:
    return images
  mix = functools.partial(
    augmentation.augmix,
    images=images,
    severity=options.severity,
    width=options.width,
    depth=options.depth or None,
    alpha=options.alpha,
  )
  # Mapped, so that it is compiled once for both.
  mixed = jax.vmap(mix)(jax.random.split(key, NUM_VIEWS - 1))
  every = jnp.concatenate([images[None], mixed])
  return jnp.moveaxis(every, 0, 1).reshape(-1, *images.shape[1:])
