import runpy

import pytest


@pytest.fixture
def get_config(root):
  return runpy.run_path(str(root / 'configs' / 'noiseout.py'))['get_config']


def test_variants_are_the_paper_s(get_config):
  cnn, noiseout = get_config('cnn'), get_config('noiseout')
  assert (cnn.gate.kind, cnn.noise.rate) == ('none', 0.0)
  assert (noiseout.gate.kind, noiseout.noise.rate) == ('dense', 0.2)
  for config in (cnn, noiseout):
    optimizer = config.optimizer
    assert (optimizer.learning_rate, optimizer.decay) == (1.0, 0.7)
    assert (optimizer.name, optimizer.schedule) == ('adadelta', 'per_epoch')
    assert (config.batch_size, config.num_epochs) == (64, 14)
    assert config.is_locked


def test_an_unknown_variant_is_named(get_config):
  with pytest.raises(ValueError, match="cnn | noiseout, got 'gated'"):
    get_config('gated')
