import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attacks
from robustjax import data
from robustjax import errors
from robustjax.evaluation import adversarial_sets


@pytest.fixture
def source(rng):
  images = rng.integers(0, 256, size=(6, 12, 12, 1), dtype=np.uint8)
  return data.from_arrays(images, rng.integers(0, 10, 6), num_classes=10)


def test_an_attack_s_labels_are_those_of_the_images_it_is_given(source):
  """The classifier is right on one class only: its images can be attacked."""

  def predict(images):
    return jnp.stack([images.mean(axis=(1, 2, 3)) * k for k in range(10)], 1)

  plan = adversarial_sets.attack(
    'fgsm', predict, source, epsilons=[0.1], seed=0
  )
  clean = jnp.asarray(source.images / np.float32(255))
  attack = plan.cells[1].corrupt
  together = attack(clean, jnp.arange(6))
  order = jnp.array([4, 1, 5])
  np.testing.assert_allclose(
    attack(clean[order], order), together[order], atol=1e-6
  )
  # A batch that is filled up has places beyond the last image.
  attack(clean, 4 + jnp.arange(6))


def test_bad_epsilons_are_named(source):
  with pytest.raises(errors.InputError, match='epsilons: '):
    adversarial_sets.attack('fgsm', lambda x: x, source, epsilons=[8], seed=0)


def _linear(weights):
  weights = jnp.asarray(weights, jnp.float32)
  return lambda images: images.reshape(len(images), -1) @ weights


def test_images_are_crafted_on_the_classifier_attacked(source, rng):
  ours, other = (_linear(rng.normal(size=(144, 10))) for _ in range(2))
  plan = adversarial_sets.attack(
    'fgsm', ours, source, epsilons=[0.1], seed=0, attacked=other
  )
  clean = jnp.asarray(source.images / np.float32(255))
  labels = jnp.asarray(source.labels)
  found = plan.cells[1].corrupt(clean, jnp.arange(6))
  expected, itself = (
    attacks.fgsm(attacks.cross_entropy(one), clean, labels, epsilon=0.1)
    for one in (other, ours)
  )
  np.testing.assert_allclose(found, expected, atol=1e-6)
  assert np.abs(found - itself).max() > 0.1
  assert plan.attacked is other


@pytest.mark.parametrize(
  ('options', 'expected'),
  [
    ({}, 'crafted on the classifier itself'),
    ({'attacked': jnp.sin}, 'crafted on another classifier'),
    (
      {'attacked': jnp.sin, 'attacked_name': 'the CNN, seed 3'},
      'crafted on the CNN, seed 3',
    ),
  ],
)
@pytest.mark.parametrize('benchmark', ['fgsm', 'pgd'])
def test_the_plan_says_on_which(source, benchmark, options, expected):
  plan = adversarial_sets.attack(
    benchmark, jnp.cos, source, epsilons=None, seed=0, **options
  )
  assert plan.processing[0] == expected
  assert len(plan.processing) == 1 + (benchmark == 'pgd')


def test_a_name_alone_is_refused(source):
  with pytest.raises(errors.InputError, match="attacked_name: .* got 'cnn'"):
    adversarial_sets.attack(
      'fgsm', jnp.cos, source, epsilons=None, seed=0, attacked_name='cnn'
    )


def test_a_classifier_of_too_few_classes_is_named(source, rng):
  few = _linear(rng.normal(size=(144, 2)))
  plan = adversarial_sets.attack(
    'fgsm', jnp.cos, source, epsilons=[0.1], seed=0, attacked=few
  )
  clean = jnp.asarray(source.images / np.float32(255))
  least = source.labels.max() + 1
  with pytest.raises(errors.InputError, match=f'attacked: .*at least {least}'):
    plan.cells[1].corrupt(clean, jnp.arange(6))


def test_a_sigmoid_s_loss_is_the_binary_one_of_each_class(source, rng):
  logits = rng.normal(0, 30, size=(6, 10)).astype(np.float32)
  loss_fn = adversarial_sets.sigmoid_cross_entropy(lambda x: jnp.array(logits))
  found = loss_fn(None, jnp.asarray(source.labels))
  is_class = np.eye(10)[source.labels]
  # Of class and of no class, in float64: log(1 + exp(-x)) and log(1 + exp(x)).
  each = np.logaddexp(0, np.where(is_class, -logits, logits).astype(np.float64))
  np.testing.assert_allclose(found, each.mean(axis=1), rtol=1e-6)


