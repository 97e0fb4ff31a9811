import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from robustjax import data
from robustjax import models
from robustjax import random_keys
from robustjax.data import pipeline
from robustjax.training import programs
from robustjax.training import sharding
from robustjax.training import steps

SHAPE = (6, 6, 1)


@pytest.fixture
def recipe():
  return steps.Recipe(models.create('mnist_cnn', num_classes=3), optax.sgd(0.1))


def test_the_abstract_state_is_that_of_the_first(recipe):
  layout = sharding.Layout(sharding.make_mesh(parameters=4))
  init = programs.compile_init(recipe, SHAPE, layout)
  abstract = programs.abstract_state(init, layout)
  first = init(random_keys.root_key(0))
  for leaf, described in zip(
    jax.tree.leaves(first), jax.tree.leaves(abstract), strict=True
  ):
    assert (leaf.shape, leaf.dtype) == (described.shape, described.dtype)
    assert leaf.sharding == described.sharding


@pytest.mark.slow
def test_a_batch_is_split_where_the_devices_divide_it(
  recipe, rng, monkeypatch, no_disturbance
):
  is_replicated = {}
  train_step = steps.train_step

  def inspect(state, batch, root, *others, **options):
    size = len(batch.labels)
    jax.debug.inspect_array_sharding(
      batch.images,
      callback=lambda layout: is_replicated.update(
        {size: layout.is_fully_replicated}
      ),
    )
    return train_step(state, batch, root, *others, **options)

  monkeypatch.setattr(steps, 'train_step', inspect)
  mesh, root = sharding.make_mesh(), random_keys.root_key(0)
  images = rng.integers(0, 256, (12, *SHAPE)).astype(np.uint8)
  on_device = pipeline.to_device(
    data.from_arrays(images, np.arange(12) % 3), sharding.replicated(mesh)
  )
  order = programs.compile_order(12, mesh)(root, np.int32(0))
  layout = sharding.Layout(mesh)
  state = programs.compile_init(recipe, SHAPE, layout)(root)
  programs._compile_step.cache_clear()  # It would hold the real train_step.
  step = programs.compile_step(recipe, layout, jnp.float32)
  for start, size in ((0, 8), (8, 4)):
    source = pipeline.Source(on_device, order, np.int32(start))
    state, _ = step(state, source, root, no_disturbance, size=size)
  assert int(state.step) == 2
  assert is_replicated == {8: False, 4: True}


def test_predicts_the_same_however_many_devices_there_are(recipe, rng):
  images = jnp.asarray(rng.uniform(size=(16, *SHAPE)), jnp.float32)
  found = []
  for count in (1, 8):
    mesh = sharding.make_mesh(jax.devices()[:count])
    init = programs.compile_init(recipe, SHAPE, sharding.Layout(mesh))
    state = init(random_keys.root_key(0))
    predict = programs.compile_predict(recipe.model, mesh)
    found.append(predict(state.variables, images))
  np.testing.assert_allclose(*found, atol=1e-6)
