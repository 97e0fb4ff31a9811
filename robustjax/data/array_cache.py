"""Decoded images and labels as `.npy` files in the user's cache folder."""

from collections.abc import Callable
import hashlib
import logging
import os
import pathlib
import shutil
import tempfile

import numpy as np

_LOGGER = logging.getLogger(__name__)


def folder_for(split: str, source: pathlib.Path) -> pathlib.Path:
  """Where the arrays of a split go.

  Args:
    split: name of the split.
    source: the prepared data set. Another folder, or changed files in it, have
      another cache.

  Returns:
    A folder below $XDG_CACHE_HOME, by default ~/.cache. It need not exist.
  """
  root = pathlib.Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache')
  state = hashlib.sha256(str(source.resolve()).encode())
  for path in sorted(source.iterdir()):
    stat = path.stat()
    state.update(f'{path.name} {stat.st_size} {stat.st_mtime_ns};'.encode())
  name = '-'.join((*source.parts[-3:], split, state.hexdigest()[:16]))
  return root.expanduser() / 'robustjax' / name


def read(
  cache: pathlib.Path, count: int
) -> tuple[np.ndarray, np.ndarray] | None:
  """Maps images [N, ...] and reads labels [N]; None if absent or damaged."""
  try:
    images = np.load(cache / 'images.npy', mmap_mode='r', allow_pickle=False)
    labels = np.load(cache / 'labels.npy', allow_pickle=False)
  except (OSError, ValueError, EOFError):
    return None
  is_whole = images.dtype == np.uint8 and labels.dtype.kind in 'iu'
  is_whole = is_whole and images.ndim == 4 and images.shape[:1] == (count,)
  return (images, labels) if is_whole and labels.shape == (count,) else None


def write(cache: pathlib.Path, images: np.ndarray, labels: np.ndarray) -> None:
  """Writes beside, then renames: a killed run leaves no half-written cache.

  Args:
    cache: from `folder_for`.
    images: [N, ...].
    labels: [N].

  Raises:
    OSError: if the folder cannot be written to.
  """
  cache.parent.mkdir(parents=True, exist_ok=True)
  beside = pathlib.Path(tempfile.mkdtemp(dir=cache.parent, prefix='writing-'))
  try:
    np.save(beside / 'images.npy', images, allow_pickle=False)
    np.save(beside / 'labels.npy', labels, allow_pickle=False)
    _publish(beside, cache, len(labels))
  finally:
    shutil.rmtree(beside, ignore_errors=True)


def read_or_make(
  cache: pathlib.Path,
  count: int,
  make: Callable[[], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
  """Reads images and labels; the first time, makes and keeps them.

  Args:
    cache: from `folder_for`.
    count: N.
    make: gives images [N, ...] and labels [N].

  Returns:
    Images, mapped from their file, and labels. Where the folder cannot be
    written to, what was made, with a warning.
  """
  arrays = read(cache, count)
  if arrays is not None:
    return arrays
  made = make()
  try:
    write(cache, *made)
  except OSError as error:
    _LOGGER.warning('%s will be decoded again next time: %s', cache.name, error)
    return made
  arrays = read(cache, count)
  return made if arrays is None else arrays


def _publish(beside: pathlib.Path, cache: pathlib.Path, count: int) -> None:
  """Renames, unless another process was first; a damaged cache makes way."""
  try:
    beside.rename(cache)
  except OSError:
    if read(cache, count) is None:
      aside = beside.with_name(f'{beside.name}-damaged')
      cache.rename(aside)
      beside.rename(cache)
      shutil.rmtree(aside, ignore_errors=True)
