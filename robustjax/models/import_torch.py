"""Weights of torchvision's ResNet-50 and AlexNet, from a file of PyTorch's.

A state dict is a flat mapping from names to tensors. Which name belongs to
which parameter is computed from the place of the parameter in our model, so
that every parameter has a tensor and every tensor a parameter, or an error.

PyTorch's kernels are [C_out, C_in, H, W] and its dense weights [C_out, C_in];
Flax's are [H, W, C_in, C_out] and [C_in, C_out]. Both read images the same way
round: a convolution there is a cross-correlation as it is here.
"""

from collections.abc import Callable
from collections.abc import Mapping
import os
import pathlib
from typing import NamedTuple
import zipfile
import zlib

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from robustjax import array_types
from robustjax import errors
from robustjax.models import catalog

Tensors = Mapping[str, np.ndarray]

# What the two libraries raise on a file that is none of theirs.
_UNREADABLE = (
  AttributeError,  # A lone array is no archive.
  EOFError,
  NotImplementedError,
  OSError,
  TypeError,
  ValueError,
  safetensors.SafetensorError,
  zipfile.BadZipFile,
  zlib.error,
)
# Batches seen by a batch normalisation: its momentum is fixed, and needs none.
_COUNT = '.num_batches_tracked'
_PARALLEL = 'module.'  # what torch.nn.DataParallel puts before each name
_LEAVES = {
  'kernel': 'weight',
  'scale': 'weight',
  'bias': 'bias',
  'mean': 'running_mean',
  'var': 'running_var',
}
# Ours is the tensor with these axes of it, in this order.
_AXES = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
# Both models have their large form, torchvision's, for images of this size.
_IMAGES = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
_NAMED = 3  # how many of the tensors at fault an error names


class Imported(NamedTuple):
  """A classifier's weights.

  Attributes:
    name: of the classifier, in `MODELS`.
    variables: what its `apply` takes, without layers on hidden states:
      {'params': ...}, and {'batch_stats': ...} if it has batch normalisation.
      NumPy arrays, float32, on no device yet.
  """

  name: str
  variables: array_types.PyTree


class _Network(NamedTuple):
  """How torchvision names a network's layers.

  Attributes:
    head: name of the last dense layer.
    layer_name: the path of one of our layers to the name of theirs.
  """

  head: str
  layer_name: Callable[[tuple[str, ...]], str]


def _resnet50_layer(path: tuple[str, ...]) -> str:
  """('stages_0_1', 'second', 'conv') is 'layer1.1.conv2'."""
  if path == ('dense',):
    return 'fc'
  *block, kind = path
  short = 'conv' if kind == 'conv' else 'bn'
  if block == ['stem']:
    return f'{short}1'
  _, stage, place = block[0].split('_')
  parent = f'layer{int(stage) + 1}.{place}'
  if block[1] == 'projection':
    return f'{parent}.downsample.{int(kind != "conv")}'
  order = ('first', 'second', 'third').index(block[1]) + 1
  return f'{parent}.{short}{order}'


_ALEXNET_LAYERS = {
  'conv1': 'features.0',
  'conv2': 'features.3',
  'conv3': 'features.6',
  'conv4': 'features.8',
  'conv5': 'features.10',
  'dense1': 'classifier.1',
  'dense2': 'classifier.4',
  'dense3': 'classifier.6',
}
_NETWORKS = {
  'resnet50': _Network('fc', _resnet50_layer),
  'alexnet': _Network('classifier.6', lambda path: _ALEXNET_LAYERS[path[0]]),
}


def _bad_file(expected: str, got: str) -> errors.InputError:
  return errors.InputError('path', expected, got)


def _read(path: pathlib.Path) -> Tensors:
  """All tensors of a file by their names."""
  try:
    if path.suffix == '.safetensors':
      return safetensors.numpy.load_file(path)
    # NumPy leaves a file that is no archive open, if it is the one to open it.
    with path.open('rb') as file:
      archive = np.load(file, allow_pickle=False)
      return {name: archive[name] for name in archive.files}
  except _UNREADABLE as error:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    expected = f'an intact {path.suffix} file'
    raise _bad_file(expected, f'{path}: {reason}') from error


def _renamed(tensors: Tensors) -> Tensors:
  """Under torchvision's names, without what has no place in our models."""
  if all(name.startswith(_PARALLEL) for name in tensors):
    tensors = {
      name.removeprefix(_PARALLEL): one for name, one in tensors.items()
    }
  return {
    name: one for name, one in tensors.items() if not name.endswith(_COUNT)
  }


