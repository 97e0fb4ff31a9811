"""Corrupted images from prepared TFDS data sets."""

import contextlib
import json
import pathlib

from robustjax import errors
from robustjax.data import sources
from robustjax.evaluation import corrupted_sets

_TFDS = {
  'mnist_c': 'mnist_corrupted',
  'cifar10_c': 'cifar10_corrupted',
  'imagenet_c': 'imagenet2012_corrupted',
}
# What TFDS calls differently than the files of CIFAR-10-C.
_TFDS_CIFAR10 = {
  'glass_blur': 'frosted_glass_blur',
  'elastic_transform': 'elastic',
}


class TfdsSets(corrupted_sets.Published):
  """A configuration of a TFDS data set each."""

  def __init__(self, benchmark: str, data_dir):
    self.benchmark = benchmark
    self._data_dir = data_dir
    self._split = 'validation' if benchmark == 'imagenet_c' else 'test'

  @property
  def description(self) -> str:
    name = _TFDS[self.benchmark]
    # Of the sets there are: a part of the benchmark can be prepared alone.
    for one in self._sets(corrupted_sets.corruption_names(self.benchmark)[1]):
      with contextlib.suppress(errors.InputError):
        return f'TFDS {name} {self._folder(*one).name}'
    return f'TFDS {name}'

  def _config(self, name, severity) -> str:
    if self.benchmark == 'cifar10_c':
      name = _TFDS_CIFAR10.get(name, name)
    config = name if severity is None else f'{name}_{severity}'
    return f'{_TFDS[self.benchmark]}/{config}'

  def _folder(self, name, severity) -> pathlib.Path:
    config = self._config(name, severity)
    return sources.prepared_folder(config, data_dir=self._data_dir)

  def _check_one(self, name, severity) -> None:
    folder = self._folder(name, severity)
    expected = f'a complete data set: {folder}'
    try:
      content = json.loads((folder / 'dataset_info.json').read_text())
      splits = {one['name']: one for one in content['splits']}
      num_shards = len(splits[self._split]['shardLengths'])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
      got = f'a dataset_info.json without split {self._split}'
      raise errors.InputError('data_dir', expected, got) from error
    shards = list(folder.glob(f'*-{self._split}.array_record-*'))
    if len(shards) != num_shards:
      got = f'{len(shards)} of {num_shards} array_record files'
      raise errors.InputError('data_dir', expected, got)

  def _open(self, name, severity) -> sources.DataSet:
    config = self._config(name, severity)
    if self.benchmark != 'imagenet_c':
      return sources.load(config, self._split, data_dir=self._data_dir)
    return sources.open_lazily(config, self._split, data_dir=self._data_dir)
