"""Layout of arrays over devices.

A single model is trained on a mesh with the axes 'data' and 'parameters'.
Batches are split over both. Parameters, and what belongs to them, are whole on
every device along 'data' and split along 'parameters' where a rule says so
(fully sharded data parallelism): with one device along 'parameters', as by
default, they are whole everywhere. One jitted program sees the whole batch, so
statistics over a batch, such as those noise injection draws from, are global
whatever the devices.

Models that differ by seed are trained on a mesh with the axis 'seed': each
device trains some of them, alone.
"""

from collections.abc import Sequence
import re
from typing import Any
from typing import NamedTuple

import jax
from jax.sharding import AxisType
from jax.sharding import Mesh
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec
import numpy as np

from robustjax import array_types
from robustjax import errors

DATA_AXIS = 'data'
PARAMETER_AXIS = 'parameters'
SEED_AXIS = 'seed'
LARGEST = 'largest'
# Arrays with fewer elements are not worth the communication.
_SMALLEST_SPLIT = 2**12


class Rule(NamedTuple):
  """Where an array of a state goes.

  Attributes:
    pattern: a regular expression that an array's whole path matches, such as
      'params/stage1/.*/kernel'; a state's paths begin with params, opt_state,
      statistics or adversary.
    axes: for each dimension the mesh axis it is split along, or None; 'largest'
      splits the largest dimension that the devices divide along 'parameters',
      if the array has 4096 elements or more.
  """

  pattern: str
  axes: str | tuple[str | None, ...]


RULES = (Rule('.*', LARGEST),)


class Layout(NamedTuple):
  """How a run lies on its devices; hashable.

  Attributes:
    mesh: the devices.
    rules: the first whose pattern matches decides; whole where none does.
  """

  mesh: Mesh
  rules: tuple[Rule, ...] = RULES

  def of(self, state: array_types.PyTree) -> array_types.PyTree:
    """The sharding of every array of a state.

    Args:
      state: arrays, or their shapes.

    Returns:
      A tree of `NamedSharding`s.

    Raises:
      errors.InputError: if a rule does not fit an array.
    """
    if is_over_seeds(self.mesh):
      spec = NamedSharding(self.mesh, PartitionSpec(SEED_AXIS))
      return jax.tree.map(lambda leaf: spec, state)
    return jax.tree_util.tree_map_with_path(self._of_leaf, state)

  def _of_leaf(self, path, leaf) -> NamedSharding:
    name = path_name(path)
    for rule in self.rules:
      if re.fullmatch(rule.pattern, name):
        spec = _spec(rule, name, leaf.shape, self.mesh)
        return NamedSharding(self.mesh, spec)
    return replicated(self.mesh)


def path_name(path: tuple[Any, ...]) -> str:
  """A path in a tree as rules see it: 'params/dense1/kernel'."""
  return jax.tree_util.keystr(path, simple=True, separator='/')


def _spec(rule: Rule, name: str, shape, mesh: Mesh) -> PartitionSpec:
  if rule.axes == LARGEST:
    return _split_largest(shape, mesh.shape[PARAMETER_AXIS])
  if len(rule.axes) > len(shape):
    expected = f'at most {len(shape)} axes for {name} {list(shape)}'
    raise errors.InputError('mesh.rules', expected, str(rule.axes))
  for size, axis in zip(shape, rule.axes, strict=False):
    if axis is not None and size % mesh.shape[axis]:
      expected = f'axes that divide {name} {list(shape)}'
      got = f'{mesh.shape[axis]} devices along {axis!r}'
      raise errors.InputError('mesh.rules', expected, got)
  return PartitionSpec(*rule.axes)


def _split_largest(shape: tuple[int, ...], count: int) -> PartitionSpec:
  sizes = [size if size % count == 0 else 0 for size in shape]
  if count == 1 or np.prod(shape) < _SMALLEST_SPLIT or not any(sizes):
    return PartitionSpec()
  place = int(np.argmax(sizes))
  return PartitionSpec(*[None] * place, PARAMETER_AXIS)


def check_rules(field: str, rules: Any) -> None:
  """Raises errors.InputError unless these are (pattern, axes) pairs.

  Args:
    field: name to report.
    rules: what came.
  """
  expected = (
    "(pattern, axes) pairs such as (('.*', 'largest'),), axes 'largest' or one"
    ' of data, parameters, None per dimension'
  )
  try:
    pairs = [(re.compile(pattern), axes) for pattern, axes in rules]
  except (TypeError, ValueError, re.error) as error:
    raise errors.InputError(field, expected, repr(rules)) from error
  known = (DATA_AXIS, PARAMETER_AXIS, None)
  for _, axes in pairs:
    are_axes = isinstance(axes, tuple) and all(one in known for one in axes)
    if axes != LARGEST and not are_axes:
      raise errors.InputError(field, expected, repr(axes))


