import numpy as np
import pytest

from robustjax import errors
from robustjax.evaluation import published


def _zeros(path, shape, dtype=np.uint8):
  """A file of zeros that takes no room on disk."""
  return np.lib.format.open_memmap(path, mode='w+', dtype=dtype, shape=shape)


@pytest.fixture
def mnist(tmp_path, rng):
  """Two of MNIST-C's sets."""
  for name in ('identity', 'fog'):
    (tmp_path / name).mkdir()
    images = _zeros(tmp_path / name / 'test_images.npy', (10_000, 28, 28, 1))
    images[7] = len(name)
    labels = rng.integers(0, 10, 10_000)
    np.save(tmp_path / name / 'test_labels.npy', labels)
  return tmp_path


@pytest.fixture
def cifar10(tmp_path, rng):
  """One of CIFAR-10-C's files, whose pixels are the severity."""
  images = _zeros(tmp_path / 'fog.npy', (50_000, 32, 32, 3))
  images[3::10_000] = np.arange(1, 6).reshape(5, 1, 1, 1)
  labels = rng.integers(0, 10, 10_000).astype(np.uint8)
  np.save(tmp_path / 'labels.npy', np.tile(labels, 5))
  return tmp_path


def test_mnist_c_is_mapped_from_its_files(mnist):
  sets = published.find('mnist_c', mnist)
  sets.check(['identity', 'fog'])
  found = sets.open('fog')
  assert (found.name, found.split, found.num_classes) == (
    'mnist_c/fog', 'test', 10,
  )  # fmt: skip
  assert isinstance(found.images, np.memmap)
  assert (found.images[7] == 3).all()
  labels = np.load(mnist / 'fog' / 'test_labels.npy')
  np.testing.assert_array_equal(found.labels, labels)
  assert found.labels.dtype == np.int32


def test_a_severity_is_its_fifth_of_a_file(cifar10):
  sets = published.find('cifar10_c', cifar10)
  sets.check(['fog'])
  labels = np.load(cifar10 / 'labels.npy')[:10_000]
  for severity in range(1, 6):
    found = sets.open('fog', severity)
    assert found.images.shape == (10_000, 32, 32, 3)
    assert (found.images[3] == severity).all()
    assert not found.images[4].any()
    np.testing.assert_array_equal(found.labels, labels)


def test_what_is_missing_is_named_before_anything_is_read(mnist):
  sets = published.find('mnist_c', mnist)
  with pytest.raises(errors.InputError, match='shot_noise.*no such file'):
    sets.check()
  (mnist / 'fog' / 'test_labels.npy').unlink()
  with pytest.raises(errors.InputError, match='fog/test_labels.npy.*no such'):
    sets.open('fog')


def _truncate(path):
  with path.open('r+b') as file:
    file.truncate(5000)


@pytest.mark.parametrize(
  ('damage', 'message'),
  [
    (_truncate, 'an intact .npy of shape'),
    (lambda path: path.write_bytes(b''), 'an intact .npy of shape'),
    (lambda path: path.write_bytes(b'text'), 'an intact .npy of shape'),
    (lambda p: _zeros(p, (9_999, 28, 28, 1)), r'got shape \(9999, 28'),
    (lambda p: _zeros(p, (10_000, 28, 28)), r'got shape \(10000, 28, 28\)'),
    (
      lambda p: _zeros(p, (10_000, 28, 28, 1), np.float32),
      'uint8, got dtype float32',
    ),
    (
      lambda p: np.save(p, np.array([None]), allow_pickle=True),
      'an intact .npy of shape',
    ),
  ],
)
def test_damaged_images_are_named(mnist, damage, message):
  path = mnist / 'fog' / 'test_images.npy'
  damage(path)
  with pytest.raises(errors.InputError, match=message) as caught:
    published.find('mnist_c', mnist).check(['fog'])
  assert str(path) in str(caught.value)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('labels', 'message'),
  [
    (np.zeros(40_000, np.uint8), r'shape \(50000,\), got shape \(40000,\)'),
    (np.zeros(50_000, np.float32), 'integers, got dtype float32'),
    (np.full(50_000, 10), r'labels in 0\.\.9, got 10'),
    (np.arange(50_000) % 7, 'the same labels for every severity'),
  ],
)
def test_bad_labels_are_named(cifar10, labels, message):
  np.save(cifar10 / 'labels.npy', labels)
  with pytest.raises(errors.InputError, match=f'labels.npy: .*{message}'):
    published.find('cifar10_c', cifar10).check(['fog'])


def test_an_archive_is_no_array(cifar10):
  with (cifar10 / 'fog.npy').open('wb') as file:
    np.savez(file, images=np.zeros(3))
  with pytest.raises(errors.InputError, match='fog.npy: .*got shape NpzFile'):
    published.find('cifar10_c', cifar10).check(['fog'])
