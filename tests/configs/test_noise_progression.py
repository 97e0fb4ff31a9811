import runpy

import jax
import jax.numpy as jnp
import pytest

from robustjax.training import building
from robustjax.training import run_config


@pytest.fixture
def configs(root, monkeypatch):
  monkeypatch.syspath_prepend(str(root))  # They import one another.
  return runpy.run_path(str(root / 'configs' / 'noise_progression.py'))


def test_experiment_2_is_the_same_on_imagenet(configs):
  for regime, progression in configs['EXPERIMENT_2'].items():
    small = configs['get_config'](regime)
    large = configs['get_config'](f'imagenet_{regime}')
    assert (small.dataset, large.dataset) == ('cifar10', 'imagenet2012')
    assert large.flip
    assert len(large.model.mean) == len(large.model.deviation) == 3
    assert small.snr_noise == large.snr_noise
    noise = large.snr_noise
    if progression is None:
      assert noise.variance_ratio == 0
    else:
      assert (noise.variance_ratio, noise.progression) == (0.25, progression)
    assert small.optimizer == large.optimizer
    assert large.num_epochs == 30


def test_on_imagenet_it_is_torchvision_s_alexnet(configs):
  config = configs['get_config']('imagenet_noise_to_clear')
  run_config.validate(config)
  model = building.build_model(config, 1000)
  image = jax.ShapeDtypeStruct((1, config.input.side, 224, 3), jnp.float32)
  variables = jax.eval_shape(model.init, jax.random.key(0), image)
  sizes = [leaf.size for leaf in jax.tree.leaves(variables)]
  assert sum(sizes) == 61_100_840


def test_an_unknown_variant_is_named(configs):
  with pytest.raises(ValueError, match="imagenet_noise .*got 'imagenet'"):
    configs['get_config']('imagenet')
