"""ImageNet-C from the JPEG files of its authors."""

import os
import pathlib

import numpy as np

from robustjax import errors
from robustjax.data import lazy_images
from robustjax.data import sources
from robustjax.evaluation import corrupted_sets

_SIDE = 224  # of the images of ImageNet-C
_SUFFIXES = ('.jpeg', '.jpg')


class ImageFolders(corrupted_sets.Published):
  """A folder per corruption, severity and class, with JPEG files."""

  benchmark = 'imagenet_c'

  def __init__(self, folder: pathlib.Path, num_classes: int):
    self._folder = folder
    self._num_classes = num_classes
    self._first = None  # files by class of the set checked first
    self.description = f'ImageNet-C, JPEG files of {folder.name}'

  def _check_one(self, name, severity) -> None:
    """Every set holds the same images, so the first says what is missing."""
    files = self._files(name, severity)
    if self._first is None:
      self._first = files
    for wnid in sorted(self._first.keys() | files.keys()):
      ours, others = files.get(wnid, ()), self._first.get(wnid, ())
      missing = sorted(set(others).symmetric_difference(ours))
      if missing:
        folder = self._set_folder(name, severity) / wnid
        expected = f'{folder}: the same files as in every other set'
        got = f'{len(ours)} and not {len(others)} ({missing[0]} differs)'
        raise errors.InputError('folder', expected, got)

  def _set_folder(self, name, severity) -> pathlib.Path:
    return self._folder / name / str(severity)

  def _files(self, name, severity) -> dict[str, list[str]]:
    """Names of the files by WordNet id, both sorted."""
    folder = self._set_folder(name, severity)
    expected = f'{folder}: {self._num_classes} folders of images, one per class'
    if not folder.is_dir():
      raise errors.InputError('folder', expected, 'no such folder')
    with os.scandir(folder) as entries:
      wnids = sorted(e.name for e in entries if e.is_dir())
    if len(wnids) != self._num_classes:
      raise errors.InputError('folder', expected, str(len(wnids)))
    return {wnid: _image_names(folder / wnid) for wnid in wnids}

  def _open(self, name, severity) -> sources.DataSet:
    folder = self._set_folder(name, severity)
    files = self._files(name, severity)
    paths = [folder / wnid / file for wnid in files for file in files[wnid]]
    lazy_images.check_jpegs(paths)
    counts = [len(names) for names in files.values()]
    labels = np.repeat(np.arange(len(files), dtype=np.int32), counts)
    images = lazy_images.from_files(paths, _SIDE)
    label = self._name(name, severity)
    return sources.DataSet(label, 'test', images, labels, len(files))


def _image_names(folder: pathlib.Path) -> list[str]:
  with os.scandir(folder) as entries:
    names = [e.name for e in entries if e.name.lower().endswith(_SUFFIXES)]
  if not names:
    raise errors.InputError('folder', f'JPEG files in {folder}', 'none')
  return sorted(names)
