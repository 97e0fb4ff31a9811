import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attacks
from robustjax import errors

KEY = jax.random.key(0)
LABELS = jnp.array([0, 2, 1])


def _linear(rng, shape=(4, 3, 1), classes=3):
  """A linear classifier, whose worst perturbation is known."""
  weights = rng.normal(size=(int(np.prod(shape)), classes))
  weights = jnp.asarray(weights, jnp.float32)
  return weights, lambda images: images.reshape(len(images), -1) @ weights


def _images(rng, low=0.0, high=1.0):
  return jnp.asarray(rng.uniform(low, high, size=(3, 4, 3, 1)), jnp.float32)


def _binary(rng):
  """Two classes: the gradient's sign is that of a difference of weights."""
  weights, predict = _linear(rng, classes=2)
  labels = jnp.array([0, 1, 1])
  is_second = labels.astype(jnp.float32)
  towards = (weights[:, 1] - weights[:, 0])[None] * (1 - 2 * is_second)[:, None]
  return attacks.cross_entropy(predict), labels, jnp.sign(towards)


def test_cross_entropy_is_that_of_a_literal_loop(rng):
  _, predict = _linear(rng)
  images = _images(rng)
  found = attacks.cross_entropy(predict)(images, LABELS)
  for i, logits in enumerate(np.asarray(predict(images), np.float64)):
    expected = np.log(np.exp(logits).sum()) - logits[LABELS[i]]
    np.testing.assert_allclose(found[i], expected, rtol=1e-5)


def test_fgsm_goes_epsilon_against_a_linear_classifier(rng):
  loss_fn, labels, sign = _binary(rng)
  images = _images(rng, 0.3, 0.7)
  found = attacks.fgsm(loss_fn, images, labels, epsilon=0.2)
  expected = images + 0.2 * sign.reshape(images.shape)
  np.testing.assert_allclose(found, expected, atol=2**-23)


def test_pgd_ends_in_the_worst_corner_of_the_box(rng):
  loss_fn, labels, sign = _binary(rng)
  images = _images(rng)
  found = attacks.pgd(
    KEY, loss_fn, images, labels, epsilon=0.2, step_size=0.1, num_steps=5
  )
  worst = np.clip(images + 0.2 * sign.reshape(images.shape), 0, 1)
  np.testing.assert_allclose(found, worst, atol=2**-23)


def test_pgd_starts_at_random_and_steps_by_the_step_size(rng):
  loss_fn, labels, sign = _binary(rng)
  images = _images(rng, 0.4, 0.6)
  attack = functools.partial(
    attacks.pgd, loss_fn=loss_fn, images=images, labels=labels, epsilon=0.2
  )
  starts = attack(KEY, step_size=0.0, num_steps=1)
  offset = np.asarray(starts - images)
  assert np.abs(offset).max() <= 0.2 + 2**-24
  assert np.unique(offset).size == offset.size
  stepped = attack(KEY, step_size=0.01, num_steps=2)
  expected = np.clip(offset + 0.02 * sign.reshape(images.shape), -0.2, 0.2)
  np.testing.assert_allclose(stepped - images, expected, atol=2**-22)
  assert not np.array_equal(
    starts, attack(jax.random.key(1), step_size=0.0, num_steps=1)
  )


@pytest.mark.parametrize('attack', attacks.ATTACKS)
def test_epsilon_zero_changes_no_bit(rng, attack):
  _, predict = _linear(rng)
  images, loss_fn = _images(rng), attacks.cross_entropy(predict)
  if attack == 'fgsm':
    found = attacks.fgsm(loss_fn, images, LABELS, epsilon=0.0)
  else:
    found = attacks.pgd(
      KEY, loss_fn, images, LABELS, epsilon=0.0, step_size=0.1, num_steps=3
    )
  np.testing.assert_array_equal(found, images)


def test_noise_is_averaged_before_the_sign_is_taken():
  """Each draw's slope is 1 or -3; a single one tells the sign of no mean."""
  images, labels = jnp.full((1, 1, 1, 1), 0.5), jnp.array([0])

  def loss_fn(images, labels, key):
    del labels
    slope = jnp.where(jax.random.bernoulli(key, 0.6), 1.0, -3.0)
    return slope * images.sum(axis=(1, 2, 3))

  def ups(num_noise_samples):
    found = [
      attacks.fgsm(
        loss_fn,
        images,
        labels,
        epsilon=0.1,
        num_noise_samples=num_noise_samples,
        key=jax.random.key(i),
      )
      for i in range(40)
    ]
    return sum(float(one.sum()) > 0.5 for one in found)

  # The mean slope is -0.6: with 64 draws, of deviation 1.96 / 8, it is positive
  # in 0.7 % of the keys; a single draw is in 60 %.
  assert ups(64) <= 3
  assert ups(1) >= 12


