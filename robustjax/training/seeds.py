"""Many models that differ by their seed, trained by one program.

The seed axis is a mapped axis on each device and a mesh axis over the devices.
`shard_map` keeps every device to its own models: with `jit` alone XLA gathers
what a convolution mapped over a sharded axis reads.
"""

from collections.abc import Callable
from collections.abc import Sequence
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.sharding import PartitionSpec

from robustjax import array_types
from robustjax.training import sharding


def over_seeds(
  function: Callable[..., Any], mesh: Mesh, shared: Sequence[Any]
) -> Callable[..., Any]:
  """Lifts a function of one model to one of many.

  Args:
    function: takes arrays, returns arrays.
    mesh: from `sharding.make_seed_mesh`.
    shared: for each argument, or each part of one, whether all models read the
      same; the others get a leading axis of seeds, whose size the devices of
      the mesh divide.

  Returns:
    The function with a leading axis of seeds on the other arguments and on all
    results. Its program holds no communication between devices.
  """
  axes = jax.tree.map(lambda one: None if one else 0, tuple(shared))
  mapped = jax.vmap(function, in_axes=axes)
  spec = PartitionSpec(sharding.SEED_AXIS)
  return jax.shard_map(
    mapped,
    mesh=mesh,
    in_specs=jax.tree.map(
      lambda one: PartitionSpec() if one else spec, tuple(shared)
    ),
    out_specs=spec,
    check_vma=False,
  )


def stack(trees: Sequence[array_types.PyTree]) -> array_types.PyTree:
  """Trees of one structure as one tree, with a leading axis."""
  return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


@functools.partial(jax.jit, static_argnames='count')
def unstack(tree: array_types.PyTree, count: int) -> list[array_types.PyTree]:
  """The `count` trees that were stacked."""
  return [jax.tree.map(lambda leaf, i=i: leaf[i], tree) for i in range(count)]
