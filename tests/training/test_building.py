import ml_collections
import numpy as np
import pytest

from configs import common
from configs import noise_progression
from configs import noiseout
from configs import noisy_dropout
from configs import weight_map
from robustjax import errors
from robustjax import layers
from robustjax.training import building
from robustjax.training import config_fields
from robustjax.training import losses
from robustjax.training import run_config

FILES = (noise_progression, noisy_dropout, noiseout, weight_map)
EVERY = [
  pytest.param(file.get_config, variant, id=f'{file.__name__}:{variant}')
  for file in FILES
  for variant in file.VARIANTS
]


@pytest.mark.parametrize(('get_config', 'variant'), EVERY)
def test_every_config_is_sound_and_can_be_built(get_config, variant):
  config = get_config(variant)
  run_config.validate(config)
  assert config.is_locked
  building.build_recipe(config, 10, steps_per_epoch=7)


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.__name__)
def test_an_unknown_variant_is_named(file):
  with pytest.raises(ValueError, match="expected one of .*, got 'nothing'"):
    file.get_config('nothing')


def _config(**fields):
  """That of the plain MNIST CNN, with changes by dotted names."""
  config = noiseout.get_config('cnn')
  config.update_from_flattened_dict(fields)
  run_config.validate(config)
  return config


@pytest.mark.parametrize(
  ('kind', 'rate', 'expected'),
  [
    ('none', 0.0, type(None)),
    ('none', 0.3, layers.NoiseInjection),
    ('static', 0.0, layers.NoiseOut),
  ],
)
def test_the_layer_follows_gate_and_rate(kind, rate, expected):
  config = _config(**{'gate.kind': kind, 'noise.rate': rate})
  model = building.build_model(config, 7)
  assert isinstance(model.flattened, expected)
  assert model.num_classes == 7


def test_noise_goes_where_it_belongs():
  config = _config(**{'penultimate_noise.stddev': 2.0})
  model = building.build_model(config, 7)
  assert model.penultimate == layers.PenultimateNoise(2.0)
  config = _config(**{'noisy_dropout.rate': 0.3, 'noisy_dropout.stddev': 0.1})
  assert building.build_model(config, 7).flattened == layers.NoisyDropout(
    0.3, 0.1
  )
  config = noisy_dropout.get_config('standard')
  model = building.build_model(config, 7)
  assert model.dropout == layers.NoisyDropout(0.2, 0.0, rescale=True)
  assert model.flattened is None


def test_two_layers_in_one_place_are_refused():
  config = _config(**{'noisy_dropout.rate': 0.3, 'noise.rate': 0.1})
  with pytest.raises(
    errors.InputError, match='noisy_dropout.rate: expected 0 on mnist_cnn'
  ):
    building.build_model(config, 7)


def test_noise_at_every_layer_is_built_with_what_it_skips():
  config = _config(
    **{'snr_noise.variance_ratio': 0.25, 'snr_noise.skip': 'conv1, dense2'}
  )
  recipe = building.build_recipe(config, 7, 3)
  expected = losses.LayerNoise(0.25, 'layer', ('conv1', 'dense2'))
  assert recipe.layer_noise == expected
  assert building.build_recipe(_config(), 7, 3).layer_noise is None


def test_augmentation_follows_the_config():
  def found(config):
    recipe = building.build_recipe(config, 7, 3)
    options = recipe.augmentation
    return options.crop_padding, options.is_blurred, options.is_noisy

  assert found(_config()) == (0, False, False)
  config = _config(**{'crop_padding': 2, 'blur.sigma': 3.0})
  assert found(config) == (2, True, False)
  assert found(noisy_dropout.get_config('input_noise')) == (0, False, True)


def test_fig_is_built_where_its_weight_is_not_zero():
  assert building.build_fig(_config()) is None
  config = _config(
    **{'gate.kind': 'elementwise', 'fig.weight': 0.25, 'fig.hidden': 'clean'}
  )
  expected = losses.FigLoss(weight=0.25, hidden='clean')
  assert building.build_fig(config) == expected


def test_the_same_values_give_the_same_optimizer():
  one, other = (
    building.build_optimizer(_config(seed=seed), 5) for seed in (0, 1)
  )
  assert one is other
  assert one is not building.build_optimizer(_config(), 6)


def test_strengths_follow_the_progression():
  config = noise_progression.get_config('resLHnoiseLH')
  schedule = building.build_schedule(config, num_steps=10)
  first, last = (schedule.at(step) for step in (4, 5))
  assert (float(first.blur_sigma), float(last.blur_sigma)) == (9.0, 0.0)
  assert float(first.penultimate_stddev) == 0.0
  assert float(last.penultimate_stddev) == 1.5
  for leaf in (*schedule.first, *schedule.last):
    assert leaf.dtype == np.float32


@pytest.mark.parametrize(
  ('variant', 'ratios'),
  [
    ('clear', (0.0, 0.0)),
    ('noise', (0.25, 0.25)),
    ('noise_to_clear', (0.25, 0.0)),
    ('clear_to_noise', (0.0, 0.25)),
  ],
)
def test_the_four_regimes_are_the_paper_s(variant, ratios):
  config = noise_progression.get_config(variant)
  schedule = building.build_schedule(config, num_steps=10)
  found = [float(schedule.at(step).variance_ratio) for step in (0, 9)]
  assert tuple(found) == ratios


def test_common_fields_are_in_every_config_and_only_once():
  fields = set(run_config.flatten(common.get_config()))
  assert fields == {
    field
    for field in config_fields.FIELDS
    if not field.startswith(('model.', 'optimizer.'))
  }
  assert isinstance(common.get_config(), ml_collections.ConfigDict)
