import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax import evaluation
from robustjax import models

_CLASSES = 3


def _forward(images):
  """Pixels are hidden states; bright images open their gates."""
  hidden = images.reshape(len(images), -1)
  gates = jnp.where(hidden > 0.5, 0.95, 0.3)
  return models.Forward(hidden, gates, _classify(hidden * gates))


def _classify(hidden):
  return hidden[:, :_CLASSES]


@pytest.fixture
def source(rng):
  images = rng.integers(0, 256, (23, 2, 2, 1)).astype(np.uint8)
  labels = rng.integers(0, _CLASSES, 23)
  return data.from_arrays(images, labels, num_classes=_CLASSES)


@pytest.mark.parametrize('batch_size', [4, 23, 100])
def test_equals_numpy_on_the_whole_set(source, batch_size):
  found = evaluation.gate_activity(
    _forward, _classify, source, batch_size=batch_size
  )
  hidden = (source.images / 255).reshape(23, 4)
  gates = np.where(hidden > 0.5, 0.95, 0.3)
  assert found.mean == pytest.approx(gates.mean())
  assert found.share_decided == np.mean(hidden > 0.5)
  right = (hidden * gates)[:, :_CLASSES].argmax(axis=1) == source.labels
  assert found.accuracy == right.mean()
  averaged = hidden * gates.mean(axis=0, keepdims=True)
  right = averaged[:, :_CLASSES].argmax(axis=1) == source.labels
  assert found.accuracy_with_mean_gates == right.mean()


def test_a_classifier_without_gates_is_named(source):
  def forward(images):
    return _forward(images)._replace(gates=None)

  with pytest.raises(errors.InputError, match='a classifier with gates'):
    evaluation.gate_activity(forward, _classify, source)


def test_other_functions_and_data_are_named(source):
  for arguments, field in (
    ((None, _classify, source), 'forward'),
    ((_forward, 'linear', source), 'classify'),
    ((_forward, _classify, source.images), 'data'),
    ((lambda images: images, _classify, source), 'forward'),
    (
      (lambda x: _forward(x)._replace(hidden=None), _classify, source),
      'forward',
    ),
    (
      (lambda x: _forward(x)._replace(gates=x[0, 0]), _classify, source),
      'forward',
    ),
  ):
    with pytest.raises(errors.InputError, match=f'{field}: expected'):
      evaluation.gate_activity(*arguments)
