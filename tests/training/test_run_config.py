import pytest

from configs import weight_map
from robustjax import errors
from robustjax.training import run_config


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('noise.rate', 1.5, r'noise.rate: expected a number in \[0, 1\], got 1.5'),
    ('noise.strategy', 'gauss', 'noise.strategy: expected one of noise_inj'),
    ('gate.kind', 'dens', "gate.kind: .*did you mean 'dense'"),
    ('gate.maximum', 0.0, r'gate.maximum: expected a number in \(0'),
    ('model.name', 'mnist', 'model.name: .*mean .mnist_cnn'),
    ('model.dtype', 'int8', 'model.dtype: expected one of float32'),
    ('model.dtype', 'float64', 'JAX_ENABLE_X64=1'),
    ('fig.weight', -0.5, r'fig.weight: expected a number in \[0'),
    ('fig.score', 'logits', "fig.score: .*did you mean 'logit'"),
    ('fig.num_steps', 0, 'fig.num_steps: expected an integer of at least 1'),
    ('fig.rule', 'left', 'fig.rule: expected one of right'),
    ('fig.reduction', 'max', 'fig.reduction: expected one of mean'),
    ('fig.hidden', 'noisy', 'fig.hidden: expected one of injected'),
    ('num_seeds', 0, 'num_seeds: expected an integer of at least 1'),
    ('seed', -1, 'seed: expected an integer of at least 0'),
    ('batch_size', 0, 'batch_size: expected an integer of at least 1'),
    ('optimizer.rho', 2.0, 'optimizer.rho: '),
    ('dataset', '', 'dataset: expected a name'),
    ('train_share', 0.0, r'train_share: expected a number in \(0, 1\]'),
    ('validation_share', 0.1, r'at most 1 - train_share = 0, got 0.1'),
    ('selection', 'first', 'selection: expected one of last | best'),
    ('crop_padding', -1, 'crop_padding: expected an integer of at least 0'),
    ('blur.sigma', -9.0, r'blur.sigma: expected a number in \[0'),
    ('blur.progression', 'fallin', "blur.progression: .*mean 'falling'"),
    ('penultimate_noise.stddev', -1.0, 'penultimate_noise.stddev: expected'),
    ('snr_noise.variance_ratio', -1.0, 'snr_noise.variance_ratio: expected'),
    ('noisy_dropout.where', 'kept', 'noisy_dropout.where: expected one of'),
    ('progression.shape', 'steps', 'progression.shape: expected one of two'),
    ('progression.first_phase', 0.7, r'add up to 1, got 0.7 \+ 0.5 = 1.2'),
    ('optimizer.schedule', 'step', 'optimizer.schedule: expected one of'),
    ('loss', 'hinge', 'loss: expected one of softmax | sigmoid'),
  ],
)
def test_a_bad_value_is_named(config, field, value, message):
  config.update_from_flattened_dict({field: value})
  with pytest.raises(errors.InputError, match=message):
    run_config.validate(config)


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('model.name', 'alexnet', "field: .*model.width, got 'model.hidden_size'"),
    ('optimizer.name', 'sgd', "config field: .*'optimizer.(rho|epsilon)'"),
  ],
)
def test_a_model_and_an_optimizer_have_fields_of_their_own(
  config, field, value, message
):
  config.update_from_flattened_dict({field: value})
  with pytest.raises(errors.InputError, match=message):
    run_config.validate(config)


def test_phases_are_part_of_a_name_where_something_goes_by_them(config):
  name = run_config.name(config)
  config.progression.first_phase, config.progression.second_phase = 0.2, 0.8
  assert run_config.name(config) == name
  config.noise.progression = 'rising'
  name = run_config.name(config)
  config.progression.first_phase, config.progression.second_phase = 0.3, 0.7
  assert run_config.name(config) != name


def test_fig_needs_gates_to_teach(config):
  config.fig.weight, config.gate.kind = 0.5, 'none'
  with pytest.raises(
    errors.InputError, match=r'fig.weight: expected 0 without'
  ):
    run_config.validate(config)


def test_no_seed_of_several_is_too_large(config):
  config.seed, config.num_seeds = 2**32 - 2, 3
  with pytest.raises(
    errors.InputError, match=r'seed \+ num_seeds: .*4294967296'
  ):
    run_config.validate(config)


def test_an_unknown_and_a_missing_field_are_named(config):
  with config.unlocked():
    config.noise.rat = 0.3
  answer = "^config field: did you mean 'noise.rate'"  # Before all names.
  with pytest.raises(errors.InputError, match=answer):
    run_config.validate(config)
  with config.unlocked():
    del config.noise.rat
    del config.noise.rate
  with pytest.raises(errors.InputError, match='noise.rate: expected a value'):
    run_config.validate(config)


def test_a_field_is_overridden_as_on_a_command_line(config):
  for field, text in (('noise.rate', '0.3'), ('fig.through_gate', 'True')):
    run_config.override(config, field, text)
  run_config.override(config, 'num_epochs', '5')
  assert (config.noise.rate, config.num_epochs) == (0.3, 5)
  assert config.fig.through_gate is True


def test_several_numbers_are_overridden_together():
  config = weight_map.get_config('resnet')
  run_config.override(config, 'model.blocks', '(1, 2)')
  assert config.model.blocks == (1, 2)
  config = weight_map.get_config('cnn')
  run_config.override(config, 'model.channels', '(4, 5, 6)')
  assert config.model.channels == (4, 5, 6)
  for text in ('4', '(4', 'print'):
    with pytest.raises(errors.InputError, match='model.channels: expected a'):
      run_config.override(config, 'model.channels', text)


@pytest.mark.parametrize(
  ('field', 'text', 'message'),
  [
    ('noise.rates', '0.3', "did you mean 'noise.rate'"),
    (
      'noise.rate',
      'high',
      "noise.rate: .* of type float, got 'high'",
    ),
    (
      'fig.through_gate',
      '1',
      'fig.through_gate: .* of type bool',
    ),
    ('num_epochs', '2.5', 'num_epochs: expected a value of type int'),
  ],
)
def test_a_bad_override_is_named(config, field, text, message):
  with pytest.raises(errors.InputError, match=message):
    run_config.override(config, field, text)


def test_runs_that_end_alike_share_their_name(config):
  name = run_config.name(config)
  assert name.startswith('noiseout-')
  for field, value in (
    ('seed', 3),
    ('num_seeds', 2),
    ('log_every', 7),
    ('fig.rule', 'midpoint'),  # Without weight there is no FIG.
  ):
    config.update_from_flattened_dict({field: value})
    assert run_config.name(config) == name
  for field, value in (
    ('fig.weight', 0.5),
    ('noise.strategy', 'uniform'),
    ('num_epochs', 1),
  ):
    config.update_from_flattened_dict({field: value})
    assert run_config.name(config) != name
    name = run_config.name(config)
