import contextlib
import functools
import gc
import json
import os
import subprocess
import sys
import types

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.training import checkpointing
from robustjax.training import sharding

_assert_same = functools.partial(chex.assert_trees_all_equal, strict=True)


def _tree(seed=0):
  rng = np.random.default_rng(seed)
  return {
    'kernel': jnp.asarray(rng.normal(size=(40, 30)), jnp.float32),
    'low': jnp.asarray(rng.normal(size=7), jnp.bfloat16),
    'step': jnp.int32(seed),
    'nothing': (),
  }


def _abstract(tree=None):
  layout = sharding.replicated(sharding.make_mesh(jax.devices()[:1]))
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=layout),
    _tree() if tree is None else tree,
  )


def _save(workdir, *steps, metrics=None):
  with checkpointing.Checkpoints(workdir) as checkpoints:
    for step in steps:
      accuracy = (metrics or {}).get(step)
      found = None if accuracy is None else {'accuracy': accuracy}
      checkpoints.save(step, _tree(step), found)


def _files(workdir, step):
  folder = workdir / 'checkpoints' / str(step)
  return sorted(
    path for path in folder.rglob('*') if path.is_file() and path.stat().st_size
  )


def _largest(workdir, step):
  return max(_files(workdir, step), key=lambda path: path.stat().st_size)


def test_restores_what_was_saved(tmp_path):
  _save(tmp_path, 3)
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    _assert_same(checkpoints.restore(3, _abstract()), _tree(3))


def test_arrays_may_be_reused_while_saving(tmp_path):
  tree = _tree(5)
  consume = jax.jit(
    lambda t: jax.tree.map(lambda x: x * 0, t), donate_argnums=0
  )
  with checkpointing.Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(5, tree)
    consume(tree)
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    _assert_same(checkpoints.restore(5, _abstract()), _tree(5))


def test_keeps_the_latest_two_and_the_best_across_restarts(tmp_path):
  metrics = {2: 0.9, 3: 0.6, 8: 0.3}
  _save(tmp_path, 1, 2, 3, 4, metrics=metrics)
  _save(tmp_path, 6, 8, metrics=metrics)
  _save(tmp_path, 9)
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    assert checkpoints.steps() == [2, 8, 9]
    assert checkpoints.best_step() == 2


def test_a_folder_without_checkpoints_has_none(tmp_path):
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    assert checkpoints.steps() == []
    assert checkpoints.best_step() is None
  assert list(tmp_path.iterdir()) == []


def test_no_flipped_bit_goes_unnoticed(tmp_path, rng):
  """Each file in turn; a flip that changes no value may pass."""
  _save(tmp_path, 3)
  noticed = 0
  for path in _files(tmp_path, 3):
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
    path.write_bytes(damaged)
    with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
      try:
        if 3 in checkpoints.steps():
          _assert_same(checkpoints.restore(3, _abstract()), _tree(3))
        else:
          noticed += 1
      except checkpointing.DamagedCheckpointError:
        noticed += 1
    path.write_bytes(content)
  assert noticed >= 2


