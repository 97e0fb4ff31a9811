"""Decoded images and labels as `.npy` files in the user's cache folder."""

import hashlib
import os
import pathlib
import shutil
import tempfile

import numpy as np


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
  return (images, labels) if len(images) == len(labels) == count else None


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
