import dataclasses
import math
import numbers

import numpy as np
import pytest

from configs import cifar10
from configs import imagenet
from configs import noise_progression
from configs import noiseout
from configs import noisy_dropout
from configs import weight_map
from robustjax import errors
from robustjax import models
from robustjax.training import config_fields
from robustjax.training import optimizer
from robustjax.training import run_config

_FILES = (
  cifar10, imagenet, noise_progression, noiseout, noisy_dropout, weight_map,
)  # fmt: skip
# One config for each model and optimizer there is.
_CONFIGS = {
  (config.model.name, config.optimizer.name): config
  for file in _FILES
  for config in map(file.get_config, file.VARIANTS)
}
_HOSTILE = (
  None, True, -1, 0, 10**30, -0.5, 1e30, math.nan, math.inf, 1j, '', 'x', '\n',
  '../x', '~no-such-user', (), (1,), ('a',), (1, 2, 3, 4), [], {}, b'x',
  np.zeros(2), np.float32(np.nan), object(),
)  # fmt: skip


def _checks():
  found = {}
  for config in _CONFIGS.values():
    flat = run_config.flatten(config)
    for field, check in config_fields.checks(flat).items():
      found[flat['model.name'], field] = check, flat[field]
  return found


def test_the_checks_cover_exactly_the_fields_of_the_config(config):
  flat = run_config.flatten(config)
  assert set(flat) == set(config_fields.checks(flat))
  run_config.validate(config)


def test_every_config_passes():
  for file in _FILES:
    for variant in file.VARIANTS:
      run_config.validate(file.get_config(variant))


def test_every_option_of_a_model_and_an_optimizer_has_its_check():
  assert set(config_fields.MODEL_FIELDS) == set(models.MODELS)
  for name, own in config_fields.MODEL_FIELDS.items():
    fields = {one.name for one in dataclasses.fields(models.MODELS[name])}
    expected = set(config_fields.model_options(name)) & fields
    assert set(own) | {'mean', 'deviation'} == expected, name
  options = {one for each in optimizer.METHODS.values() for one in each.options}
  assert options == set(config_fields.OPTIMIZER_FIELDS)


def test_no_number_is_without_bounds():
  for (model, field), (check, value) in _checks().items():
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number:
      continue
    for too_much in (10**30, 1e30, math.inf, math.nan, -1e30):
      with pytest.raises(errors.InputError, match=field):
        check(field, too_much)
        pytest.fail(f'{field} of {model} takes {too_much}')


def test_what_is_nonsense_is_named_in_one_line_or_taken():
  messages = []
  for (_, field), (check, _) in _checks().items():
    for value in _HOSTILE:
      try:
        check(field, value)
      except errors.InputError as error:
        messages.append((field, str(error)))
  assert len(messages) > 1000
  for field, message in messages:
    assert message.startswith(field)
    assert '\n' not in message


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('ant.kernel_size', 2, 'ant.kernel_size: expected 1 or 3, got 2'),
    ('num_seeds', 100_000, 'num_seeds: .* at most 1000, got 100000'),
    ('crop_padding', 100_000, 'crop_padding: .* at most 256'),
    ('optimizer.learning_rate', 1e30, r'learning_rate: .*\(0, 1000\]'),
    ('optimizer.rho', 1.0, r'optimizer.rho: expected a number in \[0, 1\)'),
    ('model.hidden_size', 10**20, 'model.hidden_size: .* at most 1000000'),
    ('model.deviation', 1e30, 'model.deviation: expected a number in'),
    ('model.mean', (0.1, 'a', 0.2), "model.mean: expected .*got 'a'"),
    ('model.mean', (0.1,) * 4, 'model.mean: expected from 1 to 3 values'),
    ('dataset', '../mnist', 'dataset: expected a name'),
    ('dataset', '/etc', 'dataset: expected a name'),
    ('variant', 'a/b', 'variant: expected a name of letters'),
    ('initial_weights', '~no-such-user/x', 'initial_weights: .* home folder'),
    ('snr_noise.skip', 3, "commas between, or '', got 3"),
    ('fig.through_gate', 1, 'fig.through_gate: expected True or False, got 1'),
  ],
)
def test_a_bad_value_is_named(config, field, value, message):
  check = config_fields.checks(run_config.flatten(config))[field]
  with pytest.raises(errors.InputError, match=message):
    check(field, value)


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('dataset', 'imagenet2012_corrupted/gaussian_noise_1'),
    ('dataset', 'mnist_corrupted/fog'),
    ('variant', 'my-run_2.1'),
    ('model.mean', (0.1, 0.2, 0.3)),
    ('ant.kernel_size', 3),
    ('optimizer.rho', 0.95),
  ],
)
def test_what_is_sensible_is_taken(config, field, value):
  config_fields.checks(run_config.flatten(config))[field](field, value)
