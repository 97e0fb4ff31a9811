"""Classifiers with places for layers on their hidden states."""

from robustjax.models.alexnet import AlexNet
from robustjax.models.catalog import create
from robustjax.models.catalog import FIXED_PARAMETERS
from robustjax.models.catalog import MODELS
from robustjax.models.cifar10_net import Cifar10Net
from robustjax.models.classifier import Classifier
from robustjax.models.classifier import Forward
from robustjax.models.convolution import convolve
from robustjax.models.convolution import max_pool
from robustjax.models.densenet import WeightMapDenseNet
from robustjax.models.flops import count_flops
from robustjax.models.flops import Flops
from robustjax.models.flops import LayerFlops
from robustjax.models.import_torch import import_torch
from robustjax.models.import_torch import Imported
from robustjax.models.mnist_cnn import MnistCnn
from robustjax.models.resnet import WeightMapResNet
from robustjax.models.resnet50 import ResNet50
from robustjax.models.weight_map_cnn import WEIGHT_MAP_CNNS
from robustjax.models.weight_map_cnn import WeightMapCnn
from robustjax.models.wrapping import with_noiseout
from robustjax.models.wrapping import WrappedClassifier

__all__ = (
  'FIXED_PARAMETERS',
  'MODELS',
  'WEIGHT_MAP_CNNS',
  'AlexNet',
  'Cifar10Net',
  'Classifier',
  'Flops',
  'Forward',
  'Imported',
  'LayerFlops',
  'MnistCnn',
  'ResNet50',
  'WeightMapCnn',
  'WeightMapDenseNet',
  'WeightMapResNet',
  'WrappedClassifier',
  'convolve',
  'count_flops',
  'create',
  'import_torch',
  'max_pool',
  'with_noiseout',
)
