"""Runs on photographs, and what keeps a run from starting."""

import jax
import pytest

from configs import cifar10
import robustjax
from robustjax import errors
from robustjax.training import checkpointing
from robustjax.training import loop
from robustjax.training import preparing
from robustjax.training import run_config


@pytest.fixture
def photographs():
  """ANT on a stream of thirteen photographs: two epochs of three steps."""
  config = cifar10.get_config('ant_noiseout')
  config.dataset, config.input.side = 'shapes', 16
  config.model.channels, config.model.blocks = (2,), (1,)
  config.batch_size, config.num_epochs, config.ant.warmup_steps = 4, 2, 4
  config.log_every, config.checkpoint_every = 1, 100
  return config


@pytest.mark.slow
@pytest.mark.standard_promotion("optax's Adam raises a float to an int power")
@pytest.mark.parametrize('step', [2, 3])
def test_photographs_and_generators_resume_exactly(
  interrupt_from,
  photographs,
  photograph_dir,
  tmp_path,
  one_device,
  monkeypatch,
  step,
):
  """Step 3 ends an epoch: the next generator warms up after the resumption."""
  found = []
  for name in ('whole', 'parts'):
    with monkeypatch.context() as patched:
      if name == 'parts':
        patched.setattr(loop, '_write_metrics', interrupt_from(step))
        summary = robustjax.train(
          photographs,
          tmp_path / name,
          data_dir=photograph_dir,
          devices=one_device,
        )
        assert not summary['finished']
    summary = robustjax.train(
      photographs, tmp_path / name, data_dir=photograph_dir, devices=one_device
    )
    assert (summary['finished'], summary['step']) == (True, 6)
    assert summary['steps_per_epoch'] == 3
    with checkpointing.Checkpoints(tmp_path / name, read_only=True) as kept:
      found.append(kept._read_manifest(6)['leaves'])
  # CRC of every array: parameters, statistics, generators, optimizers.
  assert found[0] == found[1]
  assert any(path.startswith('.adversary') for path in found[0])


def test_a_damaged_photograph_ends_a_run(
  photographs, write_photographs, photograph_files, tmp_path, one_device
):
  pairs = [(file, i) for i, file in enumerate(photograph_files)]
  pairs[5] = (b'no photograph', 5)
  splits = {'train': pairs, 'validation': pairs[:4]}
  write_photographs(tmp_path, 'shapes', splits, num_classes=13)
  photographs.ant.epsilon, photographs.batch_size = 0.0, 13
  with pytest.raises(errors.InputError, match='train_5.jpg'):
    robustjax.train(
      photographs, tmp_path / 'run', data_dir=tmp_path, devices=one_device
    )


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('train_share', 0.5, 'train_share: expected 1.0 for photographs'),
    ('selection', 'best', 'selection: expected last for photographs'),
    ('batch_size', 14, 'batch_size: expected at most the 13 photographs'),
    ('mesh.parameters', 2, 'mesh.parameters: expected a divisor of the 1 dev'),
  ],
)
def test_what_photographs_do_not_allow_is_named(
  photographs, photograph_dir, tmp_path, one_device, field, value, message
):
  photographs.update_from_flattened_dict({field: value})
  with pytest.raises(errors.InputError, match=message):
    robustjax.train(
      photographs, tmp_path, data_dir=photograph_dir, devices=one_device
    )


@pytest.mark.usefixtures('tiny_data')
@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'mesh.data': 3}, 'mesh.data: expected 0, or 8'),
    ({'batch_size': 12}, 'batch_size: .* 8 devices, got 12'),
    ({'num_seeds': 6, 'mesh.seeds': 4}, 'mesh.seeds: .* that divide 6 seeds'),
    (
      {'num_seeds': 2, 'mesh.seeds': 2, 'mesh.parameters': 2},
      'mesh.seeds: expected 0 with photographs, .*, got 2',
    ),
  ],
)
def test_a_mesh_that_does_not_fit_is_named(config, tmp_path, fields, message):
  config.update_from_flattened_dict(fields)
  with pytest.raises(errors.InputError, match=message):
    robustjax.train(config, tmp_path)
  assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures('tiny_data')
def test_seeds_are_trained_at_once_where_it_gains_time(config, monkeypatch):
  data = preparing.check_and_load(config, None, jax.devices()[:1])

  def are_at_once(**fields):
    changed = config.copy_and_resolve_references()
    changed.update_from_flattened_dict({'num_seeds': 2, **fields})
    return preparing.are_seeds_at_once(changed, data, jax.devices())

  assert not are_at_once()
  assert are_at_once(**{'mesh.seeds': 2})
  monkeypatch.setattr(preparing, 'gains_from_seeds_at_once', lambda _: True)
  assert are_at_once()
  assert not are_at_once(**{'ant.epsilon': 1.0})
  assert not are_at_once(**{'mesh.parameters': 2})


@pytest.mark.parametrize(
  ('file', 'data_dir', 'message'),
  [
    ('', None, 'deep_augment.autoencoder: expected a file'),
    ('/no/weights.npz', None, 'deep_augment.autoencoder: expected a file'),
    ('~no-such-user/w.npz', None, 'deep_augment.autoencoder: .* home folder'),
    (__file__, '~no-such-user', 'data_dir: expected a home folder'),
    (__file__, '', "data_dir: .*got ''"),
  ],
)
def test_paths_are_checked_before_any_work(config, file, data_dir, message):
  config.deep_augment.kind = 'autoencoder'
  config.deep_augment.autoencoder = file
  with pytest.raises(errors.InputError, match=message):
    preparing.check_and_load(config, data_dir, jax.devices()[:1])


def test_a_run_is_read_where_the_weights_it_used_are_not(config):
  config.deep_augment.kind = 'autoencoder'
  config.deep_augment.autoencoder = '/no/weights.npz'
  run_config.validate(config)
