"""Training that starts from a trained classifier."""

from collections.abc import Mapping
from typing import Any

import flax.traverse_util
import jax

from robustjax import array_types
from robustjax import errors
from robustjax import files
from robustjax import models
from robustjax.training import restoring
from robustjax.training import state as state_lib

_FILES = ('.npz', '.safetensors')
# Layers on hidden states: they may be new to a classifier trained without.
_HOOKS = ('flattened', 'penultimate', 'dropout')


def take_over(state: state_lib.State, source: str) -> state_lib.State:
  """The first state of a run, with what was trained elsewhere.

  Layers on hidden states that the other classifier lacks, such as NoiseOut's
  gates, stay as they were drawn; all else is taken over.

  Args:
    state: before the first step.
    source: the folder of a run, or a file with torchvision's weights, .npz or
      .safetensors; '' for nothing.

  Returns:
    A `State`.

  Raises:
    errors.InputError: if there is nothing to read, or it is another network.
  """
  if not source:
    return state
  found = _read(source)
  params, *others = (
    _replace(kind, of_state, found.get(kind, {}))
    for kind, of_state in (
      ('params', state.params),
      *state.statistics.items(),
    )
  )
  statistics = dict(zip(state.statistics, others, strict=True))
  return state._replace(params=params, statistics=statistics)


def _read(source: str) -> Mapping[str, Any]:
  path = files.local_path('initial_weights', source)
  if path.suffix in _FILES:
    return models.import_torch(path).variables
  try:
    return restoring.restore(path).variables
  except errors.InputError as error:
    expected = f'the folder of a run, or a file {" or ".join(_FILES)}'
    raise errors.InputError('initial_weights', expected, str(error)) from error


def _replace(
  kind: str, ours: array_types.PyTree, theirs: Mapping[str, Any]
) -> array_types.PyTree:
  """Our tree with their values, laid out as ours."""
  flat = flax.traverse_util.flatten_dict(ours)
  found = flax.traverse_util.flatten_dict(theirs)
  for path, leaf in flat.items():
    if path in found or path[0] in _HOOKS:
      continue
    raise _other_network(kind, path, f'{list(leaf.shape)}', 'none')
  for path, value in found.items():
    if path not in flat:
      raise _other_network(kind, path, 'none', f'{list(value.shape)}')
    like = flat[path]
    if like.shape != value.shape:
      got = f'{list(value.shape)}'
      raise _other_network(kind, path, f'{list(like.shape)}', got)
    value = jax.numpy.asarray(value, like.dtype)
    flat[path] = jax.device_put(value, like.sharding)
  return flax.traverse_util.unflatten_dict(flat)


def _other_network(kind, path, expected: str, got: str) -> errors.InputError:
  name = '/'.join((kind, *path))
  return errors.InputError('initial_weights', f'{name} {expected}', got)
