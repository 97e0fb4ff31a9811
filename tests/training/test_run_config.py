import json

import pytest

from robustjax import errors
from robustjax import layers
from robustjax.training import losses
from robustjax.training import run_config


def test_the_checks_cover_exactly_the_fields_of_the_config(config):
  assert set(run_config.flatten(config)) == set(run_config.FIELDS)
  run_config.validate(config)


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('noise.rate', 1.5, r'noise.rate: expected a number in \[0, 1\], got 1.5'),
    ('noise.strategy', 'gauss', 'noise.strategy: expected one of noise_inj'),
    ('gate.kind', 'dens', "gate.kind: .*did you mean 'dense'"),
    ('gate.maximum', 0.0, r'gate.maximum: expected a number in \(0'),
    ('model.name', 'mnist', 'model.name: expected one of mnist_cnn'),
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
  ],
)
def test_a_bad_value_is_named(config, field, value, message):
  config.update_from_flattened_dict({field: value})
  with pytest.raises(errors.InputError, match=message):
    run_config.validate(config)


def test_a_flag_is_no_number():
  with pytest.raises(errors.InputError, match='expected True or False, got 1'):
    run_config.FIELDS['fig.through_gate']('fig.through_gate', 1)


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


def test_fig_is_built_where_its_weight_is_not_zero(config):
  assert run_config.build_fig(config) is None
  config.fig.weight, config.fig.hidden = 0.25, 'clean'
  expected = losses.FigLoss(weight=0.25, hidden='clean')
  assert run_config.build_fig(config) == expected


def test_an_unknown_and_a_missing_field_are_named(config):
  with config.unlocked():
    config.noise.rat = 0.3
  with pytest.raises(errors.InputError, match="did you mean 'noise.rate'"):
    run_config.validate(config)
  with config.unlocked():
    del config.noise.rat
    del config.noise.rate
  with pytest.raises(errors.InputError, match='noise.rate: expected a value'):
    run_config.validate(config)


@pytest.mark.parametrize(
  ('kind', 'rate', 'expected'),
  [
    ('none', 0.0, type(None)),
    ('none', 0.3, layers.NoiseInjection),
    ('static', 0.0, layers.NoiseOut),
  ],
)
def test_the_layer_follows_gate_and_rate(config, kind, rate, expected):
  config.gate.kind, config.noise.rate = kind, rate
  model = run_config.build_model(config, 7)
  assert isinstance(model.flattened, expected)
  assert model.num_classes == 7


def test_a_workdir_belongs_to_one_config(config, tmp_path):
  run_config.claim(tmp_path, config)
  assert run_config.read(tmp_path).to_dict() == config.to_dict()
  run_config.claim(tmp_path, config)
  config.noise.rate = 0.3
  with pytest.raises(errors.InputError) as caught:
    run_config.claim(tmp_path, config)
  message = str(caught.value)
  assert 'noise.rate=0.3' in message
  assert 'noise.rate=0.2' in message
  assert '\n' not in message


def test_a_run_may_grow_longer_but_not_shorter(config, tmp_path):
  run_config.claim(tmp_path, config)
  config.num_epochs, config.log_every = 3, 7
  run_config.claim(tmp_path, config)
  assert run_config.read(tmp_path).num_epochs == 3
  config.num_epochs = 2
  with pytest.raises(errors.InputError, match='num_epochs=3'):
    run_config.claim(tmp_path, config)


def test_an_empty_workdir_and_a_plain_dict_are_named(config):
  with pytest.raises(errors.InputError, match="workdir: .*got ''"):
    run_config.claim('', config)
  with pytest.raises(errors.InputError, match='config: .*got dict'):
    run_config.validate(config.to_dict())


def test_checkpoints_without_a_config_are_not_claimed(config, tmp_path):
  (tmp_path / 'checkpoints').mkdir()
  with pytest.raises(errors.InputError, match='no config.json'):
    run_config.claim(tmp_path, config)


def test_a_workdir_that_cannot_be_written_to_is_named(config, tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(errors.InputError, match='can be written to'):
    run_config.claim(tmp_path / 'file' / 'run', config)


def test_a_folder_that_is_no_run_is_named(tmp_path):
  with pytest.raises(errors.InputError, match='workdir: .*no config.json'):
    run_config.read(tmp_path)
  (tmp_path / 'config.json').write_text('{"seed": ')
  with pytest.raises(errors.InputError, match='a config in JSON'):
    run_config.read(tmp_path)


@pytest.mark.parametrize('content', [None, '{}', '{"image_shape": 3', '[]'])
def test_a_run_without_its_image_shape_is_named(tmp_path, content):
  run_config.describe_dataset(tmp_path, (8, 9, 1), 4)
  assert run_config.read_dataset(tmp_path) == ((8, 9, 1), 4)
  path = tmp_path / 'dataset.json'
  path.unlink() if content is None else path.write_text(content)
  with pytest.raises(errors.InputError, match='shape of its images'):
    run_config.read_dataset(tmp_path)


def test_the_config_is_stored_as_json(config, tmp_path):
  run_config.claim(tmp_path, config)
  content = json.loads((tmp_path / 'config.json').read_text())
  assert content['noise'] == {'rate': 0.2, 'strategy': 'noise_injection'}


def test_a_field_is_overridden_as_on_a_command_line(config):
  for field, text in (('noise.rate', '0.3'), ('fig.through_gate', 'True')):
    run_config.override(config, field, text)
  run_config.override(config, 'num_epochs', '5')
  assert (config.noise.rate, config.num_epochs) == (0.3, 5)
  assert config.fig.through_gate is True


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


def test_the_folder_of_one_model_does_not_become_one_of_several(
  config, tmp_path
):
  run_config.claim(tmp_path / 'one', config)
  config.num_seeds = 2
  with pytest.raises(errors.InputError, match='num_seeds=1'):
    run_config.claim(tmp_path / 'one', config)
  run_config.claim(tmp_path / 'two', config)
  config.num_seeds = 3
  run_config.claim(tmp_path / 'two', config)
