"""MNIST-C and CIFAR-10-C from the .npy files of their authors."""

import pathlib

import numpy as np

from robustjax import errors
from robustjax.data import sources
from robustjax.evaluation import corrupted_sets

_PER_SEVERITY = 10_000  # images of CIFAR-10-C


def _open_array(path: pathlib.Path, shape: tuple[int, ...], kinds: str):
  """Maps an array of this shape and kind of dtype from a .npy file."""
  expected = f'{path}: an intact .npy of shape {shape}'
  try:
    found = np.load(path, mmap_mode='r', allow_pickle=False)
  except FileNotFoundError as error:
    raise errors.InputError('folder', expected, 'no such file') from error
  except (OSError, ValueError, EOFError) as error:
    got = str(error).partition('\n')[0]
    raise errors.InputError('folder', expected, got) from error
  if not isinstance(found, np.ndarray) or found.shape != shape:
    got = f'shape {getattr(found, "shape", type(found).__name__)}'
    raise errors.InputError('folder', expected, got)
  if found.dtype.kind not in kinds or (kinds == 'u' and found.itemsize > 1):
    expected = f'{path}: ' + ('uint8' if kinds == 'u' else 'integers')
    raise errors.InputError('folder', expected, f'dtype {found.dtype}')
  return found


def _open_labels(path: pathlib.Path, count: int) -> np.ndarray:
  """Ten classes' labels from a .npy file, int32 [N]."""
  labels = np.asarray(_open_array(path, (count,), 'iu'))
  outside = labels[(labels < 0) | (labels > 9)]
  if len(outside):
    expected = f'{path}: labels in 0..9'
    raise errors.InputError('folder', expected, str(outside[0]))
  return labels.astype(np.int32)


class MnistArrays(corrupted_sets.Published):
  """A folder per corruption, with images and labels of the test set."""

  benchmark = 'mnist_c'

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self.description = f'MNIST-C, .npy files of {folder.name}'

  def _check_one(self, name, severity) -> None:
    self._open(name, severity)

  def _open(self, name, severity) -> sources.DataSet:
    folder = self._folder / name
    images = _open_array(folder / 'test_images.npy', (10_000, 28, 28, 1), 'u')
    labels = _open_labels(folder / 'test_labels.npy', len(images))
    label = self._name(name, severity)
    return sources.DataSet(label, 'test', images, labels, 10)


class Cifar10Arrays(corrupted_sets.Published):
  """A file per corruption that holds its severities; labels beside."""

  benchmark = 'cifar10_c'

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self.description = f'CIFAR-10-C, .npy files of {folder.name}'

  def _check_one(self, name, severity) -> None:
    self._open(name, severity)

  def _open(self, name, severity) -> sources.DataSet:
    count = len(corrupted_sets.SEVERITIES) * _PER_SEVERITY
    images = _open_array(self._folder / f'{name}.npy', (count, 32, 32, 3), 'u')
    path = self._folder / 'labels.npy'
    labels = _open_labels(path, count).reshape(
      len(corrupted_sets.SEVERITIES), -1
    )
    if (labels != labels[0]).any():
      expected = f'{path}: the same labels for every severity'
      raise errors.InputError('folder', expected, 'others')
    start = (severity - 1) * _PER_SEVERITY
    part = images[start : start + _PER_SEVERITY]
    label = self._name(name, severity)
    return sources.DataSet(label, 'test', part, labels[severity - 1], 10)