def _recognize(tensors: Tensors) -> str:
  """The name of the classifier whose head is among the tensors."""
  for name, network in _NETWORKS.items():
    if getattr(tensors.get(f'{network.head}.weight'), 'ndim', None) == 2:
      return name
  heads = [f'{network.head}.weight' for network in _NETWORKS.values()]
  expected = f"a state dict of torchvision's {' or '.join(_NETWORKS)}"
  raise _bad_file(expected, f'no matrix called {" or ".join(heads)}')


def _names(name: str, num_classes: int) -> dict[str, tuple]:
  """Torchvision's names, each with the path and the shape of our array."""
  model = catalog.create(name, num_classes=num_classes)
  arrays = jax.eval_shape(model.init, jax.random.key(0), _IMAGES)
  layer_name = _NETWORKS[name].layer_name
  return {
    f'{layer_name(path[1:-1])}.{_LEAVES[path[-1]]}': (path, array.shape)
    for path, array in flax.traverse_util.flatten_dict(arrays).items()
  }


def _check_names(name: str, expected: set[str], found: set[str]) -> None:
  """Raises errors.InputError unless both are the same."""
  for kind, at_fault in (
    ('without', expected - found),
    ('with', found - expected),
  ):
    if at_fault:
      named = ', '.join(sorted(at_fault)[:_NAMED])
      more = len(at_fault) - _NAMED
      named += f' and {more} more' if more > 0 else ''
      wanted = f"the tensors of torchvision's {name}"
      raise _bad_file(wanted, f'a file {kind} {named}')


def _converted(
  name: str, tensor: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
  """A tensor as our array of this shape."""
  axes = _AXES[len(shape)]
  theirs = tuple(shape[axis] for axis in np.argsort(axes))
  if tensor.shape != theirs:
    raise _bad_file(f'{name} of shape {theirs}', f'shape {tensor.shape}')
  if not jnp.issubdtype(tensor.dtype, jnp.floating):
    raise _bad_file(f'{name} of floats', f'dtype {tensor.dtype}')
  array = tensor.astype(np.float32).transpose(axes)
  if not np.isfinite(array).all():
    raise _bad_file(f'{name} of finite numbers', 'some that are not')
  return array


def _import_tensors(tensors: Tensors) -> Imported:
  """Weights from tensors by their names."""
  tensors = _renamed(tensors)
  name = _recognize(tensors)
  num_classes = len(tensors[f'{_NETWORKS[name].head}.weight'])
  names = _names(name, num_classes)
  _check_names(name, set(names), set(tensors))
  arrays = {
    path: _converted(theirs, tensors[theirs], shape)
    for theirs, (path, shape) in names.items()
  }
  return Imported(name, flax.traverse_util.unflatten_dict(arrays))


def import_torch(path: str | os.PathLike) -> Imported:
  """Reads the weights of torchvision's ResNet-50 or AlexNet.

  In PyTorch, a state dict is saved by one of

      safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')
      numpy.savez('weights.npz', **{
        name: tensor.numpy() for name, tensor in model.state_dict().items()
      })

  and here

      name, variables = models.import_torch('weights.safetensors')
      model = models.create(
        name,
        num_classes=1000,
        mean=(0.485, 0.456, 0.406),
        deviation=(0.229, 0.224, 0.225),
      )
      logits = model.apply(variables, images)

  Networks trained on ImageNet expect images normalised by these means and
  deviations; our models do that themselves, once told, and read images in
  [0, 1]. The models are those for large images, of at least 128 pixels a side,
  in colour. Names may begin with 'module.', as `torch.nn.DataParallel` writes
  them. Numbers of any float type are read as float32.

  Args:
    path: a file, .safetensors or .npz.

  Returns:
    The `Imported`; how many classes there are is told by the file.

  Raises:
    errors.InputError: if there is no such file, it is damaged or of another
      kind; if a tensor is missing, has no place in the model, or has another
      shape than there; if its numbers are not floats or not finite.

  References:
    torchvision.models, `resnet50` (either version of its weights) and
    `alexnet`.
  """
  path = errors.as_path('path', path)
  if path.suffix not in ('.safetensors', '.npz'):
    raise _bad_file('a .safetensors or .npz file', str(path))
  return _import_tensors(_read(path))
