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


@pytest.mark.parametrize(
  'content',
  [
    b'', b'{"seed": ', b'5', b'[]', b'null', b'\xff\xfe', b'{}',
    b'{"model": 5}', b'{"a.b": 1}', b'{"model": {"name": ["mnist_cnn"]}}',
    b'[' * 100_000,
  ],
)  # fmt: skip
def test_a_config_that_is_none_is_named(tmp_path, content):
  (tmp_path / 'config.json').write_bytes(content)
  with pytest.raises(errors.InputError) as caught:
    run_files.read(tmp_path)
  assert '\n' not in str(caught.value)


def test_a_folder_in_the_place_of_the_config_is_named(config, tmp_path):
  (tmp_path / 'config.json').mkdir()
  for use in (run_files.read, lambda path: run_files.claim(path, config)):
    with pytest.raises(errors.InputError, match='config.json: expected a file'):
      use(tmp_path)


@pytest.mark.parametrize('variant', ['/../../x', '..', 'a/b', '.hidden', ''])
def test_no_variant_in_a_file_leads_out_of_a_folder(config, tmp_path, variant):
  run_files.claim(tmp_path, config)
  path = tmp_path / 'config.json'
  content = json.loads(path.read_text()) | {'variant': variant}
  path.write_text(json.dumps(content))
  with pytest.raises(errors.InputError, match='variant: expected a name of'):
    run_files.read(tmp_path)


@pytest.mark.parametrize(
  'content',
  [
    None,
    '',
    '{}',
    '{"image_shape": 3',
    '[]',
    '{"image_shape": [8, 9], "num_classes": 4}',
    '{"image_shape": [8, "9", 1], "num_classes": 4}',
    '{"image_shape": [8, 9, 0], "num_classes": 4}',
    '{"image_shape": [8, 9, 99999999], "num_classes": 4}',
    '{"image_shape": [8, 9, 1], "num_classes": true}',
  ],
)
def test_a_run_without_its_image_shape_is_named(tmp_path, content):
  run_files.describe_dataset(tmp_path, (8, 9, 1), 4)
  assert run_files.read_dataset(tmp_path) == ((8, 9, 1), 4)
  path = tmp_path / 'dataset.json'
  path.unlink() if content is None else path.write_text(content)
  with pytest.raises(errors.InputError, match='dataset.json.*: expected'):
    run_files.read_dataset(tmp_path)


@pytest.mark.parametrize(
  ('path', 'message'),
  [
    ('', "got ''"),
    ('gs://bucket/run', 'a path on this machine'),
    ('~no-such-user/run', 'a home folder that there is'),
    ('a[1]/run', r'a folder without \* \? \[ \\ \]'),
    ('run*', 'a folder without'),
    ('a\nb', 'a path on this machine'),
    ('x' * 1000, 'too long'),
    (None, 'a path on this machine, got None'),
  ],
)
def test_a_folder_no_run_can_be_in_is_refused(
  config, tmp_path, monkeypatch, path, message
):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(errors.InputError, match=f'workdir: .*{message}'):
    run_files.claim(path, config)
  assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(errors.InputError, match='out: expected a folder'):
    run_files.check_new('out', tmp_path / 'file')
  assert run_files.check_new('out', tmp_path / 'new') == tmp_path / 'new'


def test_what_a_run_is_leaves_out_what_may_change(config):
  about = run_files.about(config, (8, 9, 1), 4)
  config.log_every, config.num_epochs = 77, 99
  assert run_files.about(config, (8, 9, 1), 4) == about
  assert run_files.about(config, (8, 9, 1), 5) != about
  config.noise.progression = 'rising'
  longer = dict(run_files.about(config, (8, 9, 1), 4))
  assert longer['num_epochs'] == 99  # A step depends on it now.


def test_the_config_is_stored_as_json(config, tmp_path):
  run_files.claim(tmp_path, config)
  content = json.loads((tmp_path / 'config.json').read_text())
  assert content['gate'] == config.gate.to_dict()


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
