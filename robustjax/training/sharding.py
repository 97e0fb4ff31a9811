"""Layout of arrays over devices.

A single model is trained on a mesh with the axis 'data': batches are split, all
else is on every device. One jitted program sees the whole batch, so statistics
over a batch, such as those noise injection draws from, are global whatever the
number of devices.

Models that differ by seed are trained on a mesh with the axis 'seed': each
device trains some of them, alone.
"""

from collections.abc import Sequence

import jax
from jax.sharding import AxisType
from jax.sharding import Mesh
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec

from robustjax import errors

DATA_AXIS = 'data'
SEED_AXIS = 'seed'


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
  """A mesh of the given devices, all by default, along the axis 'data'."""
  devices = list(devices) if devices is not None else jax.devices()
  return jax.make_mesh(
    (len(devices),), (DATA_AXIS,), (AxisType.Auto,), devices=devices
  )


def make_seed_mesh(devices: Sequence[jax.Device], num_seeds: int) -> Mesh:
  """A mesh along the axis 'seed', of as many devices as divide the seeds."""
  count = min(len(devices), num_seeds)
  while num_seeds % count:
    count -= 1
  return jax.make_mesh(
    (count,), (SEED_AXIS,), (AxisType.Auto,), devices=list(devices)[:count]
  )


def is_over_seeds(mesh: Mesh) -> bool:
  """Whether the mesh has the axis 'seed'."""
  return SEED_AXIS in mesh.axis_names


def state_sharding(mesh: Mesh) -> NamedSharding:
  """The layout of states: on every device, or each seed's on its device."""
  spec = PartitionSpec(SEED_AXIS) if is_over_seeds(mesh) else PartitionSpec()
  return NamedSharding(mesh, spec)


def replicated(mesh: Mesh) -> NamedSharding:
  """The whole array on every device."""
  return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh, size: int) -> NamedSharding:
  """The layout of a batch along its first axis.

  Args:
    mesh: from `make_mesh`.
    size: number of examples.

  Returns:
    An equal part per device; where the devices do not divide `size`, as they
    may not an epoch's last batch, the whole batch on every device.
  """
  is_even = size % mesh.size == 0
  return NamedSharding(mesh, PartitionSpec(DATA_AXIS if is_even else None))


def check_one_process() -> None:
  """Raises errors.InputError if this is one of several JAX processes."""
  if jax.process_count() > 1:
    expected = 'a single process: several hosts are not supported yet'
    raise errors.InputError('processes', expected, str(jax.process_count()))


def check_batch_size(mesh: Mesh, batch_size: int) -> None:
  """Raises errors.InputError unless the devices divide the batch size."""
  if batch_size % mesh.size:
    expected = f'a multiple of the {mesh.size} devices'
    raise errors.InputError('batch_size', expected, str(batch_size))
