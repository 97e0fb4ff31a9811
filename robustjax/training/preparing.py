"""From a config to what the training loop needs."""

from collections.abc import Sequence
import os
import pathlib
from typing import Any

import jax
import ml_collections

from robustjax import array_types
from robustjax import errors
from robustjax import files
from robustjax import random_keys
from robustjax.training import building
from robustjax.training import checkpointing
from robustjax.training import feeds
from robustjax.training import initial_weights
from robustjax.training import loop
from robustjax.training import metric_writers
from robustjax.training import processes
from robustjax.training import programs
from robustjax.training import run_config
from robustjax.training import run_data
from robustjax.training import run_files
from robustjax.training import seeds
from robustjax.training import sharding
from robustjax.training import state as state_lib


def check_and_load(
  config: ml_collections.ConfigDict,
  data_dir: str | os.PathLike | None,
  devices: Sequence[jax.Device],
) -> run_data.RunData:
  """Everything that bad input can stop, before anything is written.

  Args:
    config: of the run, or of several that differ by seed.
    data_dir: folder of prepared TFDS data sets.
    devices: the devices to use.

  Returns:
    The data sets.

  Raises:
    errors.InputError: on a bad config, data sets that are not prepared, or
      devices that do not fit.
  """
  run_config.validate(config)
  if data_dir is not None:
    files.local_path('data_dir', data_dir)
  if config.deep_augment.kind == 'autoencoder':
    files.check_file(
      'deep_augment.autoencoder', config.deep_augment.autoencoder
    )
  layout = building.build_layout(config, devices)
  building.build_model(config, num_classes=2)  # Its options are checked there.
  data = run_data.load(config, data_dir)
  if config.num_seeds > 1 and are_seeds_at_once(config, data, devices):
    sharding.make_seed_mesh(devices, config.num_seeds, seeds=config.mesh.seeds)
  else:
    sharding.check_batch_size(layout.mesh, config.batch_size)
  return data


def are_seeds_at_once(
  config: ml_collections.ConfigDict,
  data: run_data.RunData,
  devices: Sequence[jax.Device],
) -> bool:
  """Whether the models of several seeds are trained by one program.

  Args:
    config: a validated config.
    data: of the run.
    devices: all that are to be used.

  Returns:
    What `mesh.seeds` says; by default, where it gains time.

  Raises:
    errors.InputError: if they cannot be, and `mesh.seeds` says so.
  """
  can_be = (
    not data.is_streamed
    and not processes.are_several()
    and config.mesh.parameters == 1
    and config.ant.epsilon == 0
  )
  if config.mesh.seeds and not can_be:
    expected = (
      '0 with photographs, several processes, mesh.parameters above 1 or'
      ' adversarial noise: models are trained in turn'
    )
    raise errors.InputError('mesh.seeds', expected, str(config.mesh.seeds))
  return can_be and (config.mesh.seeds > 0 or gains_from_seeds_at_once(devices))


def gains_from_seeds_at_once(devices: Sequence[jax.Device]) -> bool:
  """Whether several models at once take less time than in turn."""
  # A CPU is busy with one model.
  return devices[0].platform != 'cpu'


def first_state(
  config: ml_collections.ConfigDict,
  folder: pathlib.Path,
  checkpoints: checkpointing.Checkpoints,
  data: run_data.RunData,
  devices: Sequence[jax.Device],
) -> state_lib.State:
  """The newest intact state of one model, or the one before its first step.

  Args:
    config: of the model.
    folder: where it is written.
    checkpoints: in that folder.
    data: of the run.
    devices: the devices to use.

  Returns:
    The state.

  Raises:
    errors.InputError: if all checkpoints are damaged or of another run, or the
      weights it is to start from are of another network.
  """
  num_classes = data.test.num_classes
  steps_per_epoch = data.steps_per_epoch(config.batch_size)
  recipe = building.build_recipe(config, num_classes, steps_per_epoch)
  layout = building.build_layout(config, devices)
  init = programs.compile_init(recipe, data.image_shape, layout)
  abstract = programs.abstract_state(init, layout)
  state = checkpoints.restore_newest_intact(abstract, metric_writers.say)
  if processes.is_first():
    run_files.describe_dataset(folder, data.image_shape, num_classes)
  if state is None:
    state = init(random_keys.root_key(config.seed))
    return initial_weights.take_over(state, config.initial_weights)
  num_steps = config.num_epochs * steps_per_epoch
  done = f'step {int(state.step)} of {num_steps}'
  metric_writers.say(f'resuming from {done} in {folder}')
  return state


def assemble(
  configs: Sequence[ml_collections.ConfigDict],
  data: run_data.RunData,
  devices: Sequence[jax.Device],
) -> loop.Run:
  """What the loop needs to train models that differ by seed only.

  Args:
    configs: one per model.
    data: of the run.
    devices: the devices to use.

  Returns:
    A `loop.Run`.
  """
  config = configs[0]
  is_one = len(configs) == 1
  layout = building.build_layout(config, devices)
  if not is_one:
    # Some of the models may be done, and the others fewer than were asked for.
    most = devices[: config.mesh.seeds or None]
    seed_mesh = sharding.make_seed_mesh(most, len(configs))
    layout = layout._replace(mesh=seed_mesh)
  roots = [random_keys.root_key(one.seed) for one in configs]
  root = roots[0] if is_one else seeds.stack(roots)
  feed = _feed(config, data, layout.mesh, root)
  recipe = building.build_recipe(
    config, data.test.num_classes, feed.steps_per_epoch
  )
  schedule = building.build_schedule(
    config, config.num_epochs * feed.steps_per_epoch
  )
  dtype = array_types.at_least_float32(config.model.dtype)
  local = sharding.local_mesh(layout.mesh)
  return loop.Run(
    config=config,
    feed=feed,
    watched_data=data.watched,
    test_data=data.test,
    mesh=layout.mesh,
    root=root,
    schedule=schedule if is_one else seeds.stack([schedule] * len(configs)),
    step_fn=programs.compile_step(recipe, layout, dtype),
    **_adversary_programs(recipe, data.image_shape, layout, dtype),
    predict=programs.compile_predict(recipe.model, local),
  )


def _feed(config, data: run_data.RunData, mesh, root) -> feeds.Feed:
  if data.is_streamed:
    return feeds.StreamFeed(data.train, mesh, config.seed, config.batch_size)
  return feeds.DeviceFeed(data.train, mesh, root, config.batch_size)


def _adversary_programs(recipe, image_shape, layout, dtype) -> dict[str, Any]:
  if recipe.adversary is None:
    return {'renew_fn': None, 'warm_up_fn': None}
  recipe = recipe.without_values()
  return {
    'renew_fn': programs.compile_renew(recipe, image_shape, layout),
    'warm_up_fn': programs.compile_warm_up(recipe, layout, dtype),
  }
