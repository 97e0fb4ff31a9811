import pytest

from robustjax import errors
from robustjax.training import config_fields
from robustjax.training import run_config


def test_the_checks_cover_exactly_the_fields_of_the_config(config):
  flat = run_config.flatten(config)
  assert set(flat) == set(config_fields.checks(flat))
  run_config.validate(config)


def test_names_are_text():
  with pytest.raises(errors.InputError, match="commas between, or '', got 3"):
    config_fields.FIELDS['snr_noise.skip']('snr_noise.skip', 3)


def test_a_flag_is_no_number():
  with pytest.raises(errors.InputError, match='expected True or False, got 1'):
    config_fields.FIELDS['fig.through_gate']('fig.through_gate', 1)
