"""How large a model is: parameters and operations for one image."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_collections

from robustjax.models import flops
from robustjax.training import building

_NUM_CLASSES = 10  # of all data sets of the paper that prints sizes


class ModelSize(NamedTuple):
  """Of one model.

  Attributes:
    parameters: how many.
    paper_gflops: billions of operations as the paper counts them: of the layers
      on maps, with weight maps as it writes them.
    gflops: the same of all layers, as they are computed here.
  """

  parameters: int
  paper_gflops: float
  gflops: float


def find(
  config: ml_collections.ConfigDict, image_shape: tuple[int, int, int]
) -> ModelSize:
  """The size of a config's model; nothing is run.

  Args:
    config: of the run.
    image_shape: (H, W, C) of the images.

  Returns:
    A `ModelSize`.
  """
  model = building.build_model(config, _NUM_CLASSES)
  image = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
  variables = jax.eval_shape(model.init, jax.random.key(0), image)
  printed = flops.count_flops(model, image_shape, weight_map_form='printed')
  contracted = flops.count_flops(model, image_shape)
  return ModelSize(
    sum(leaf.size for leaf in jax.tree.leaves(variables['params'])),
    printed.total_on_maps / 1e9,
    contracted.total / 1e9,
  )
