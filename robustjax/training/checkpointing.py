"""Checkpoints that notice damage. The only file that knows Orbax.

Orbax restores flipped bits, and casts dtypes, without a word. Each checkpoint
here carries a manifest with shape, dtype and CRC-32 of every array, and is
compared to it when restored. The manifest also says what the run was, so that a
config edited since does not give another classifier with the same parameters;
it has a checksum of its own.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import hashlib
import json
import os
import pathlib
from typing import Any
import zlib

import jax
from jax.experimental import multihost_utils
import numpy as np
import orbax.checkpoint as ocp
import tensorstore

from robustjax import array_types
from robustjax import errors
from robustjax import files
from robustjax.training import processes

SELECTION_METRIC = 'accuracy'
_NUM_LATEST = 2
_FOLDER = 'checkpoints'
_MANIFEST = ('about', 'leaves', 'metrics')


class DamagedCheckpointError(errors.InputError):
  """A checkpoint that is not as it was written."""


def _checksum(array: Any) -> int:
  flat = np.ascontiguousarray(array).reshape(-1)
  return zlib.crc32(flat.view(np.uint8))


def _whole(leaf: Any) -> Any:
  is_here = getattr(leaf, 'is_fully_addressable', True)
  if is_here or leaf.is_fully_replicated:
    return leaf
  return multihost_utils.process_allgather(leaf, tiled=True)


def _describe(leaf: Any) -> dict[str, Any]:
  return {'shape': list(leaf.shape), 'dtype': str(leaf.dtype)}


def _by_path(tree: array_types.PyTree) -> dict[str, Any]:
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}


def make_manifest(tree: array_types.PyTree) -> dict[str, dict[str, Any]]:
  """Shape, dtype and CRC-32 of every array, by its path in the tree.

  All processes call it, since each may have but a part of an array.
  """
  return {
    path: _describe(leaf) | {'crc32': _checksum(_whole(leaf))}
    for path, leaf in _by_path(tree).items()
  }


def _digest(manifest: Mapping[str, Any]) -> str:
  content = {name: manifest[name] for name in _MANIFEST}
  return hashlib.sha256(
    json.dumps(content, sort_keys=True).encode()
  ).hexdigest()


def _check_belongs(about: Mapping[str, Any], found: Mapping[str, Any]) -> None:
  """Raises errors.InputError unless a checkpoint is of the run at hand."""
  for name in about | found:
    here, there = (one.get(name, 'nothing') for one in (about, found))
    if here != there:
      expected = f'the run as it was trained, with {name}={there}'
      raise errors.InputError('workdir', expected, f'{name}={here}')


@contextlib.contextmanager
def _writing(folder: pathlib.Path) -> Iterator[None]:
  """Names a folder that cannot be written to; TensorStore raises ValueError."""
  try:
    with files.writing(folder):
      yield
  except ValueError as error:
    if isinstance(error, errors.InputError) or 'os_error' not in str(error):
      raise
    # '...: Failed to write 9 bytes: No space left on device [os_error...'
    reason, _, _ = str(error).partition('[os_error')
    got = reason.rpartition(': ')[2].strip()
    expected = 'a folder that can be written to'
    raise errors.InputError(str(folder), expected, got) from error


def _first_difference(
  tree: array_types.PyTree, manifest: Mapping[str, Any], *, checksums: bool
) -> str | None:
  """What about `tree` is not as the manifest says, or None."""
  leaves = _by_path(tree)
  if leaves.keys() != manifest.keys():
    path = sorted(leaves.keys() ^ manifest.keys())[0]
    return f'{path} in only one of checkpoint and model'
  for path, leaf in leaves.items():
    written = manifest[path]
    described = _describe(leaf)
    if described != {name: written[name] for name in described}:
      return f'{path} with {written["dtype"]} {written["shape"]}'
    if checksums and _checksum(leaf) != written['crc32']:
      return f'{path} with other bytes'
  return None


class _LatestAndBest:
  """Keeps the latest checkpoints, and the one with the highest accuracy.

  Orbax has such a policy, but it warns at every checkpoint without metrics, and
  most are saved in mid-epoch.

  Args:
    accuracies: by step; the owner keeps it up to date.
  """

  def __init__(self, accuracies: dict[int, float]):
    self._accuracies = accuracies

  def should_preserve(self, checkpoints, *, context) -> list[bool]:
    """For each checkpoint, whether it stays."""
    del context
    steps = [checkpoint.step for checkpoint in checkpoints]
    kept = set(sorted(steps)[-_NUM_LATEST:])
    kept.add(_argmax(self._accuracies))
    return [step in kept for step in steps]


def _argmax(accuracies: Mapping[int, float]) -> int | None:
  return max(accuracies, key=accuracies.get) if accuracies else None


class Checkpoints:
  """The checkpoints in a working directory: the latest two and the best.

  Use as a context manager, or call `close`: saving goes on in the background.

  Args:
    workdir: the working directory.
    about: what the run is, by name; JSON. Checkpoints of another one are not
      restored; None restores any.
    read_only: whether nothing there may be created or deleted.

  Raises:
    errors.InputError: if it cannot be written to.
  """

  def __init__(
    self,
    workdir: str | os.PathLike,
    about: Mapping[str, Any] | None = None,
    *,
    read_only: bool = False,
  ):
    self._about = None if about is None else json.loads(json.dumps(about))
    self._folder = pathlib.Path(workdir).expanduser().resolve() / _FOLDER
    self._read_only = read_only
    self._manager = None
    self._accuracies = {}
    self._unread = []  # Steps whose manifest is damaged.
    if self._folder.is_dir() or not read_only:
      self._open()

  def _open(self) -> None:
    options = ocp.CheckpointManagerOptions(
      preservation_policy=_LatestAndBest(self._accuracies),
      create=not self._read_only,
      cleanup_tmp_directories=not self._read_only,
      enable_async_checkpointing=not self._read_only,
    )
    with _writing(self._folder):
      if not self._read_only:
        self._folder.mkdir(parents=True, exist_ok=True)
      self._manager = ocp.CheckpointManager(self._folder, options=options)
    self._read_accuracies()

  def __enter__(self) -> 'Checkpoints':
    return self

  def __exit__(self, *unused_exception) -> None:
    self.close()

  def close(self) -> None:
    """Waits until all is written.

    Raises:
      errors.InputError: if it cannot be written.
    """
    manager, self._manager = self._manager, None
    if manager is not None:
      with _writing(self._folder):
        manager.close()

  def steps(self) -> list[int]:
    """The steps that have a checkpoint, in order."""
    return sorted(self._manager.all_steps()) if self._manager else []

  def save(
    self,
    step: int,
    tree: array_types.PyTree,
    metrics: Mapping[str, float] | None = None,
  ) -> None:
    """Saves in the background; the arrays may be reused at once.

    Args:
      step: number of steps done.
      tree: arrays.
      metrics: what was measured at this step. 'accuracy' decides which is best.

    Raises:
      RuntimeError: if Orbax declines to save.
      errors.InputError: if this one, or the one before it, cannot be written.
    """
    manifest = {
      'about': self._about,
      'leaves': make_manifest(tree),
      'metrics': metrics,
    }
    manifest['sha256'] = _digest(manifest)
    if metrics:
      self._accuracies[step] = metrics[SELECTION_METRIC]
    with _writing(self._folder):
      is_saved = self._manager.save(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(tree),
          manifest=ocp.args.JsonSave(manifest),
        ),
      )
    if not is_saved:
      raise RuntimeError(f'the checkpoint of step {step} was not saved')

  def restore(
    self, step: int, abstract: array_types.PyTree
  ) -> array_types.PyTree:
    """Restores one checkpoint and compares it to its manifest.

    Args:
      step: one of `steps()`.
      abstract: `jax.ShapeDtypeStruct`s with shardings, in the tree's structure.

    Returns:
      The tree, bit for bit as it was saved.

    Raises:
      DamagedCheckpointError: if it is not as it was written, or is one of
        another model.
      errors.InputError: if it is intact, but of another run.
    """
    content = self._read_manifest(step)
    if self._about is not None:
      _check_belongs(self._about, content['about'] or {})
    manifest = content['leaves']
    difference = _first_difference(abstract, manifest, checksums=False)
    if difference is None:
      stored = self._read_arrays(step, abstract)
      difference = _first_difference(stored, manifest, checksums=True)
    if difference is not None:
      raise _damaged(step, difference)
    return jax.tree.map(_place, stored, abstract)

  def restore_newest_intact(
    self, abstract: array_types.PyTree, report: Callable[[str], None]
  ) -> array_types.PyTree | None:
    """Restores the newest checkpoint that is as it was written.

    Newer, damaged ones are renamed to `damaged-STEP`, so that the run can save
    these steps again and nothing is lost.

    Args:
      abstract: as for `restore`.
      report: takes one line for each damaged checkpoint.

    Returns:
      The tree, or None if there is no checkpoint at all.

    Raises:
      DamagedCheckpointError: if there are checkpoints, and all are damaged.
      errors.InputError: if the newest intact one is of another run.
    """
    damaged = []
    for step in reversed(self.steps()):
      try:
        tree = self.restore(step, abstract)
      except DamagedCheckpointError as error:
        damaged.append((step, error))
        continue
      for damaged_step, error in damaged:
        report(f'{error}; resuming from step {step} instead')
        self._set_aside(damaged_step)
      return tree
    if damaged:
      raise damaged[0][1]
    return None

  def best_step(self) -> int | None:
    """The step with the highest accuracy measured, None if none was.

    Raises:
      DamagedCheckpointError: if that cannot be told.
    """
    if self._unread:
      raise _damaged(self._unread[0], 'a manifest that is not')
    return _argmax(self._accuracies)

  def intact_steps(self, abstract: array_types.PyTree) -> list[int]:
    """The steps whose checkpoints are as they were written."""
    intact = []
    for step in self.steps():
      try:
        self.restore(step, abstract)
      except DamagedCheckpointError:
        continue
      intact.append(step)
    return intact

  def _read_accuracies(self) -> None:
    self._accuracies.clear()
    self._unread.clear()
    for step in self.steps():
      try:
        metrics = self._read_manifest(step)['metrics']
      except DamagedCheckpointError:
        self._unread.append(step)
        continue
      if metrics:
        self._accuracies[step] = metrics[SELECTION_METRIC]

  def _read_manifest(self, step: int) -> Mapping[str, Any]:
    path = self._folder / str(step) / 'manifest' / 'metadata'
    try:
      manifest = files.read_json(path)
      is_whole = manifest['sha256'] == _digest(manifest)
    except (errors.InputError, KeyError) as error:
      raise _damaged(step, 'a manifest that cannot be read') from error
    if not is_whole:
      raise _damaged(step, 'a manifest that is not')
    return manifest

  def _read_arrays(self, step: int, like: array_types.PyTree):
    """The arrays as they are on disk, read without Orbax.

    A restore that fails half-way leaves Orbax's other reads behind, coroutines
    that nobody ends and that print pages when they are collected.
    """
    folder = self._folder / str(step) / 'state'
    names = ocp.tree.get_param_names(like, include_empty_nodes=False)
    opened = jax.tree.map(
      lambda name: tensorstore.open(_stored_array(folder, name), read=True),
      names,
    )
    try:
      return jax.tree.map(lambda one: one.result().read().result(), opened)
    except Exception as error:  # TensorStore raises many types.
      got = f'arrays that cannot be read ({type(error).__name__})'
      raise _damaged(step, got) from None

  def _set_aside(self, step: int) -> None:
    if processes.is_first():
      files.set_aside(self._folder / str(step), self._folder.parent)
    processes.exchange('set aside')
    self.close()
    self._open()


def _damaged(step: int, got: str) -> DamagedCheckpointError:
  expected = f'the checkpoint of step {step} as it was written'
  return DamagedCheckpointError('workdir', expected, got)


def _place(stored: np.ndarray, like: jax.ShapeDtypeStruct) -> jax.Array:
  """An array on the devices of `like`, each with its part."""
  return jax.make_array_from_callback(
    stored.shape, like.sharding, lambda index: stored[index]
  )


def _stored_array(folder: pathlib.Path, name: str) -> dict[str, Any]:
  """Where Orbax keeps an array, for TensorStore."""
  base = {'driver': 'file', 'path': f'{folder}/'}
  kvstore = {'driver': 'ocdbt', 'base': base, 'path': f'{name}/'}
  return {'driver': 'zarr', 'kvstore': kvstore}