def make_mesh(
  devices: Sequence[jax.Device] | None = None,
  *,
  data: int = 0,
  parameters: int = 1,
) -> Mesh:
  """A mesh for one model.

  Args:
    devices: all by default.
    data: number of devices along 'data'; 0 for all that 'parameters' leaves.
    parameters: number of devices along 'parameters'.

  Returns:
    A mesh with the axes 'data' and 'parameters'.

  Raises:
    errors.InputError: if that are not just as many devices.
  """
  devices = list(devices) if devices is not None else jax.devices()
  count = len(devices)
  if count % parameters:
    expected = f'a divisor of the {count} devices'
    raise errors.InputError('mesh.parameters', expected, str(parameters))
  if data not in (0, count // parameters):
    expected = (
      f'0, or {count // parameters}: {count} devices, {parameters} of them'
      ' along parameters'
    )
    raise errors.InputError('mesh.data', expected, str(data))
  # Each process's devices side by side, so that its part of a batch is in one
  # piece; jax.make_mesh may order them otherwise.
  grid = sorted(devices, key=lambda device: device.process_index)
  return Mesh(
    np.asarray(grid).reshape(count // parameters, parameters),
    (DATA_AXIS, PARAMETER_AXIS),
    axis_types=(AxisType.Auto, AxisType.Auto),
  )


def make_seed_mesh(
  devices: Sequence[jax.Device], num_seeds: int, *, seeds: int = 0
) -> Mesh:
  """A mesh along the axis 'seed'.

  Args:
    devices: to choose from.
    num_seeds: number of models.
    seeds: number of devices; 0 for as many as divide the models.

  Returns:
    A mesh of the first devices.

  Raises:
    errors.InputError: if there are fewer, or they do not divide the models.
  """
  count = seeds or min(len(devices), num_seeds)
  while not seeds and num_seeds % count:
    count -= 1
  if count > len(devices) or num_seeds % count:
    expected = f'at most {len(devices)} devices that divide {num_seeds} seeds'
    raise errors.InputError('mesh.seeds', expected, str(seeds))
  return jax.make_mesh(
    (count,), (SEED_AXIS,), (AxisType.Auto,), devices=list(devices)[:count]
  )


def is_over_seeds(mesh: Mesh) -> bool:
  """Whether the mesh has the axis 'seed'."""
  return SEED_AXIS in mesh.axis_names


def replicated(mesh: Mesh) -> NamedSharding:
  """The whole array on every device."""
  return NamedSharding(mesh, PartitionSpec())


def over_batch(mesh: Mesh) -> NamedSharding:
  """An equal part of a batch per device."""
  return NamedSharding(mesh, PartitionSpec((DATA_AXIS, PARAMETER_AXIS)))


def batch_sharding(mesh: Mesh, size: int) -> NamedSharding:
  """The layout of a batch along its first axis.

  Args:
    mesh: from `make_mesh`.
    size: number of examples.

  Returns:
    An equal part per device; where the devices do not divide `size`, as they
    may not an epoch's last batch, the whole batch on every device.
  """
  return over_batch(mesh) if size % mesh.size == 0 else replicated(mesh)


def on_this_process(tree: array_types.PyTree, mesh: Mesh) -> array_types.PyTree:
  """Whole arrays, on this process's devices alone.

  Args:
    tree: arrays on a mesh. All processes of the mesh call this.
    mesh: that mesh.

  Returns:
    The same arrays, on a mesh of this process's devices of it.
  """
  here = local_mesh(mesh)
  if here.size == mesh.size:
    return jax.device_put(tree, replicated(here))
  whole = jax.jit(lambda tree: tree, out_shardings=replicated(mesh))(tree)
  return jax.device_put(jax.tree.map(np.asarray, whole), replicated(here))


def local_mesh(mesh: Mesh) -> Mesh:
  """A mesh for one model of those devices that are this process's."""
  return make_mesh(list(mesh.local_devices))


def check_batch_size(mesh: Mesh, batch_size: int) -> None:
  """Raises errors.InputError unless the devices divide the batch size."""
  if batch_size % mesh.size:
    expected = f'a multiple of the {mesh.size} devices'
    raise errors.InputError('batch_size', expected, str(batch_size))
