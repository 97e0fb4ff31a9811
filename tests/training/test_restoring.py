import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import robustjax
from robustjax import errors
from robustjax import training

pytestmark = pytest.mark.usefixtures('tiny_data')


def test_predicts_as_the_model_does_without_noise(
  config, undisturbed, one_device, rng
):
  restored = robustjax.restore(undisturbed, devices=one_device)
  assert restored.step == 14
  assert restored.config.to_dict() == config.to_dict()
  images = jnp.asarray(rng.uniform(size=(5, 8, 8, 1)), jnp.float32)
  expected = restored.model.apply(restored.variables, images)
  np.testing.assert_allclose(restored.predict(images), expected, rtol=1e-5)


def test_a_step_can_be_chosen(undisturbed, one_device):
  earlier = robustjax.restore(undisturbed, 12, devices=one_device)
  assert earlier.step == 12
  best = robustjax.restore(undisturbed, 'best', devices=one_device)
  assert best.step in (7, 14)


@pytest.mark.parametrize('step', [0, 5, -14, True, 14.0, '14', '', 'newest'])
def test_a_step_that_is_not_there_is_named(undisturbed, one_device, step):
  with pytest.raises(errors.InputError, match=r'step: .*\[7, 12, 14\], latest'):
    robustjax.restore(undisturbed, step, devices=one_device)


@pytest.mark.parametrize(
  ('file', 'change', 'message'),
  [
    ('config', {'seed': 3}, 'seed=0, got seed=3'),
    ('config', {'variant': 'cnn'}, 'variant=noiseout, got variant=cnn'),
    ('dataset', {'num_classes': 5}, 'num_classes=4, got num_classes=5'),
    ('dataset', {'image_shape': [9, 8, 1]}, r'image_shape=\[8, 8, 1\], got'),
  ],
)
def test_what_was_edited_since_is_named(
  undisturbed, one_device, file, change, message
):
  path = undisturbed / f'{file}.json'
  path.write_text(json.dumps(json.loads(path.read_text()) | change))
  with pytest.raises(errors.InputError, match=message):
    robustjax.restore(undisturbed, devices=one_device)


def test_an_edited_mean_is_named(undisturbed, one_device):
  """No array differs: the classifier would be another one all the same."""
  path = undisturbed / 'config.json'
  content = json.loads(path.read_text())
  content['model']['mean'] = 0.5
  path.write_text(json.dumps(content))
  with pytest.raises(
    errors.InputError, match='mean=0.1307, got model.mean=0.5'
  ):
    robustjax.restore(undisturbed, devices=one_device)


def test_the_best_is_not_chosen_from_what_is_left(undisturbed, one_device):
  folder = undisturbed / 'checkpoints' / '12' / 'manifest'
  (folder / 'metadata').write_text('')
  with pytest.raises(errors.InputError, match=r'step 12 .*: \[7, 14\]'):
    robustjax.restore(undisturbed, 'best', devices=one_device)
  assert robustjax.restore(undisturbed, devices=one_device).step == 14


def test_restores_onto_eight_devices_what_one_trained(
  undisturbed, one_device, rng
):
  images = jnp.asarray(rng.uniform(size=(16, 8, 8, 1)), jnp.float32)
  one = robustjax.restore(undisturbed, devices=one_device)
  eight = robustjax.restore(undisturbed)
  np.testing.assert_allclose(
    one.predict(images), eight.predict(images), atol=1e-5
  )


def test_images_of_another_shape_are_named(undisturbed, one_device):
  restored = robustjax.restore(undisturbed, 'latest', devices=one_device)
  with pytest.raises(errors.InputError, match=r'images: .*\[B, 8, 8, 1\]'):
    restored.predict(jnp.zeros((2, 9, 8, 1)))


def test_a_folder_that_is_no_run_is_named(tmp_path):
  with pytest.raises(errors.InputError, match='workdir: '):
    robustjax.restore(tmp_path / 'nothing')


@pytest.mark.slow
def test_noise_left_on_is_the_mean_of_noisy_passes(
  undisturbed, one_device, rng
):
  restored = robustjax.restore(undisturbed, devices=one_device)
  images = jnp.asarray(rng.uniform(size=(3, 8, 8, 1)), jnp.float32)
  found = {
    (passes, seed): np.asarray(
      training.keep_noise(restored, num_passes=passes, seed=seed)(images)
    )
    for passes, seed in ((1, 0), (1, 1), (50, 0), (50, 1))
  }
  assert not np.allclose(found[1, 0], found[1, 1], atol=1e-2)
  apart = {n: np.abs(found[n, 0] - found[n, 1]).mean() for n in (1, 50)}
  # The deviation of a mean falls with the root of its number of passes: to a
  # seventh, of an average of 12 differences.
  assert apart[50] < apart[1] / 3
  clean = np.asarray(restored.predict(images))
  assert np.abs(found[50, 0] - clean).max() > 0


@pytest.mark.slow
def test_noise_left_on_can_be_attacked(undisturbed, one_device, rng):
  restored = robustjax.restore(undisturbed, devices=one_device)
  predict = training.keep_noise(restored, num_passes=2)
  images = jnp.asarray(rng.uniform(size=(3, 8, 8, 1)), jnp.float32)
  gradient = jax.jit(jax.grad(lambda x: predict(x).max(axis=1).sum()))(images)
  assert np.isfinite(gradient).all()
  assert np.abs(gradient).max() > 0


def test_no_passes_are_named(undisturbed, one_device):
  restored = robustjax.restore(undisturbed, devices=one_device)
  with pytest.raises(errors.InputError, match='num_passes: expected an int'):
    training.keep_noise(restored, num_passes=0)
