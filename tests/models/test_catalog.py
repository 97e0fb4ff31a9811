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
