import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax.data import sources
from robustjax.training import run_data


@pytest.fixture
def _own_sets(monkeypatch):
  """Data sets in which an image's pixel is its place."""

  def load(name, split, data_dir=None, side=None):
    if split == 'validation' and name != 'with_validation':
      raise errors.InputError('split', 'train or test', split)
    count = {'train': 40, 'test': 12, 'validation': 8}[split]
    images = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return data.from_arrays(images, np.arange(count) % 4, split=split)

  monkeypatch.setattr(sources, 'load', load)
  monkeypatch.setattr(
    sources, 'is_photographs', lambda name, data_dir=None: False
  )


pytestmark = pytest.mark.usefixtures('_own_sets')


def _load(config, **fields):
  config.update_from_flattened_dict(fields)
  return run_data.load(config)


def test_all_images_are_trained_on_unless_asked_otherwise(config):
  found = _load(config)
  assert len(found.train.labels) == 40
  assert found.validation is None
  assert found.watched is found.test
  assert found.image_shape == (1, 1, 1)


def test_validation_images_are_held_back_class_by_class(config):
  found = _load(config, train_share=0.8, validation_share=0.2)
  parts = [found.train, found.validation]
  assert [len(part.labels) for part in parts] == [32, 8]
  for part in parts:
    counts = np.bincount(part.labels)
    assert set(counts) == {len(part.labels) // 4}
    # Images stay with their labels.
    np.testing.assert_array_equal(part.images.ravel() % 4, part.labels)
  places = np.concatenate([part.images.ravel() for part in parts])
  np.testing.assert_array_equal(np.sort(places), np.arange(40))
  assert found.watched is found.validation
  assert len(found.test.labels) == 12


def test_all_seeds_share_what_is_held_back(config):
  one = _load(config, train_share=0.5, validation_share=0.2)
  other = _load(config, seed=1)
  np.testing.assert_array_equal(one.train.images, other.train.images)
  assert len(one.train.labels) == 20


def test_a_share_alone_holds_nothing_back(config):
  found = _load(config, train_share=0.5)
  assert len(found.train.labels) == 20
  assert found.watched is found.test


def test_a_data_set_s_own_validation_images_are_used(config):
  found = _load(config, dataset='with_validation', selection='best')
  assert len(found.train.labels) == 40
  assert len(found.validation.labels) == 8


def test_nothing_to_select_by_is_named(config):
  with pytest.raises(errors.InputError, match='selection: expected last, or'):
    _load(config, selection='best')
