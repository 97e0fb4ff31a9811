import numpy as np
import pytest

from robustjax import data
from robustjax import errors


def test_arrays_of_one_s_own_are_taken():
  images = np.linspace(0, 1, 2 * 3 * 3).reshape(2, 3, 3)
  found = data.from_arrays(images, np.array([0, 4]))
  assert found.images.shape == (2, 3, 3, 1)
  assert found.num_classes == 5
  np.testing.assert_array_equal(
    found.images[..., 0], np.rint(images * 255).astype(np.uint8)
  )


@pytest.mark.parametrize(
  ('images', 'labels', 'message'),
  [
    (np.zeros((0, 3, 3), np.uint8), np.zeros(0, int), 'at least one image'),
    (np.zeros((2, 3), np.uint8), np.zeros(2, int), r'\[N, H, W, C\]'),
    (np.zeros((2, 3, 3), int), np.zeros(2, int), 'dtype int64'),
    (np.full((2, 3, 3), 1.5), np.zeros(2, int), 'values from 1.5 to 1.5'),
    (np.full((2, 3, 3), np.nan), np.zeros(2, int), 'values from nan'),
    (np.zeros((2, 3, 3)), np.zeros(3, int), 'labels: expected 2 integers'),
    (np.zeros((2, 3, 3)), np.zeros(2), 'labels: .*float64'),
    (np.zeros((2, 3, 3)), np.array([0, -1]), 'labels: .* got -1'),
  ],
)
def test_bad_arrays_are_named(images, labels, message):
  with pytest.raises(errors.InputError, match=message):
    data.from_arrays(images, labels)


def test_labels_outside_the_given_classes_are_named():
  with pytest.raises(
    errors.InputError, match=r'from 0 to 2 .3 classes., got 3'
  ):
    data.from_arrays(np.zeros((1, 2, 2)), np.array([3]), num_classes=3)


@pytest.mark.parametrize(
  ('change', 'field'),
  [
    ({'images': [[1.0], [1.0, 2.0]]}, 'images'),
    ({'images': None}, 'images'),
    ({'images': np.zeros((3, 0, 4))}, 'images'),
    ({'images': np.full((3, 4, 4), 'a')}, 'images'),
    ({'labels': [[0], [1, 2], [3]]}, 'labels'),
    ({'labels': [0, 1, -1]}, 'labels'),
    ({'labels': [0, 1, 10**15]}, 'classes of labels'),
    ({'num_classes': 2.5}, 'num_classes'),
    ({'num_classes': 0}, 'num_classes'),
    ({'num_classes': 10**9}, 'num_classes'),
  ],
)
def test_hostile_input_is_named(change, field):
  arguments = {'images': np.zeros((3, 4, 4)), 'labels': [0, 1, 2]} | change
  with pytest.raises(errors.InputError, match=f'{field}: '):
    data.from_arrays(**arguments)
