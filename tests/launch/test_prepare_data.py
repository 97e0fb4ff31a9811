"""What cannot be prepared says what to do instead, in one line."""

import importlib.util
import subprocess
import sys
import types

import pytest

from robustjax import errors


@pytest.fixture
def prepare(root, tmp_path):
  """Runs launch/prepare_data.py; returns exit code and stderr."""

  def run(name):
    command = [sys.executable, 'launch/prepare_data.py', name]
    done = subprocess.run(
      [*command, f'--data_dir={tmp_path}'],
      cwd=root,
      capture_output=True,
      text=True,
    )
    return done.returncode, done.stderr

  return run


@pytest.mark.slow
@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('none', "expected a TFDS name, got 'none'"),
    ('digits', 'digits (they come with scikit-learn)'),
    ('iwildcam', 'iwildcam-2019-fgvc6 go into {0}/iwildcam'),
    ('imagenet2012', 'imagenet2012: expected in {0}/downloads/manual what is'),
    ('imagenet2012', 'ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar'),
    ('imagenet2012_corrupted/fog_1', 'https://image-net.org/download-images'),
    ('mnist_corrupted/fogg', "did you mean 'fog'"),
  ],
)
def test_what_cannot_be_prepared_says_what_to_do(
  prepare, tmp_path, name, message
):
  code, said = prepare(name)
  assert code == 2
  assert said.count('\n') == 1, said
  assert message.format(tmp_path) in said


@pytest.mark.slow
@pytest.mark.skipif(
  importlib.util.find_spec('tensorflow') is not None,
  reason='TensorFlow is installed',
)
def test_what_only_tensorflow_prepares_says_so(prepare, tmp_path):
  manual = tmp_path / 'downloads' / 'manual'
  manual.mkdir(parents=True)
  (manual / 'ILSVRC2012_img_val.tar').touch()
  code, said = prepare('imagenet2012')
  assert code == 2, said
  assert 'expected TensorFlow, which only preparing needs' in said


@pytest.mark.parametrize(
  'error',
  [
    ConnectionError('no route to host\nmore'),
    OSError(28, 'No space left on device'),
    AssertionError('manual_dir lacks ILSVRC2012_img_train.tar'),
  ],
)
def test_what_cannot_be_downloaded_or_written_is_named(namespace, error):
  def fail():
    raise error

  builder = types.SimpleNamespace(
    name='mnist', MANUAL_DOWNLOAD_INSTRUCTIONS=None, download_and_prepare=fail
  )
  with pytest.raises(errors.InputError) as caught:
    namespace('launch/prepare_data.py')['_prepare'](builder, '/data')
  message = str(caught.value)
  assert message.startswith('mnist: expected a data set that can be')
  assert '\n' not in message
