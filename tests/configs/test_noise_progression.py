import runpy

import pytest


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


def test_an_unknown_variant_is_named(configs):
  with pytest.raises(ValueError, match="imagenet_noise .*got 'imagenet'"):
    configs['get_config']('imagenet')
