"""Many seeds at once: the same models as one by one, without communication."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from robustjax import data
from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import losses
from robustjax.training import programs
from robustjax.training import progression
from robustjax.training import seeds
from robustjax.training import sharding
from robustjax.training import steps
from robustjax.training import strengths

SHAPE = (6, 6, 1)
SEEDS = (0, 1, 2, 3)
COLLECTIVES = ('all-gather', 'all-reduce', 'all-to-all', 'collective-permute')


@pytest.fixture
def images(rng):
  pixels = rng.integers(0, 256, (20, *SHAPE)).astype(np.uint8)
  return data.from_arrays(pixels, np.arange(20) % 3)


def _programs(mesh, fig):
  model = models.create(
    'mnist_cnn', num_classes=3, flattened=layers.NoiseOut(rate=0.3)
  )
  optimizer = _sgd()
  one = sharding.Layout(sharding.make_mesh(jax.devices()[:1]))
  recipe = steps.Recipe(model, optimizer, fig=fig)
  return (
    programs.compile_init(recipe, SHAPE, one),
    programs.compile_order(20, mesh),
    programs.compile_step(recipe, sharding.Layout(mesh), jnp.float32),
  )


@functools.cache
def _sgd():
  return optax.sgd(0.1)


def _arguments(mesh, images, roots, init, order):
  """Of the step after init, for one root or for stacked ones."""
  on_device = pipeline.to_device(images, sharding.replicated(mesh))
  constant = strengths.Strengths(*map(np.float32, (0.3, 0.5, 0, 0, 0, 0, 0, 0)))
  course = jax.tree.map(np.int32, progression.make_course('two_phase', 3))
  schedule = strengths.Schedule(course, constant, constant)
  states = [init(root) for root in roots]
  if not sharding.is_over_seeds(mesh):
    epoch_order = order(roots[0], np.int32(0))
    return states[0], on_device, epoch_order, roots[0], schedule
  stacked = seeds.stack(roots)
  state = seeds.stack(states)
  return (
    jax.device_put(state, sharding.Layout(mesh).of(state)),
    on_device,
    order(stacked, np.int32(0)),
    stacked,
    seeds.stack([schedule] * len(roots)),
  )


def _train(mesh, images, numbers, fig):
  init, order, step = _programs(mesh, fig)
  roots = [random_keys.root_key(number) for number in numbers]
  state, on_device, epoch_order, root, schedule = _arguments(
    mesh, images, roots, init, order
  )
  first = jax.tree.map(np.asarray, state)
  for start, size in ((0, 8), (8, 8), (16, 4)):
    source = pipeline.Source(on_device, epoch_order, np.int32(start))
    state, _ = step(state, source, root, schedule, size=size)
  return first, np.asarray(epoch_order), jax.tree.map(np.asarray, state)


@pytest.mark.slow
@pytest.mark.parametrize('num_devices', [2, 8])
def test_each_seed_is_what_it_is_alone(images, num_devices):
  fig = losses.FigLoss()
  mesh = sharding.make_seed_mesh(jax.devices()[:num_devices], len(SEEDS))
  assert mesh.size == min(num_devices, len(SEEDS))
  first, order, last = _train(mesh, images, SEEDS, fig)
  alone_mesh = sharding.make_mesh(jax.devices()[:1])
  for place, number in enumerate(SEEDS):
    alone = _train(alone_mesh, images, (number,), fig)
    jax.tree.map(
      lambda many, one, place=place: np.testing.assert_array_equal(
        many[place], one
      ),
      (first, order),
      alone[:2],
    )
    # Three steps of order 0.1 with sums of float32 in another order.
    jax.tree.map(
      lambda many, one, place=place: np.testing.assert_allclose(
        many[place], one, atol=1e-5
      ),
      last.params,
      alone[2].params,
    )
  assert len({leaf.tobytes() for leaf in last.params['dense1']['kernel']}) == 4


def test_the_compiled_step_does_not_communicate(images):
  mesh = sharding.make_seed_mesh(jax.devices(), 8)
  assert mesh.size == 8
  init, order, step = _programs(mesh, losses.FigLoss())
  roots = [random_keys.root_key(number) for number in range(8)]
  state, on_device, epoch_order, root, schedule = _arguments(
    mesh, images, roots, init, order
  )
  source = pipeline.Source(on_device, epoch_order, np.int32(0))
  program = step.lower(state, source, root, schedule, size=8)
  text = program.compile().as_text()
  assert not [name for name in COLLECTIVES if name in text]


def test_stack_and_unstack_are_inverse():
  trees = [{'a': jnp.full((2,), i), 'b': (jnp.float32(i),)} for i in range(3)]
  found = seeds.unstack(seeds.stack(trees), 3)
  chex.assert_trees_all_equal(found, trees)


def test_devices_that_do_not_divide_the_seeds_stay_idle():
  devices = jax.devices()
  sizes = {n: sharding.make_seed_mesh(devices, n).size for n in (1, 3, 10, 16)}
  assert sizes == {1: 1, 3: 3, 10: 5, 16: 8}
