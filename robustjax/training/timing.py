"""How long one training step takes, for several configs in turn."""

from collections.abc import Mapping
import statistics
import time
from typing import NamedTuple

import jax
import ml_collections
import numpy as np

from robustjax import array_types
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import building
from robustjax.training import programs
from robustjax.training import run_config
from robustjax.training import sharding

_WARM_UP = 3
_STEPS_PER_EPOCH = 1000


class Timing(NamedTuple):
  """Of one config.

  Attributes:
    milliseconds: a step's median time in each round.
    compile_seconds: what tracing and compiling took.
  """

  milliseconds: list[float]
  compile_seconds: float

  @property
  def median(self) -> float:
    """Median over the rounds, in milliseconds."""
    return statistics.median(self.milliseconds)


def time_steps(
  configs: Mapping[str, ml_collections.ConfigDict],
  *,
  image_shape: tuple[int, int, int] = (28, 28, 1),
  num_classes: int = 10,
  count: int = 20,
  rounds: int = 5,
) -> dict[str, Timing]:
  """Times training steps on random images, the configs in turn.

  Args:
    configs: by name.
    image_shape: (H, W, C).
    num_classes: number of classes.
    count: steps of each config in a round.
    rounds: how often each config has its turn.

  Returns:
    A `Timing` for each config, under its name.
  """
  stepped, seconds = {}, {}
  for name, config in configs.items():
    run_config.validate(config)
    start = time.perf_counter()
    stepped[name] = _compile(config, image_shape, num_classes)
    seconds[name] = time.perf_counter() - start
  times = {name: [] for name in configs}
  for _ in range(rounds):
    for name, step in stepped.items():
      times[name].append(_median_milliseconds(step, count))
  return {name: Timing(times[name], seconds[name]) for name in configs}


def _median_milliseconds(step, count: int) -> float:
  times = []
  for _ in range(count + _WARM_UP):
    start = time.perf_counter()
    step()
    times.append(1000 * (time.perf_counter() - start))
  return statistics.median(times[_WARM_UP:])


def _compile(config, image_shape, num_classes):
  """A closure that does one step and waits for it."""
  size = config.batch_size
  mesh = sharding.make_mesh(jax.devices()[:1])
  layout = sharding.Layout(mesh)
  recipe = building.build_recipe(config, num_classes, _STEPS_PER_EPOCH)
  dtype = array_types.at_least_float32(config.model.dtype)
  step = programs.compile_step(recipe, layout, dtype)
  root = random_keys.root_key(config.seed)
  state = programs.compile_init(recipe, image_shape, layout)(root)
  pixels = np.random.default_rng(0).integers(
    0, 256, (size, *image_shape), dtype=np.uint8
  )
  labels = np.arange(size, dtype=np.int32) % num_classes
  data = jax.device_put(
    pipeline.DeviceData(pixels, labels), sharding.replicated(mesh)
  )
  order = programs.compile_order(size, mesh)(root, np.int32(0))
  source = pipeline.Source(data, order, np.int32(0))
  schedule = building.build_schedule(
    config, config.num_epochs * _STEPS_PER_EPOCH
  )

  def one_step():
    nonlocal state
    state, metrics = step(state, source, root, schedule, size=size)
    jax.block_until_ready((state, metrics))

  one_step()
  return one_step