def test_pgd_draws_new_noise_at_every_step():
  def loss_fn(images, labels, key):
    del labels
    slope = jax.random.normal(key, images.shape)
    return (slope * images).sum(axis=(1, 2, 3))

  images = jnp.full((1, 20, 20, 1), 0.5)
  attack = functools.partial(
    attacks.pgd, KEY, loss_fn, images, jnp.array([0]), epsilon=0.2
  )
  one = attack(step_size=0.01, num_steps=1)
  two = attack(step_size=0.01, num_steps=2)
  went_back = np.asarray(two < one).mean()
  # A fair coin per pixel, 400 of them.
  assert abs(went_back - 0.5) < 4 * 0.5 / 20


def test_a_traced_epsilon_compiles_once_and_steps_are_no_loop_on_cpu(rng):
  _, predict = _linear(rng)
  loss_fn, images = attacks.cross_entropy(predict), _images(rng)

  @functools.partial(jax.jit, static_argnames='num_steps')
  def attack(epsilon, num_steps):
    return attacks.pgd(
      KEY,
      loss_fn,
      images,
      LABELS,
      epsilon=epsilon,
      step_size=0.1,
      num_steps=num_steps,
    )

  for epsilon in (0.1, 0.2):
    found = attack(jnp.float32(epsilon), 3)
    assert np.abs(found - images).max() <= epsilon + 2**-23
  assert attack._cache_size() == 1
  one, three = (
    attack.lower(jnp.float32(0.1), n).compile().as_text().count(' dot(')
    for n in (1, 3)
  )
  assert three >= 3 * one > 0


def test_bad_input_is_named(rng):
  _, predict = _linear(rng)
  loss_fn, images = attacks.cross_entropy(predict), _images(rng)
  attack = functools.partial(attacks.fgsm, loss_fn, epsilon=0.1)
  for call, message in (
    (lambda: attack(images[0], LABELS), 'images: '),
    (lambda: attack(images.astype(jnp.int32), LABELS), 'images: .*int32'),
    (lambda: attack(images, LABELS[:2]), r'labels: .*\(2,\)'),
    (lambda: attack(images, LABELS.astype(jnp.float32)), 'labels: .*float32'),
    (lambda: attack(images, LABELS, epsilon=-0.1), 'epsilon: '),
    (lambda: attack(images, LABELS, key=KEY), 'key: .* got one'),
    (
      lambda: attacks.fgsm(
        lambda x, y, key: x.sum(axis=(1, 2, 3)), images, LABELS, epsilon=0.1
      ),
      'key: .* got None',
    ),
    (
      lambda: attacks.fgsm(lambda x, y: x.sum(), images, LABELS, epsilon=0.1),
      'loss_fn: expected losses',
    ),
    (
      lambda: attacks.pgd(
        KEY, loss_fn, images, LABELS, epsilon=0.1, step_size=0.1, num_steps=0
      ),
      'num_steps: ',
    ),
  ):
    with pytest.raises(errors.InputError, match=message):
      call()


def _attack(name, loss_fn, images, labels, **options):
  options = {'epsilon': 0.1} | options
  if name == 'fgsm':
    return attacks.fgsm(loss_fn, images, labels, **options)
  options = {'step_size': 0.1, 'num_steps': 2} | options
  return attacks.pgd(KEY, loss_fn, images, labels, **options)


@pytest.mark.parametrize('name', attacks.ATTACKS)
@pytest.mark.parametrize(
  ('labels', 'message'),
  [
    (
      [0, 2, 23],
      r'labels: expected integers from 0 to 2 \(3 classes\), got 23',
    ),
    ([0, -1, 2], 'labels: expected integers from 0, ..., got -1'),
    ([0, 3, 2], 'labels: .* got 3'),
    ([0.0, 1.0, 2.0], 'labels: .*float32'),
    ([True, False, True], 'labels: .*bool'),
  ],
)
def test_labels_that_are_no_classes_are_refused(rng, name, labels, message):
  """They would leave the images as they are: a model that looks robust."""
  _, predict = _linear(rng)
  loss_fn = attacks.cross_entropy(predict)
  with pytest.raises(errors.InputError, match=message):
    _attack(name, loss_fn, _images(rng), jnp.array(labels))


def test_a_loss_of_ones_own_gets_no_negative_label(rng):
  loss_fn = lambda images, labels: images.sum(axis=(1, 2, 3))
  with pytest.raises(errors.InputError, match='labels: .* got -2'):
    attacks.fgsm(loss_fn, _images(rng), jnp.array([0, -2, 1]), epsilon=0.1)


@pytest.mark.parametrize(
  'epsilon',
  [8, 8 / 255 * 255, jnp.float32(-0.1), np.float64(8), jnp.full(3, 0.1), True],
)
def test_an_epsilon_in_other_units_is_refused(rng, epsilon):
  _, predict = _linear(rng)
  loss_fn, images = attacks.cross_entropy(predict), _images(rng)
  for name in attacks.ATTACKS:
    with pytest.raises(errors.InputError, match='epsilon: '):
      _attack(name, loss_fn, images, LABELS, epsilon=epsilon)
  with pytest.raises(errors.InputError, match='step_size: '):
    _attack('pgd', loss_fn, images, LABELS, step_size=epsilon)


