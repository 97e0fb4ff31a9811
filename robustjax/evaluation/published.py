"""Corrupted images as they were published, one set at a time.

Each benchmark is read from the TFDS data set of it, or from the files its
authors published:

  mnist_c     CORRUPTION/test_images.npy and test_labels.npy
  cifar10_c   CORRUPTION.npy and labels.npy, the five severities one after the
              other, 10,000 images each
  imagenet_c  CORRUPTION/SEVERITY/WNID/*.JPEG; a class is the place of its
              WordNet id in their sorted order

`find` says where the sets are, `check` that all of them are there and whole,
before a classifier is run for hours.

References:
  Mu and Gilmer, MNIST-C, 2019, arXiv:1906.02337.
  Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common
  Corruptions and Perturbations, 2019, arXiv:1903.12261.
"""

import os

from robustjax import errors
from robustjax.evaluation import array_files
from robustjax.evaluation import checks
from robustjax.evaluation import corrupted_sets
from robustjax.evaluation import image_folders
from robustjax.evaluation import tfds_sets

BENCHMARKS = corrupted_sets.BENCHMARKS
Published = corrupted_sets.Published
corruption_names = corrupted_sets.corruption_names
has_severities = corrupted_sets.has_severities

_NUM_CLASSES = 1000  # of ImageNet


def find(
  benchmark: str,
  folder: str | os.PathLike | None = None,
  *,
  data_dir: str | os.PathLike | None = None,
  num_classes: int = _NUM_CLASSES,
) -> Published:
  """The sets of a benchmark, in the authors' files or in TFDS.

  Args:
    benchmark: a name in `BENCHMARKS`.
    folder: of the authors' files; None for TFDS.
    data_dir: folder of prepared TFDS data sets; see `data.load`.
    num_classes: of folders of images; fewer than ImageNet's 1000 if the files
      are those of a subset.

  Returns:
    Where the sets are. Only the folder itself was looked for yet.

  Raises:
    errors.InputError: on an unknown benchmark, or if the folder does not exist.

  Example:
    >>> find('mnist_c', 'missing')
    Traceback (most recent call last):
    robustjax.errors.InputError: folder: expected a folder with the files of \
mnist_c, got missing, which is none
  """
  checks.choice('benchmark', benchmark, BENCHMARKS)
  if folder is None:
    if data_dir is not None:
      data_dir = checks.path('data_dir', data_dir)
    return tfds_sets.TfdsSets(benchmark, data_dir)
  errors.check_integer('num_classes', num_classes, low=1)
  folder = checks.path('folder', folder)
  if not folder.is_dir():
    expected = f'a folder with the files of {benchmark}'
    raise errors.InputError('folder', expected, f'{folder}, which is none')
  if benchmark == 'mnist_c':
    return array_files.MnistArrays(folder)
  if benchmark == 'cifar10_c':
    return array_files.Cifar10Arrays(folder)
  return image_folders.ImageFolders(folder, num_classes)
