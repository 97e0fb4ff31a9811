"""Changes to training images, batched and on device."""

from robustjax.augmentation.adversarial_noise import adversarial_noise
from robustjax.augmentation.adversarial_noise import epsilon_for
from robustjax.augmentation.adversarial_noise import NoiseGenerator
from robustjax.augmentation.adversarial_noise import scale_to_norm
from robustjax.augmentation.augmix import augmix
from robustjax.augmentation.augmix import jensen_shannon
from robustjax.augmentation.autoencoder import Autoencoder
from robustjax.augmentation.autoencoder import load_autoencoder
from robustjax.augmentation.autoencoder import save_autoencoder
from robustjax.augmentation.cropping import pad_and_crop
from robustjax.augmentation.deep_augment import deep_augment
from robustjax.augmentation.flipping import random_flip
from robustjax.augmentation.noise2net import noise2net
from robustjax.augmentation.resolution import blur_resolution

__all__ = (
  'Autoencoder',
  'NoiseGenerator',
  'adversarial_noise',
  'augmix',
  'blur_resolution',
  'deep_augment',
  'epsilon_for',
  'jensen_shannon',
  'load_autoencoder',
  'noise2net',
  'pad_and_crop',
  'random_flip',
  'save_autoencoder',
  'scale_to_norm',
)