def _standardising(predict):
  """A classifier that divides every image by its standard deviation."""

  def standardised(images):
    axes = (1, 2, 3)
    centred = images - images.mean(axis=axes, keepdims=True)
    return predict(centred / jnp.std(images, axis=axes, keepdims=True))

  return standardised


@pytest.mark.parametrize('name', attacks.ATTACKS)
def test_a_gradient_that_is_nan_leaves_a_valid_image(rng, name):
  loss_fn = attacks.cross_entropy(_standardising(_linear(rng)[1]))
  images = _images(rng).at[1].set(0.5)  # Blank: its deviation is 0.
  of_blank = jax.grad(lambda x: loss_fn(x, LABELS)[1])(images)
  assert np.isnan(of_blank[1]).all()
  # From the very image: with one step from elsewhere nothing would be blank.
  found = _attack(name, loss_fn, images, LABELS)
  assert np.isfinite(found).all()
  assert np.abs(found - images).max() <= 0.1 + 2**-23
  if name == 'fgsm':
    np.testing.assert_array_equal(found[1], images[1])
    others = jnp.array([0, 2])
    alone = _attack(name, loss_fn, images[others], LABELS[others])
    np.testing.assert_array_equal(found[others], alone)
    assert np.abs(alone - images[others]).min() > 0


def test_a_draw_without_a_gradient_does_not_hide_the_others():
  """Of two draws in one, the slope is NaN, else 1."""
  images, labels = jnp.full((1, 1, 1, 1), 0.5), jnp.array([0])

  def loss_fn(images, labels, key):
    del labels
    slope = jnp.where(jax.random.bernoulli(key), 1.0, jnp.nan)
    return slope * images.sum(axis=(1, 2, 3))

  found = attacks.fgsm(
    loss_fn, images, labels, epsilon=0.25, num_noise_samples=20, key=KEY
  )
  np.testing.assert_array_equal(found, jnp.full_like(images, 0.75))


@pytest.mark.parametrize('name', attacks.ATTACKS)
def test_what_is_no_loss_is_named(rng, name):
  weights, predict = _linear(rng)
  images = _images(rng)
  as_numpy = lambda images: np.asarray(images).reshape(3, -1) @ weights
  for loss_fn, message in (
    (predict, 'loss_fn: .*attacks.cross_entropy'),
    (lambda images, labels: predict(images), r'loss_fn: .*\(3, 3\)'),
    (None, 'loss_fn: .*NoneType'),
    (lambda x, y: x.sum(axis=(1, 2, 3)).astype(jnp.int32), 'loss_fn'),
    (lambda x, y: jnp.asarray(np.asarray(x)[:, 0, 0, 0]), 'loss_fn: .*NumPy'),
    (attacks.cross_entropy(as_numpy), 'predict: .*NumPy'),
    (attacks.cross_entropy(lambda x: predict(x)[0]), 'predict'),
    (attacks.cross_entropy(lambda x: predict(x)[:2]), r'predict: .*\(2, 3\)'),
    (attacks.cross_entropy(lambda x: predict(x).argmax(axis=1)), 'predict'),
    (
      attacks.cross_entropy(lambda x: {'logits': predict(x)}),
      'predict: .*dict',
    ),
  ):
    with pytest.raises(errors.InputError, match=message) as raised:
      _attack(name, loss_fn, images, LABELS)
    assert '\n' not in str(raised.value)
  with pytest.raises(errors.InputError, match='predict: .*list'):
    attacks.cross_entropy([predict])


@pytest.mark.parametrize(
  'key', [0, None, np.random.default_rng(0), jax.random.split(KEY)]
)
def test_what_is_no_key_is_named(rng, key):
  loss_fn = lambda images, labels, key: images.sum(axis=(1, 2, 3))
  images = _images(rng)
  with pytest.raises(errors.InputError, match='key: '):
    attacks.fgsm(loss_fn, images, LABELS, epsilon=0.1, key=key)
  with pytest.raises(errors.InputError, match='key: '):
    attacks.pgd(
      key, loss_fn, images, LABELS, epsilon=0.1, step_size=0.1, num_steps=1
    )


def test_arrays_of_numpy_are_attacked_alike(rng):
  _, predict = _linear(rng)
  loss_fn, images = attacks.cross_entropy(predict), _images(rng)
  found = attacks.fgsm(
    loss_fn, np.asarray(images, np.float64), np.asarray(LABELS), epsilon=0.1
  )
  expected = attacks.fgsm(loss_fn, images, LABELS, epsilon=0.1)
  np.testing.assert_array_equal(found, expected)
