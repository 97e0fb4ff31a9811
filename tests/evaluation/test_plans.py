import numpy as np
import pytest

from robustjax import data
from robustjax import errors
from robustjax.evaluation import plans


@pytest.fixture
def source(rng):
  images = rng.integers(0, 256, size=(4, 12, 12, 1), dtype=np.uint8)
  return data.from_arrays(images, rng.integers(0, 10, 4), num_classes=10)


@pytest.mark.parametrize(
  ('benchmark', 'count'),
  [
    ('mnist_c', 16),
    ('imagenet_c', 76),
    ('degradations', 1 + 6 + 6 + 10 + 6),
    ('fgsm', 7),
    ('pgd', 7),
  ],
)
def test_a_benchmark_has_its_sets(source, benchmark, count):
  plan = plans.make_plan(None, source, benchmark)
  assert plan.benchmark == benchmark
  assert len(plan.cells) == count
  assert plan.origin == 'generated'


def test_clean_images_may_be_arrays(source):
  pair = (source.images, source.labels)
  plan = plans.make_plan(None, pair, 'mnist_c', corruptions=['fog'])
  (cell,) = plan.cells
  np.testing.assert_array_equal(cell.open().images, source.images)


def test_a_folder_is_of_published_images(tmp_path):
  with pytest.raises(errors.InputError, match='folder: '):
    plans.make_plan(None, tmp_path / 'missing', 'mnist_c')
