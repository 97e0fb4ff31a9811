"""Classifiers with places for layers on their hidden states."""

from robustjax.models.catalog import create
from robustjax.models.catalog import FIXED_PARAMETERS
from robustjax.models.catalog import MODELS
from robustjax.models.classifier import Classifier
from robustjax.models.classifier import Forward
from robustjax.models.convolution import convolve
from robustjax.models.convolution import max_pool
from robustjax.models.mnist_cnn import MnistCnn

__all__ = (
  'FIXED_PARAMETERS',
  'MODELS',
  'Classifier',
  'Forward',
  'MnistCnn',
  'convolve',
  'create',
  'max_pool',
)
