"""Classifiers by name."""

import dataclasses

import flax.linen as nn

from robustjax import errors
from robustjax.models import alexnet
from robustjax.models import cifar10_net
from robustjax.models import densenet
from robustjax.models import mnist_cnn
from robustjax.models import resnet
from robustjax.models import resnet50
from robustjax.models import weight_map_cnn

MODELS = {
  'alexnet': alexnet.AlexNet,
  'cifar10_net': cifar10_net.Cifar10Net,
  'mnist_cnn': mnist_cnn.MnistCnn,
  'resnet50': resnet50.ResNet50,
  'weight_map_cnn': weight_map_cnn.WeightMapCnn,
  'weight_map_resnet': resnet.WeightMapResNet,
  'weight_map_densenet': densenet.WeightMapDenseNet,
}
# Top-level entries of a model's parameters that training leaves as drawn.
FIXED_PARAMETERS = ('projection',)


def create(
  name: str,
  *,
  flattened: nn.Module | None = None,
  penultimate: nn.Module | None = None,
  **options,
) -> nn.Module:
  """Builds a classifier, with layers on its hidden states if given.

  Args:
    name: a name in `MODELS`.
    flattened: a layer on what the first dense layer reads, such as
      `layers.NoiseOut(rate=0.2)`.
    penultimate: a layer on what the last dense layer reads.
    **options: the other attributes of the model's class.

  Returns:
    A linen module, images [B, H, W, C] to logits.

  Raises:
    errors.InputError: on an unknown name or option.

  Example:
    >>> from robustjax import layers, models
    >>> noiseout = layers.NoiseOut(rate=0.2)
    >>> models.create('mnist_cnn', flattened=noiseout).num_classes
    10
  """
  errors.check_choice('model', name, MODELS)
  model_class = MODELS[name]
  fields = [field.name for field in dataclasses.fields(model_class)]
  known = [field for field in fields if field not in ('parent', 'name')]
  for option in options:
    errors.check_choice(f'option of {name}', option, known)
  return model_class(flattened=flattened, penultimate=penultimate, **options)
