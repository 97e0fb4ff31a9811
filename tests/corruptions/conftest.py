"""Published data and real images that corruptions are compared with."""

import os

import numpy as np
import pytest

from robustjax import data


@pytest.fixture(scope='session')
def data_dir():
  """The folder of prepared data sets."""
  folder = os.environ.get('TFDS_DATA_DIR')
  if not folder:
    pytest.skip('TFDS_DATA_DIR does not name prepared data sets')
  return folder


@pytest.fixture(scope='session')
def mnist_c(data_dir):
  """Name of a set -> its first images and those they were made from.

  The published ones are uint8, the clean ones float32 in [0, 1].
  """

  def load(name, count=50):
    clean = data.load('mnist', 'test', data_dir=data_dir).images[:count]
    published = data.load(f'mnist_corrupted/{name}', 'test', data_dir=data_dir)
    return clean / np.float32(255), np.asarray(published.images[:count])

  return load
