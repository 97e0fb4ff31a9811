import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import corruptions
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


_PUBLISHED = {'source': None}
_FROST = corruptions.FrostTextures(
  jnp.ones((1, 20, 20, 3)), jnp.array([[20, 20]], jnp.int32)
)


@pytest.mark.parametrize(
  ('benchmark', 'options', 'field'),
  [
    ('degradations', {'jpeg': True}, 'jpeg'),
    ('fgsm', {'jpeg': True}, 'jpeg'),
    ('mnist_c', {'jpeg': True, **_PUBLISHED}, 'jpeg'),
    ('mnist_c', {'jpeg': 1}, 'jpeg'),
    ('mnist_c', {'seed': 3, **_PUBLISHED}, 'seed'),
    ('fgsm', {'seed': 3}, 'seed'),
    ('pgd', {'seed': -1}, 'seed'),
    ('degradations', {'severities': [1]}, 'severities'),
    ('mnist_c', {'severities': [1]}, 'severities'),
    ('imagenet_c', {'epsilons': [0.1]}, 'epsilons'),
    ('imagenet_c', {'amounts': {}}, 'amounts'),
    ('pgd', {'amounts': {}}, 'amounts'),
    ('pgd', {'corruptions': ['fog']}, 'corruptions'),
    ('imagenet_c', {'attacked': jnp.cos}, 'attacked'),
    ('imagenet_c', {'attacked_name': 'cnn'}, 'attacked_name'),
    ('imagenet_c', {'loss': 'softmax'}, 'loss'),
    ('degradations', {'frost_textures': _FROST}, 'frost_textures'),
    ('pgd', {'frost_textures': _FROST}, 'frost_textures'),
    ('mnist_c', {'frost_textures': _FROST}, 'frost_textures'),
    (
      'imagenet_c',
      {'frost_textures': _FROST, 'corruptions': ['fog']},
      'frost_textures',
    ),
    ('imagenet_c', {'frost_textures': _FROST, **_PUBLISHED}, 'frost_textures'),
    ('imagenet_c', {'frost_textures': np.ones((1, 9, 9, 3))}, 'frost_textures'),
  ],
)
def test_what_would_be_ignored_is_refused(source, benchmark, options, field):
  given = {'source': source} | options
  with pytest.raises(errors.InputError, match=f'^{field}: expected'):
    plans.make_plan(jnp.cos, given.pop('source'), benchmark, **given)


@pytest.mark.parametrize(
  ('benchmark', 'options'),
  [
    ('mnist_c', {'jpeg': True, 'seed': 3}),
    ('imagenet_c', {'severities': np.array([2, 1]), 'frost_textures': _FROST}),
    ('pgd', {'seed': 3, 'loss': 'sigmoid', 'attacked': jnp.cos}),
    ('degradations', {'seed': 3, 'jpeg': False}),
  ],
)
def test_what_has_a_meaning_is_taken(source, benchmark, options):
  plan = plans.make_plan(jnp.cos, source, benchmark, **options)
  if 'seed' in options:
    assert 'seed 3' in plan.source


@pytest.mark.parametrize(
  'severities', [[2.5], [9], [0], [2.0], np.array([1.5]), 3, 'a', [None]]
)
def test_severities_are_levels(source, severities):
  with pytest.raises(errors.InputError, match='severities: expected'):
    plans.make_plan(None, source, 'imagenet_c', severities=severities)
  for levels in (np.array([3, 1]), jnp.array([3, 1]), (3, 1)):
    plan = plans.make_plan(
      None, source, 'imagenet_c', corruptions=['fog'], severities=levels
    )
    assert [cell.label for cell in plan.cells] == ['clean', 'fog 1', 'fog 3']


@pytest.mark.parametrize(
  'amounts',
  [
    3,
    [0.1],
    {3: [0.1]},
    {'gaussian_noise': 0.1},
    {'gaussian_noise': []},
    {'gaussian_noise': [np.nan]},
  ],
)
def test_amounts_are_lists_by_name(source, amounts):
  with pytest.raises(errors.InputError, match='amounts: '):
    plans.make_plan(None, source, 'degradations', amounts=amounts)


def test_benchmarks_and_data_sets_are_named(source):
  with pytest.raises(errors.InputError, match="did you mean 'imagenet_c'"):
    plans.make_plan(None, source, 'imagenet-c')
  for wrong in (None, 3, ['fgsm'], np.array(['fgsm', 'pgd'])):
    with pytest.raises(errors.InputError, match='benchmark: '):
      plans.make_plan(None, source, wrong)
  for wrong in (3, source.images, (source.images,), {}, b'folder'):
    with pytest.raises(errors.InputError, match='source: '):
      plans.make_plan(None, wrong, 'mnist_c')
  negative = source._replace(labels=source.labels - 20)
  for benchmark in ('mnist_c', 'degradations', 'fgsm'):
    with pytest.raises(errors.InputError, match='labels: '):
      plans.make_plan(None, negative, benchmark)
