import pytest

from robustjax import errors
from robustjax.evaluation import published


def test_a_folder_holds_the_authors_files_and_none_means_tfds(tmp_path):
  folder = tmp_path / 'files'
  folder.mkdir()
  for benchmark, description in (
    ('mnist_c', 'MNIST-C, .npy files of files'),
    ('cifar10_c', 'CIFAR-10-C, .npy files of files'),
    ('imagenet_c', 'ImageNet-C, JPEG files of files'),
  ):
    assert published.find(benchmark, folder).description == description
    sets = published.find(benchmark, data_dir=tmp_path)
    with pytest.raises(errors.InputError, match='data_dir: .*prepare_data.py'):
      sets.check()


def test_an_unknown_benchmark_or_folder_is_named(tmp_path):
  with pytest.raises(errors.InputError, match="did you mean 'cifar10_c'"):
    published.find('cifar-10-c')
  with pytest.raises(errors.InputError, match='folder: .*missing, which is'):
    published.find('mnist_c', tmp_path / 'missing')
  for wrong in (3, '', '~nobody-of-this-name/x', None):
    with pytest.raises(errors.InputError, match='folder|benchmark'):
      published.find('mnist_c' if wrong is not None else None, wrong)
  with pytest.raises(errors.InputError, match='data_dir: '):
    published.find('mnist_c', data_dir=3)
  for wrong in (0, 'x', 2.5):
    with pytest.raises(errors.InputError, match='num_classes: '):
      published.find('imagenet_c', tmp_path, num_classes=wrong)
