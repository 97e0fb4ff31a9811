import contextlib
import io
import os
import pathlib
import subprocess
import sys
import threading

import jax
import numpy as np
from PIL import Image
import pytest

from robustjax import data
from robustjax import errors
from robustjax import random_keys
from robustjax.data import photographs
from robustjax.data import pipeline

_TFDS = os.environ.get('TFDS_DATA_DIR', '')
needs_imagenet = pytest.mark.skipif(
  not (pathlib.Path(_TFDS) / 'imagenet2012').is_dir(),
  reason='TFDS_DATA_DIR names no folder with a prepared imagenet2012',
)
SIDE = 8
N = 13


@pytest.fixture(scope='module')
def stream(photograph_dir):
  """Thirteen photographs, each a class of its own."""
  return data.open_stream(
    'shapes', 'train', side=SIDE, data_dir=photograph_dir, num_threads=3
  )


def _take(stream, count, *arguments, **options):
  """The first batches; the threads end."""
  with contextlib.closing(stream.batches(*arguments, **options)) as batches:
    return [next(batches) for _ in range(count)]


def _assert_equal(found, expected):
  for one, other in zip(found, expected, strict=True):
    np.testing.assert_array_equal(one.images, other.images)
    np.testing.assert_array_equal(one.labels, other.labels)


def test_batches_are_those_of_a_plain_loop(stream, photograph_files):
  seed, batch_size = 5, 4
  found = iter(_take(stream, 6, seed, batch_size, 0))
  for epoch in (0, 1):
    root = random_keys.root_key(seed)
    order = np.asarray(pipeline.epoch_order(root, epoch, N)).tolist()
    for start in (0, 4, 8):  # Twelve of thirteen fill batches.
      batch = next(found)
      expected = order[start : start + batch_size]
      assert batch.labels.tolist() == expected
      for image, index in zip(batch.images, expected, strict=True):
        whole = Image.open(io.BytesIO(photograph_files[index]))
        crop = photographs.random_crop(
          np.random.default_rng([seed, epoch, index]), whole, SIDE
        )
        np.testing.assert_array_equal(image, crop)
  assert batch.images.shape == (4, SIDE, SIDE, 3)
  assert (batch.images.dtype, batch.labels.dtype) == (np.uint8, np.int32)


def test_the_stream_says_what_it_holds(stream):
  assert (stream.num_examples, stream.num_classes) == (N, N)
  assert stream.image_shape == (SIDE, SIDE, 3)
  assert [stream.steps_per_epoch(size) for size in (1, 4, 13)] == [13, 3, 1]


@pytest.mark.parametrize('first_step', [1, 3, 5])
def test_a_stream_begun_anywhere_is_one_not_stopped(stream, first_step):
  whole = _take(stream, 7, 0, 4, 0)
  rest = _take(stream, 7 - first_step, 0, 4, first_step)
  _assert_equal(rest, whole[first_step:])


@pytest.mark.parametrize('count', [2, 4])
def test_processes_read_parts_of_the_same_batches(stream, count):
  whole = _take(stream, 4, 0, 4, 1)
  parts = [
    _take(stream, 4, 0, 4, 1, process_index=i, process_count=count)
    for i in range(count)
  ]
  joined = [
    pipeline.Batch(*map(np.concatenate, zip(*batches, strict=True)))
    for batches in zip(*parts, strict=True)
  ]
  _assert_equal(joined, whole)


def test_number_of_threads_has_no_say(stream, photograph_dir):
  alone = data.open_stream(
    'shapes', 'train', side=SIDE, data_dir=photograph_dir, num_threads=1
  )
  _assert_equal(_take(alone, 4, 0, 4, 0), _take(stream, 4, 0, 4, 0))


def test_epochs_and_seeds_differ(stream):
  first, second = _take(stream, 2, 0, N, 0)
  other = _take(stream, 1, 1, N, 0)[0]
  orders = {tuple(b.labels.tolist()) for b in (first, second, other)}
  assert len(orders) == 3
  place = lambda batch: batch.labels.tolist().index(3)
  crops = [batch.images[place(batch)] for batch in (first, second, other)]
  for i in range(3):
    assert (crops[i] != crops[i - 1]).any()


def _grain_threads():
  return [t for t in threading.enumerate() if t.name.startswith('grain')]


@pytest.mark.parametrize('end', ['close', 'forget'])
def test_threads_end_with_the_stream(stream, end):
  before = _grain_threads()
  batches = stream.batches(0, 4, 0)
  next(batches)
  started = [t for t in _grain_threads() if t not in before]
  assert 1 <= len(started) <= 3
  if end == 'close':
    batches.close()
  del batches
  for thread in started:
    thread.join(timeout=30)
    assert not thread.is_alive()


@pytest.mark.slow
def test_an_open_stream_does_not_hold_the_interpreter(photograph_dir):
  program = (
    'from robustjax import data;'
    "stream = data.open_stream('shapes', 'train', side=8, data_dir="
    f'{str(photograph_dir)!r});'
    'batches = stream.batches(0, 4, 0); print(next(batches).labels.shape)'
  )
  done = subprocess.run(
    [sys.executable, '-c', program], capture_output=True, text=True, timeout=60
  )
  assert (done.returncode, done.stdout) == (0, '(4,)\n'), done.stderr


