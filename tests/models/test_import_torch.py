"""Names and shapes below are those torchvision publishes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from robustjax import errors
from robustjax import models

KEY = jax.random.key(0)


def _norm(name, size):
  leaves = ('weight', 'bias', 'running_mean', 'running_var')
  return {f'{name}.{leaf}': (size,) for leaf in leaves} | {
    f'{name}.num_batches_tracked': ()
  }


def _resnet50_shapes(num_classes):
  shapes = {'conv1.weight': (64, 3, 7, 7), **_norm('bn1', 64)}
  channels = 64
  for stage, count in enumerate((3, 4, 6, 3)):
    inner = 64 * 2**stage
    for place in range(count):
      block = f'layer{stage + 1}.{place}'
      shapes[f'{block}.conv1.weight'] = (inner, channels, 1, 1)
      shapes[f'{block}.conv2.weight'] = (inner, inner, 3, 3)
      shapes[f'{block}.conv3.weight'] = (4 * inner, inner, 1, 1)
      for i, size in ((1, inner), (2, inner), (3, 4 * inner)):
        shapes |= _norm(f'{block}.bn{i}', size)
      if place == 0:
        shapes[f'{block}.downsample.0.weight'] = (4 * inner, channels, 1, 1)
        shapes |= _norm(f'{block}.downsample.1', 4 * inner)
      channels = 4 * inner
  return shapes | {'fc.weight': (num_classes, 2048), 'fc.bias': (num_classes,)}


def _alexnet_shapes(num_classes):
  shapes = {}
  for place, features, channels, side in (
    (0, 64, 3, 11),
    (3, 192, 64, 5),
    (6, 384, 192, 3),
    (8, 256, 384, 3),
    (10, 256, 256, 3),
  ):
    shapes[f'features.{place}.weight'] = (features, channels, side, side)
    shapes[f'features.{place}.bias'] = (features,)
  for place, size, states in (
    (1, 4096, 9216),
    (4, 4096, 4096),
    (6, num_classes, 4096),
  ):
    shapes[f'classifier.{place}.weight'] = (size, states)
    shapes[f'classifier.{place}.bias'] = (size,)
  return shapes


SHAPES = {'resnet50': _resnet50_shapes, 'alexnet': _alexnet_shapes}


def _tensors(name, num_classes=7):
  """Each full of one number, another for each, and almost no memory."""
  return {
    key: np.broadcast_to(np.float32(i) if shape else np.int64(i), shape)
    for i, (key, shape) in enumerate(SHAPES[name](num_classes).items())
  }


def _import(monkeypatch, tensors):
  """Imports them as if a file held them."""
  monkeypatch.setattr(safetensors.numpy, 'load_file', lambda path: tensors)
  return models.import_torch('weights.safetensors')


def _leaf(variables, path):
  collection, *keys = path.split('/')
  leaf = variables[collection]
  for key in keys:
    leaf = leaf[key]
  return leaf


# Theirs and ours: one of each kind of layer, at both ends of the network.
PAIRS = {
  'resnet50': {
    'conv1.weight': 'params/stem/conv/kernel',
    'bn1.running_var': 'batch_stats/stem/normalization/var',
    'layer1.0.conv1.weight': 'params/stages_0_0/first/conv/kernel',
    'layer1.0.bn2.weight': 'params/stages_0_0/second/normalization/scale',
    'layer1.0.downsample.0.weight': (
      'params/stages_0_0/projection/conv/kernel'
    ),
    'layer3.5.conv2.weight': 'params/stages_2_5/second/conv/kernel',
    'layer3.5.bn3.bias': 'params/stages_2_5/third/normalization/bias',
    'layer4.0.downsample.1.running_mean': (
      'batch_stats/stages_3_0/projection/normalization/mean'
    ),
    'layer4.0.downsample.1.weight': (
      'params/stages_3_0/projection/normalization/scale'
    ),
    'fc.weight': 'params/dense/kernel',
    'fc.bias': 'params/dense/bias',
  },
  'alexnet': {
    'features.0.weight': 'params/conv1/kernel',
    'features.3.bias': 'params/conv2/bias',
    'features.6.weight': 'params/conv3/kernel',
    'features.8.weight': 'params/conv4/kernel',
    'features.10.weight': 'params/conv5/kernel',
    'classifier.1.weight': 'params/dense1/kernel',
    'classifier.4.weight': 'params/dense2/kernel',
    'classifier.6.bias': 'params/dense3/bias',
  },
}


@pytest.mark.parametrize('name', SHAPES)
def test_every_tensor_has_its_place(monkeypatch, name):
  tensors = _tensors(name)
  # By their own count: 25,557,032 and 61,100,840 parameters for 1000 classes.
  found = _import(monkeypatch, tensors)
  assert found.name == name
  model = models.create(name, num_classes=7)
  images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
  expected = jax.eval_shape(model.init, KEY, images)
  assert jax.tree.structure(found.variables) == jax.tree.structure(expected)
  numbers = []
  for leaf, like in zip(
    *map(jax.tree.leaves, (found.variables, expected)), strict=True
  ):
    assert (leaf.shape, leaf.dtype) == (like.shape, np.float32)
    numbers.append(float(leaf.flat[0]))
  # None was used twice, and none but the counts of batches was left out.
  left_out = {
    float(tensor) for tensor in tensors.values() if tensor.dtype == np.int64
  }
  every = [float(tensor.flat[0]) for tensor in tensors.values()]
  assert sorted([*numbers, *left_out]) == every
  for theirs, ours in PAIRS[name].items():
    number = _leaf(found.variables, ours).flat[0]
    assert number == tensors[theirs].flat[0], theirs


def test_kernels_are_transposed(monkeypatch, rng):
  tensors = _tensors('alexnet')
  for name in ('features.3.weight', 'classifier.6.weight'):
    shape = tensors[name].shape
    tensors[name] = rng.normal(size=shape).astype(np.float16)
  params = _import(monkeypatch, tensors).variables['params']
  for _ in range(100):
    o, i, h, w = rng.integers((192, 64, 5, 5))
    kernel = params['conv2']['kernel']
    assert kernel[h, w, i, o] == tensors['features.3.weight'][o, i, h, w]
    o, i = rng.integers((7, 4096))
    kernel = params['dense3']['kernel']
    assert kernel[i, o] == tensors['classifier.6.weight'][o, i]


def test_names_may_be_those_of_data_parallel(monkeypatch):
  tensors = {f'module.{key}': one for key, one in _tensors('alexnet').items()}
  found = _import(monkeypatch, tensors)
  assert found.name == 'alexnet'
  assert found.variables['params']['conv1']['bias'][0] == 1


@pytest.mark.slow  # Files of 90 MB.
@pytest.mark.parametrize('suffix', ['safetensors', 'npz'])
def test_a_file_is_read(tmp_path, suffix):
  path = tmp_path / f'weights.{suffix}'
  tensors = {
    name: np.ascontiguousarray(one).reshape(one.shape)
    for name, one in _tensors('resnet50').items()
  }
  if suffix == 'npz':
    np.savez(path, **tensors)
  else:
    safetensors.numpy.save_file(tensors, path)
  variables = models.import_torch(path).variables
  kernel = variables['params']['stages_3_2']['third']['conv']['kernel']
  expected = tensors['layer4.2.conv3.weight'].transpose(2, 3, 1, 0)
  np.testing.assert_array_equal(kernel, expected)


def _without(name):
  return lambda tensors: {
    key: one for key, one in tensors.items() if not key.startswith(name)
  }


def _with(name, array):
  return lambda tensors: tensors | {name: np.asarray(array)}


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (
      _without('features.3.'),
      'alexnet, got a file without features.3.bias, features.3.weight$',
    ),
    (
      _without('features.'),
      'without features.0.bias, .*, features.10.bias and 7 more$',
    ),
    (
      _with('features.12.weight', np.ones((3, 3), np.float32)),
      'alexnet, got a file with features.12.weight$',
    ),
    (
      _with('features.0.weight', np.ones((64, 3, 7, 7), np.float32)),
      r'features.0.weight of shape \(64, 3, 11, 11\), got shape \(64, 3, 7, 7',
    ),
    (
      # As many numbers, and laid out as ours are.
      _with('features.0.weight', np.ones((11, 11, 3, 64), np.float32)),
      r'features.0.weight of .*11, 11\), got shape \(11, 11, 3, 64',
    ),
    (
      _with('features.0.bias', np.ones(64, np.int32)),
      'features.0.bias of floats, got dtype int32',
    ),
    (
      _with('features.0.bias', np.full(64, np.nan, np.float32)),
      'features.0.bias of finite numbers',
    ),
    (
      _without('classifier.6'),
      "a state dict of torchvision's resnet50 or alexnet, got no matrix called"
      ' fc.weight or classifier.6.weight',
    ),
    (
      _with('classifier.6.weight', np.float32(1)),
      'got no matrix called fc.weight or classifier.6.weight',
    ),
    (lambda tensors: {}, 'got no matrix called fc.weight'),
  ],
)
def test_another_network_is_named(monkeypatch, change, message):
  with pytest.raises(errors.InputError, match=message) as raised:
    _import(monkeypatch, change(_tensors('alexnet')))
  assert '\n' not in str(raised.value)


@pytest.mark.parametrize('suffix', ['safetensors', 'npz'])
def test_a_bad_file_is_named(tmp_path, suffix):
  path = tmp_path / f'weights.{suffix}'
  expected = f'path: expected an intact .{suffix} file, got .*weights.{suffix}'
  with pytest.raises(errors.InputError, match=expected):
    models.import_torch(path)
  tensors = {'fc.weight': np.ones((3, 5), np.float32)}
  if suffix == 'npz':
    np.savez(path, **tensors)
  else:
    safetensors.numpy.save_file(tensors, path)
  content = path.read_bytes()
  for damaged in (b'', content[:-40], b'nothing of the kind'):
    path.write_bytes(damaged)
    with pytest.raises(errors.InputError, match=expected) as raised:
      models.import_torch(path)
    assert '\n' not in str(raised.value)
  # Whole again, it is read; and is no ResNet-50.
  path.write_bytes(content)
  with pytest.raises(errors.InputError, match='without bn1.bias, .* more'):
    models.import_torch(path)


def test_pickles_are_not_read(tmp_path):
  path = tmp_path / 'weights.npz'
  np.savez(path, **{'fc.weight': np.array([{}], dtype=object)})
  with pytest.raises(errors.InputError, match='allow_pickle=False'):
    models.import_torch(path)
  with pytest.raises(errors.InputError, match='safetensors or .npz file, got'):
    models.import_torch(tmp_path / 'weights.pth')
