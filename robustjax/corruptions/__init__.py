"""Test-time corruptions: batched, keyed, and traceable in their strength."""

from robustjax.corruptions.catalog import DEGRADATIONS
from robustjax.corruptions.catalog import IMAGENET_C
from robustjax.corruptions.catalog import IMAGENET_C_EXTRA
from robustjax.corruptions.catalog import MNIST_C
from robustjax.corruptions.catalog import MNIST_C_FURTHER
from robustjax.corruptions.cifar10_c import CIFAR10_C
from robustjax.corruptions.cifar10_c import CIFAR10_C_EXTRA
from robustjax.corruptions.frost import frost_source
from robustjax.corruptions.frost import FrostTextures
from robustjax.corruptions.frost import load_frost_textures
from robustjax.corruptions.named import Corruption
from robustjax.corruptions.named import Degradation

__all__ = (
  'CIFAR10_C',
  'CIFAR10_C_EXTRA',
  'DEGRADATIONS',
  'IMAGENET_C',
  'IMAGENET_C_EXTRA',
  'MNIST_C',
  'MNIST_C_FURTHER',
  'Corruption',
  'Degradation',
  'FrostTextures',
  'frost_source',
  'load_frost_textures',
)