@pytest.fixture(scope='module')
def damaged_dir(tmp_path_factory, write_photographs, photograph_files):
  """Photographs 2 and 3 are damaged, with file names and without."""
  data_dir = tmp_path_factory.mktemp('damaged')
  files = list(photograph_files)
  files[2], files[3] = files[2][:200], b'not a photograph'
  pairs = [(file, i) for i, file in enumerate(files)]
  for name, named in (('named', True), ('nameless', False)):
    write_photographs(
      data_dir, name, {'train': pairs}, num_classes=N, named=named
    )
  all_bad = {'train': [(b'', 0)] * 3}
  write_photographs(data_dir, 'hopeless', all_bad, num_classes=1)
  return data_dir


@pytest.mark.parametrize(
  ('name', 'called'),
  [
    ('named', r'train_[23].jpg \(record [23] of named train\)'),
    ('nameless', 'record [23] of nameless train'),
  ],
)
def test_a_damaged_photograph_is_an_error_that_names_it(
  damaged_dir, name, called
):
  stream = data.open_stream(name, 'train', side=SIDE, data_dir=damaged_dir)
  with pytest.raises(errors.InputError, match=f'decoded, got {called}') as e:
    _take(stream, 1, 0, N, 0)
  assert type(e.value) is errors.InputError
  assert '\n' not in str(e.value)


def test_the_next_photograph_takes_a_damaged_one_s_place(
  damaged_dir, photograph_files, capfd
):
  stream = data.open_stream(
    'named', 'train', side=SIDE, data_dir=damaged_dir, skip_damaged=True
  )
  for batch, epoch in zip(_take(stream, 2, 0, N, 0), (0, 1), strict=True):
    order = pipeline.epoch_order(random_keys.root_key(0), epoch, N).tolist()
    expected = [4 if index in (2, 3) else index for index in order]
    assert batch.labels.tolist() == expected
    stand_in = Image.open(io.BytesIO(photograph_files[4]))
    for index in (2, 3, 4):  # Each with a crop of its own.
      generator = np.random.default_rng([0, epoch, index])
      np.testing.assert_array_equal(
        batch.images[order.index(index)],
        photographs.random_crop(generator, stand_in, SIDE),
      )
  lines = sorted(capfd.readouterr().err.splitlines())
  end = 'cannot be decoded: the next photograph takes its place'
  assert lines == [
    f'train_{i}.jpg (record {i} of named train) {end}' for i in (2, 3)
  ]


def test_photographs_none_of_which_can_be_decoded_end_in_an_error(damaged_dir):
  stream = data.open_stream(
    'hopeless', 'train', side=SIDE, data_dir=damaged_dir, skip_damaged=True
  )
  with pytest.raises(errors.InputError, match='decoded, got none in hopeless'):
    _take(stream, 1, 0, 1, 0)


@pytest.mark.parametrize('label', [-1, 2])
def test_a_label_that_is_no_class_is_named(
  tmp_path, write_photographs, photograph_files, label
):
  pairs = [(photograph_files[0], 0), (photograph_files[1], label)]
  write_photographs(tmp_path, 'few', {'train': pairs}, num_classes=2)
  stream = data.open_stream(
    'few', 'train', side=SIDE, data_dir=tmp_path, skip_damaged=True
  )
  expected = (
    rf'0 to 1 \(2 classes\), got {label}: train_1.jpg \(record 1 of few'
  )
  with pytest.raises(errors.InputError, match=expected):
    _take(stream, 1, 0, 2, 0)


@pytest.mark.parametrize(
  ('arguments', 'options', 'message'),
  [
    ((0, 0, 0), {}, 'batch_size: .*at least 1'),
    ((0, 14, 0), {}, 'batch_size: .*at most 13, got 14'),
    ((0, 4, 0), {'process_count': 3}, 'batch_size: .*multiple of 3'),
    ((0, 4, -1), {}, 'first_step'),
    ((-1, 4, 0), {}, 'seed'),
    ((0, 4, 0), {'process_index': 2, 'process_count': 2}, 'process_index'),
    ((0, 4, 0), {'process_count': 0}, 'process_count'),
  ],
)
def test_what_cannot_be_read_is_refused_at_once(
  stream, arguments, options, message
):
  with pytest.raises(errors.InputError, match=message):
    stream.batches(*arguments, **options)


def test_only_photographs_are_streamed(photograph_dir):
  for name in ('digits', 'iwildcam'):
    with pytest.raises(errors.InputError, match=f'{name}, .*data.load reads'):
      data.open_stream(name, 'train', side=SIDE)
  for options, message in (
    ({'side': 0}, 'side'),
    ({'side': 8, 'num_threads': 0}, 'num_threads'),
  ):
    with pytest.raises(errors.InputError, match=message):
      data.open_stream('shapes', 'train', data_dir=photograph_dir, **options)
  with pytest.raises(errors.InputError, match='split of shapes'):
    data.open_stream('shapes', 'all', side=8, data_dir=photograph_dir)


@needs_imagenet
def test_real_photographs_are_streamed():
  stream = data.open_stream('imagenet2012', 'train', side=32)
  assert (stream.num_examples, stream.num_classes) == (300, 1000)
  (batch,) = _take(stream, 1, 0, 8, 37)  # the second epoch's first
  records = stream._records
  order = pipeline.epoch_order(random_keys.root_key(0), 1, 300)
  expected = [records.read(int(i)).label for i in jax.device_get(order[:8])]
  assert batch.labels.tolist() == expected
  assert len({image.tobytes() for image in batch.images}) == 8
