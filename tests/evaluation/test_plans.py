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
    ('cifar10_c', 76),
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


def test_colour_images_are_degraded_by_amounts_of_their_own(rng):
  colour = rng.integers(0, 256, size=(4, 8, 8, 3), dtype=np.uint8)
  plan = plans.make_plan(
    None,
    (colour, np.arange(4)),
    'degradations',
    corruptions=['uniform_noise'],
  )
  amounts = [cell.amount for cell in plan.cells[1:]]
  np.testing.assert_allclose(amounts, np.arange(1, 11) / 20)


def test_clean_images_may_be_arrays(source):
  pair = (source.images, source.labels)
  plan = plans.make_plan(None, pair, 'mnist_c', corruptions=['fog'])
  (cell,) = plan.cells
  np.testing.assert_array_equal(cell.open().images, source.images)


def test_a_folder_is_of_published_images(tmp_path):
  with pytest.raises(errors.InputError, match='folder: '):
    plans.make_plan(None, tmp_path / 'missing', 'mnist_c')


@pytest.mark.parametrize(
  ('amounts', 'expected'),
  [
    ({}, [('clean', None)]),
    ({'gaussian_noise': (0.0,)}, [('clean', None)]),
    (
      {'gaussian_blur': (2.0,), 'uniform_noise': (0.0, 0.05)},
      [('clean', None), ('gaussian_blur', 2.0), ('uniform_noise', 0.05)],
    ),
  ],
)
def test_degradations_are_measured_at_the_amounts_given(
  source, amounts, expected
):
  plan = plans.make_plan(None, source, 'degradations', amounts=amounts)
  assert [(cell.corruption, cell.amount) for cell in plan.cells] == expected


@pytest.mark.parametrize(
  ('benchmark', 'options', 'message'),
  [
    ('degradations', {'amounts': {'fog': (1.0,)}}, 'amounts: .*fog'),
    ('degradations', {'amounts': {'gaussian_noise': (-1.0,)}}, 'amounts: '),
    ('mnist_c', {'amounts': {}}, 'amounts: expected None for mnist_c'),
    (
      'degradations',
      {'amounts': {}, 'corruptions': ['gaussian_noise']},
      'corruptions: expected None for degradations with amounts',
    ),
  ],
)
def test_bad_amounts_are_named(source, benchmark, options, message):
  with pytest.raises(errors.InputError, match=message):
    plans.make_plan(None, source, benchmark, **options)