def test_an_attack_raises_the_loss_that_was_trained(source, rng):
  predict = _linear(rng.normal(size=(144, 10)))
  clean = jnp.asarray(source.images / np.float32(255))
  labels = jnp.asarray(source.labels)
  found = {}
  for loss, make in adversarial_sets.LOSSES.items():
    plan = adversarial_sets.attack(
      'fgsm', predict, source, epsilons=[0.1], seed=0, loss=loss
    )
    found[loss] = plan.cells[1].corrupt(clean, jnp.arange(6))
    expected = attacks.fgsm(make(predict), clean, labels, epsilon=0.1)
    np.testing.assert_allclose(found[loss], expected, atol=1e-6)
    says = 'by its sigmoid cross entropy' in plan.processing
    assert says == (loss == 'sigmoid')
  assert np.abs(found['softmax'] - found['sigmoid']).max() > 0.1
  with pytest.raises(errors.InputError, match='loss: .*sigmoid'):
    adversarial_sets.attack(
      'fgsm', predict, source, epsilons=[0.1], seed=0, loss='hinge'
    )


@pytest.mark.parametrize(
  'epsilons', [[0.1, 0.0], np.array([0.1, 0.0]), jnp.array([0.1, 0.0])]
)
def test_epsilons_may_be_an_array(source, epsilons):
  plan = adversarial_sets.attack(
    'fgsm', jnp.cos, source, epsilons=epsilons, seed=0
  )
  assert [cell.label for cell in plan.cells] == ['clean', 'fgsm 0.1']


@pytest.mark.parametrize(
  'epsilons', [[jnp.float32(-0.1)], [8], jnp.array([8.0]), [], 0.1, 'a', [None]]
)
def test_epsilons_outside_the_range_of_a_pixel_are_named(source, epsilons):
  with pytest.raises(errors.InputError, match='epsilons: expected'):
    adversarial_sets.attack('fgsm', jnp.cos, source, epsilons=epsilons, seed=0)


@pytest.mark.parametrize(
  ('predict', 'message'),
  [
    (lambda x: np.asarray(x).reshape(6, -1)[:, :10], 'predict: .*NumPy'),
    (lambda x: x.reshape(6, -1)[:, :10] if x.max() > 2 else x, 'predict: '),
    (lambda x: None, 'attacked: .*got NoneType'),
    (lambda x: x, 'attacked: .*got shape'),
    (lambda x: jnp.ones((6, 10), int), 'predict: .*floats'),
  ],
)
@pytest.mark.parametrize('benchmark', ['fgsm', 'pgd'])
def test_a_classifier_that_cannot_be_attacked_is_named(
  source, benchmark, predict, message
):
  plan = adversarial_sets.attack(
    benchmark, predict, source, epsilons=[0.1], seed=0
  )
  clean = jnp.asarray(source.images / np.float32(255))
  with pytest.raises(errors.InputError, match=message):
    plan.cells[1].corrupt(clean, jnp.arange(6))


def test_other_classifiers_and_data_are_named(source):
  options = {'epsilons': None, 'seed': 0}
  for change, field in (
    ({'attacked': 'resnet'}, 'attacked'),
    ({'attacked': jnp.cos, 'attacked_name': 3}, 'attacked_name'),
    ({'attacked': jnp.cos, 'attacked_name': ''}, 'attacked_name'),
    ({'seed': -1}, 'seed'),
  ):
    with pytest.raises(errors.InputError, match=f'{field}: '):
      adversarial_sets.attack('pgd', jnp.cos, source, **options | change)
  with pytest.raises(errors.InputError, match='benchmark: '):
    adversarial_sets.attack('cw', jnp.cos, source, **options)
  none = source._replace(images=source.images[:0], labels=source.labels[:0])
  with pytest.raises(errors.InputError, match='images: expected at least one'):
    adversarial_sets.attack('pgd', jnp.cos, none, **options)
