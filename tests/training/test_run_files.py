import json

import pytest

from configs import noisy_dropout
from robustjax import errors
from robustjax.training import run_config
from robustjax.training import run_files


def test_a_run_with_phases_may_not_grow_longer(config, tmp_path):
  config.noise.progression = 'falling'
  run_files.claim(tmp_path, config)
  config.num_epochs += 1
  with pytest.raises(errors.InputError, match='num_epochs=3'):
    run_files.claim(tmp_path, config)


def test_a_workdir_of_another_model_is_named(config, tmp_path):
  run_files.claim(tmp_path, config)
  other = noisy_dropout.get_config()
  with pytest.raises(errors.InputError, match='workdir: expected a new folder'):
    run_files.claim(tmp_path, other)


def test_a_number_per_channel_survives_the_file(config, tmp_path):
  with config.ignore_type():
    config.model.mean = (0.1, 0.2, 0.3)
  run_files.claim(tmp_path, config)
  assert run_config.flatten(run_files.read(tmp_path))['model.mean'] == (
    0.1, 0.2, 0.3,
  )  # fmt: skip
  run_files.claim(tmp_path, config)


def test_a_workdir_belongs_to_one_config(config, tmp_path):
  run_files.claim(tmp_path, config)
  assert run_files.read(tmp_path).to_dict() == config.to_dict()
  run_files.claim(tmp_path, config)
  config.noise.rate = 0.3
  with pytest.raises(errors.InputError) as caught:
    run_files.claim(tmp_path, config)
  message = str(caught.value)
  assert 'noise.rate=0.3' in message
  assert 'noise.rate=0.2' in message
  assert '\n' not in message


def test_a_run_may_grow_longer_but_not_shorter(config, tmp_path):
  run_files.claim(tmp_path, config)
  config.num_epochs, config.log_every = 3, 7
  run_files.claim(tmp_path, config)
  assert run_files.read(tmp_path).num_epochs == 3
  config.num_epochs = 2
  with pytest.raises(errors.InputError, match='num_epochs=3'):
    run_files.claim(tmp_path, config)


def test_an_empty_workdir_and_a_plain_dict_are_named(config):
  with pytest.raises(errors.InputError, match="workdir: .*got ''"):
    run_files.claim('', config)
  with pytest.raises(errors.InputError, match='config: .*got dict'):
    run_config.validate(config.to_dict())


def test_checkpoints_without_a_config_are_not_claimed(config, tmp_path):
  (tmp_path / 'checkpoints').mkdir()
  with pytest.raises(errors.InputError, match='no config.json'):
    run_files.claim(tmp_path, config)


def test_a_workdir_that_cannot_be_written_to_is_named(config, tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(errors.InputError, match='can be written to'):
    run_files.claim(tmp_path / 'file' / 'run', config)


def test_a_folder_that_is_no_run_is_named(tmp_path):
  with pytest.raises(errors.InputError, match='workdir: .*no config.json'):
    run_files.read(tmp_path)
  (tmp_path / 'config.json').write_text('{"seed": ')
  with pytest.raises(errors.InputError, match='a config in JSON'):
    run_files.read(tmp_path)


@pytest.mark.parametrize('content', [None, '{}', '{"image_shape": 3', '[]'])
def test_a_run_without_its_image_shape_is_named(tmp_path, content):
  run_files.describe_dataset(tmp_path, (8, 9, 1), 4)
  assert run_files.read_dataset(tmp_path) == ((8, 9, 1), 4)
  path = tmp_path / 'dataset.json'
  path.unlink() if content is None else path.write_text(content)
  with pytest.raises(errors.InputError, match='shape of its images'):
    run_files.read_dataset(tmp_path)


def test_the_config_is_stored_as_json(config, tmp_path):
  run_files.claim(tmp_path, config)
  content = json.loads((tmp_path / 'config.json').read_text())
  assert content['gate'] == {'kind': 'elementwise', 'maximum': 1.0}


def test_the_folder_of_one_model_does_not_become_one_of_several(
  config, tmp_path
):
  run_files.claim(tmp_path / 'one', config)
  config.num_seeds = 2
  with pytest.raises(errors.InputError, match='num_seeds=1'):
    run_files.claim(tmp_path / 'one', config)
  run_files.claim(tmp_path / 'two', config)
  config.num_seeds = 3
  run_files.claim(tmp_path / 'two', config)
