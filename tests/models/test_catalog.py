import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers
from robustjax import models


def test_creates_by_name_with_hooks_and_options():
  noiseout = layers.NoiseOut(rate=0.1)
  model = models.create('mnist_cnn', flattened=noiseout, num_classes=7)
  assert isinstance(model, models.MnistCnn)
  assert (model.num_classes, model.flattened.rate) == (7, 0.1)


def test_an_unknown_name_or_option_is_named():
  with pytest.raises(
    errors.InputError, match="model: .*did you mean 'mnist_cnn'"
  ):
    models.create('mnist_cn')
  with pytest.raises(errors.InputError, match="did you mean 'num_classes'"):
    models.create('mnist_cnn', num_class=3)


@pytest.mark.parametrize(
  ('option', 'value'),
  [
    ('num_classes', 1),
    ('num_classes', 10**20),
    ('num_classes', 2.5),
    ('flattened', 'noiseout'),
    ('penultimate', 0.2),
    ('dtype', 'banana'),
    ('dtype', jnp.int32),
    ('dtype', None),
    ('mean', np.nan),
    ('mean', 'a'),
    ('deviation', 0),
    ('deviation', (1.0, 10**30)),
    ('hidden_size', 99999999999999999999),
    ('hidden_size', -1),
  ],
)
def test_a_hostile_option_is_named(option, value):
  with pytest.raises(errors.InputError, match=f'{option}: '):
    models.create('mnist_cnn', **{option: value})


@pytest.mark.parametrize(
  ('name', 'option', 'value'),
  [
    ('alexnet', 'width', 1e30),
    ('alexnet', 'width', jnp.ones(2)),
    ('alexnet', 'dropout', 0.5),
    ('cifar10_net', 'dropout', 0.5),
    ('resnet50', 'blocks', 3),
    ('resnet50', 'blocks', (3, 10**9)),
    ('resnet50', 'width', 10**9),
    ('weight_map_cnn', 'channels', (3, 3)),
    ('weight_map_cnn', 'channels', (3, 3, 0)),
    ('weight_map_cnn', 'normalize', 1),
    ('weight_map_resnet', 'channels', None),
    ('weight_map_resnet', 'blocks', (1, 2.5, 1, 1)),
    ('weight_map_resnet', 'alternating', 'yes'),
  ],
)
def test_a_hostile_size_is_named(name, option, value):
  with pytest.raises(errors.InputError, match=f'{option}: '):
    models.create(name, **{option: value})