def test_flipped_bits_in_the_values_are_noticed(tmp_path, rng):
  _save(tmp_path, 3)
  path = _largest(tmp_path, 3)
  content = path.read_bytes()
  for _ in range(20):
    damaged = bytearray(content)
    place = rng.integers(len(content) // 4, 3 * len(content) // 4)
    damaged[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(damaged)
    with (
      checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints,
      pytest.raises(checkpointing.DamagedCheckpointError, match='step 3'),
    ):
      checkpoints.restore(3, _abstract())


def test_another_model_s_checkpoint_is_refused(tmp_path):
  _save(tmp_path, 3)
  wider = _tree() | {'kernel': jnp.zeros((40, 31))}
  higher = _tree() | {'low': jnp.zeros(7)}
  more = _tree() | {'more': jnp.zeros(1)}
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    for other, what in ((wider, 'kernel'), (higher, 'low'), (more, 'more')):
      with pytest.raises(checkpointing.DamagedCheckpointError, match=what):
        checkpoints.restore(3, _abstract(other))


def test_the_newest_intact_one_is_used_and_the_damaged_set_aside(tmp_path):
  _save(tmp_path, 3, 4)
  os.truncate(_largest(tmp_path, 4), 10)
  lines = []
  with checkpointing.Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.intact_steps(_abstract()) == [3]
    tree = checkpoints.restore_newest_intact(_abstract(), lines.append)
    _assert_same(tree, _tree(3))
    assert len(lines) == 1
    assert 'step 4' in lines[0]
    assert lines[0].endswith('resuming from step 3 instead')
    checkpoints.save(4, _tree(4))
  assert (tmp_path / 'damaged-4').is_dir()
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    _assert_same(checkpoints.restore(4, _abstract()), _tree(4))


def test_a_second_damaged_one_does_not_replace_the_first(tmp_path):
  for _ in range(2):
    _save(tmp_path, 3, 4)
    os.truncate(_largest(tmp_path, 4), 10)
    with checkpointing.Checkpoints(tmp_path) as checkpoints:
      checkpoints.restore_newest_intact(_abstract(), lambda line: None)
      checkpoints._manager.delete(3)
  names = {path.name for path in tmp_path.iterdir()}
  assert {'damaged-4', 'damaged-4-2'} <= names


def test_when_all_are_damaged_none_is_touched(tmp_path):
  _save(tmp_path, 3, 4)
  for step in (3, 4):
    os.truncate(_largest(tmp_path, step), 10)
  with (
    checkpointing.Checkpoints(tmp_path) as checkpoints,
    pytest.raises(checkpointing.DamagedCheckpointError, match='step 4'),
  ):
    checkpoints.restore_newest_intact(_abstract(), lambda line: None)
  names = {path.name for path in (tmp_path / 'checkpoints').iterdir()}
  assert names == {'3', '4'}


def test_a_declined_save_is_an_error(tmp_path):
  with checkpointing.Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(4, _tree(4))
    with pytest.raises((RuntimeError, ValueError), match='4|3'):
      checkpoints.save(3, _tree(3))


def test_a_failed_restore_leaves_no_reads_behind(tmp_path):
  _save(tmp_path, 3)
  for path in _files(tmp_path, 3):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
      checkpoints.intact_steps(_abstract())
    path.write_bytes(content)
  left = [
    one.cr_code.co_qualname
    for one in gc.get_objects()
    if isinstance(one, types.CoroutineType)
    and 'orbax' in one.cr_code.co_filename
  ]
  assert left == []


def _manifest(workdir, step):
  return workdir / 'checkpoints' / str(step) / 'manifest' / 'metadata'


def test_an_accuracy_that_was_changed_makes_no_other_one_the_best(tmp_path):
  _save(tmp_path, 2, 3, metrics={2: 0.9, 3: 0.6})
  path = _manifest(tmp_path, 2)
  path.write_text(path.read_text().replace('0.9', '0.1'))
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    damaged = pytest.raises(
      checkpointing.DamagedCheckpointError, match='step 2'
    )
    with damaged:
      checkpoints.best_step()
    with damaged:
      checkpoints.restore(2, _abstract())
    _assert_same(checkpoints.restore(3, _abstract()), _tree(3))


def test_no_flipped_bit_in_a_manifest_changes_what_it_says(tmp_path, rng):
  _save(tmp_path, 3, metrics={3: 0.6})
  path = _manifest(tmp_path, 3)
  content = path.read_bytes()
  with checkpointing.Checkpoints(tmp_path, read_only=True) as checkpoints:
    expected = checkpoints._read_manifest(3)
    for place in rng.integers(len(content), size=200):
      damaged = bytearray(content)
      damaged[place] ^= 1 << int(rng.integers(8))
      path.write_bytes(damaged)
      with contextlib.suppress(checkpointing.DamagedCheckpointError):
        assert checkpoints._read_manifest(3) == expected


@pytest.mark.parametrize(
  'content', [b'', b'5', b'{}', b'[]', b'{"sha256": 1}', b'\xff']
)
def test_a_manifest_that_is_none_is_damage(tmp_path, content):
  _save(tmp_path, 3, 4)
  _manifest(tmp_path, 4).write_bytes(content)
  with checkpointing.Checkpoints(tmp_path) as checkpoints:
    tree = checkpoints.restore_newest_intact(_abstract(), lambda line: None)
  _assert_same(tree, _tree(3))


def test_a_checkpoint_of_another_run_is_named_and_left_where_it_is(tmp_path):
  about = {'model.mean': (0.1, 0.2), 'seed': 0}
  with checkpointing.Checkpoints(tmp_path, about) as checkpoints:
    checkpoints.save(3, _tree(3))
  with checkpointing.Checkpoints(tmp_path, dict(about)) as checkpoints:
    _assert_same(checkpoints.restore(3, _abstract()), _tree(3))
  for other, message in (
    (about | {'model.mean': (0.1, 0.5)}, r'model.mean=\[0.1, 0.2\], got .*0.5'),
    ({'seed': 0}, 'model.mean=.*, got model.mean=nothing'),
    (about | {'more': 1}, 'more=nothing, got more=1'),
  ):
    with checkpointing.Checkpoints(tmp_path, other) as checkpoints:
      refused = pytest.raises(errors.InputError, match=message)
      with refused:
        checkpoints.restore(3, _abstract())
      with refused:
        checkpoints.restore_newest_intact(_abstract(), print)
      assert checkpoints.steps() == [3]


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
  (tmp_path / 'checkpoints').write_text('')
  with pytest.raises(errors.InputError, match='checkpoints: expected'):
    checkpointing.Checkpoints(tmp_path)


# Of its own: after a failed write, Orbax leaves coroutines behind that nobody
# ends, and whose remains would fail whatever test runs when they are collected.
_ON_A_FULL_DISK = """
import resource, sys
import numpy as np
from robustjax import errors
from robustjax.training import checkpointing

limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
tree = {'kernel': np.random.default_rng(0).normal(size=10**5)}
try:
  with checkpointing.Checkpoints(sys.argv[1]) as checkpoints:
    checkpoints.save(4, tree)
except errors.InputError as error:
  print(error)
"""


@pytest.mark.slow
def test_a_full_disk_is_named_and_costs_no_earlier_checkpoint(tmp_path):
  """Files may not grow beyond a size the arrays exceed."""
  _save(tmp_path, 3)
  done = subprocess.run(
    [sys.executable, '-c', _ON_A_FULL_DISK, str(tmp_path)],
    capture_output=True,
    text=True,
  )
  (line,) = done.stdout.splitlines()
  expected = 'checkpoints: expected a folder that can be written to, got File'
  assert f'{expected} too large' in line
  with checkpointing.Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.intact_steps(_abstract()) == [3]


def test_a_manifest_is_json_that_says_what_the_run_was(tmp_path):
  with checkpointing.Checkpoints(tmp_path, {'seed': 7}) as checkpoints:
    checkpoints.save(3, _tree(3))
  content = json.loads(_manifest(tmp_path, 3).read_text())
  assert content['about'] == {'seed': 7}
  assert content['leaves']["['kernel']"]['shape'] == [40, 30]
