import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from robustjax import augmentation
from robustjax import errors
from robustjax.training import adversary as adversary_lib
from robustjax.training import losses

KEY = jax.random.key(5)
SHAPE = (4, 4, 3)
OPTIONS = adversary_lib.Options(epsilon=40.0)  # 0.7 for 4 x 4 x 3.
ROOM = 2
_init = jax.jit(adversary_lib.init, static_argnums=(1, 2, 3))
_renew = jax.jit(adversary_lib.renew, static_argnums=(2, 3))
_disturb = jax.jit(adversary_lib.disturb, static_argnums=3)
with_adam = pytest.mark.standard_promotion(
  "optax's Adam raises a float to an int power"
)


@pytest.fixture(scope='module')
def start():
  """An adversary before the first epoch."""
  return _init(KEY, SHAPE, OPTIONS, ROOM)


def _toward(params, channel):
  """A generator of these shapes that moves one channel and hardly another."""
  params = jax.tree.map(jnp.zeros_like, params)
  params['fourth']['bias'] = 1e4 * jax.nn.one_hot(channel, 3)
  return params


def _recognisable(start, num_past):
  """The current generator moves channel 0; those of the past 1, 2, 1, 2."""
  past = [_toward(start.params, channel) for channel in (1, 2, 1, 2)]
  return start._replace(
    params=_toward(start.params, 0),
    past=jax.tree.map(lambda *leaves: jnp.stack(leaves), *past),
    num_past=jnp.int32(num_past),
  )


def _channels(images, disturbed):
  """Of each image the channel that was moved, -1 for a clean one."""
  moved = np.abs(np.asarray(disturbed) - images).max(axis=(1, 2))
  channel = np.where(moved.max(axis=1) > 0, moved.argmax(axis=1), -1)
  assert (np.sort(moved, axis=1)[:, 1] < 1e-3).all()
  return channel


def _images(count):
  return jnp.full((count, *SHAPE), 0.5)


def test_shares_of_the_papers_batch(start):
  images = _images(70)
  found = _disturb(KEY, _recognisable(start, 1), images, OPTIONS)
  np.testing.assert_array_equal(
    _channels(images, found), [-1] * 35 + [0] * 21 + [1] * 14
  )
  norm = np.linalg.norm((found - images).reshape(70, -1), axis=1)[35:]
  epsilon = augmentation.epsilon_for(SHAPE, OPTIONS.epsilon)
  # Sums of 48 squares, rounded.
  np.testing.assert_allclose(norm, epsilon, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
  ('count', 'shares', 'expected'),
  [
    (7, (0.5, 0.3), (4, 2, 1)),
    (5, (0.0, 0.0), (0, 0, 5)),
    (3, (0.5, 0.5), (2, 1, 0)),
    (1, (0.5, 0.5), (0, 0, 1)),
  ],
)
def test_shares_of_small_batches(start, count, shares, expected):
  options = OPTIONS._replace(clean_share=shares[0], current_share=shares[1])
  images = _images(count)
  found = _disturb(KEY, _recognisable(start, 1), images, options)
  clean, current, earlier = expected
  np.testing.assert_array_equal(
    _channels(images, found), [-1] * clean + [0] * current + [1] * earlier
  )


def test_a_batch_may_stay_clean(start):
  options = OPTIONS._replace(clean_share=1.0, current_share=0.0)
  images = _images(3)
  assert adversary_lib.disturb(KEY, start, images, options) is images


def test_before_there_are_earlier_generators_the_current_one_stands_in(start):
  images = _images(70)
  found = _disturb(KEY, _recognisable(start, 0), images, OPTIONS)
  np.testing.assert_array_equal(_channels(images, found), [-1] * 35 + [0] * 35)


@pytest.mark.slow
def test_earlier_generators_are_drawn_uniformly_with_replacement(start):
  images, draws = _images(70), 150
  for num_past, share in [(3, 1 / 3), (4, 1 / 2), (9, 1 / 2)]:
    adversary = _recognisable(start, num_past)
    channel = np.stack([
      _channels(images, _disturb(key, adversary, images, OPTIONS))[56:]
      for key in jax.random.split(KEY, draws)
    ])  # fmt: skip
    # Seven images share a generator.
    np.testing.assert_array_equal(channel[:, ::7].repeat(7, axis=1), channel)
    first, second = channel[:, ::7].T == 2
    # Of the first `num_past` this share moves channel 2: a binomial count,
    # within four standard errors; and so are pairs of two independent draws.
    for hits, p in [
      (first, share),
      (second, share),
      (first & second, share**2),
    ]:
      assert abs(hits.mean() - p) < 4 * np.sqrt(p * (1 - p) / draws)


def test_renewing_puts_the_current_generator_into_the_past(start):
  first = start
  assert all((one == 0).all() for one in jax.tree.leaves(first.past))
  assert first.num_past == 0
  used = first._replace(opt_state=jax.tree.map(jnp.ones_like, first.opt_state))
  seen = [used]
  for i in range(3):
    seen.append(_renew(jax.random.key(i), seen[-1], SHAPE, OPTIONS))
  second, third, fourth = seen[1:]
  assert [one.num_past for one in seen] == [0, 1, 2, 3]
  chex.assert_trees_all_equal(second.opt_state, first.opt_state)

  def slot(adversary, place):
    return jax.tree.map(lambda one: one[place], adversary.past)

  chex.assert_trees_all_equal(slot(second, 0), first.params)
  chex.assert_trees_all_equal(slot(second, 1), slot(first, 1))
  chex.assert_trees_all_equal(slot(third, 0), first.params)
  chex.assert_trees_all_equal(slot(third, 1), second.params)
  # No more room: the oldest gives way.
  chex.assert_trees_all_equal(slot(fourth, 0), third.params)
  chex.assert_trees_all_equal(slot(fourth, 1), second.params)
  kernels = [one.params['first']['kernel'] for one in seen]
  assert len({np.asarray(kernel).tobytes() for kernel in kernels}) == 4


def _linear(images, weights):
  return images.reshape(len(images), -1) @ weights


def _labelled(rng, count=32):
  """Images whose first channel tells their class, and what reads it."""
  labels = rng.integers(0, 2, count)
  images = rng.uniform(0.3, 0.7, (count, *SHAPE))
  images[..., 0] += 0.2 * (2 * labels - 1)[:, None, None]
  weights = np.zeros((*SHAPE, 2))
  weights[..., 0, 1] = 1.0
  return (
    jnp.asarray(images, jnp.float32),
    jnp.asarray(labels, jnp.int32),
    jnp.asarray(weights.reshape(-1, 2), jnp.float32),
  )


@with_adam
@pytest.mark.parametrize(
  'kernel_size', [1, pytest.param(3, marks=pytest.mark.slow)]
)
def test_improving_raises_the_loss_of_a_classifier(rng, kernel_size):
  options = OPTIONS._replace(kernel_size=kernel_size)
  images, labels, weights = _labelled(rng)
  chex.clear_trace_counter()

  @chex.assert_max_traces(1)
  def predict(images):
    return _linear(images, weights).astype(jnp.bfloat16)

  @jax.jit
  def improve(key, adversary, learning_rate):
    return adversary_lib.improve(
      *(key, adversary, images, labels, predict, options),
      learning_rate=learning_rate,
    )

  @jax.jit
  def loss(adversary):
    all_current = options._replace(clean_share=0.0, current_share=1.0)
    noisy = adversary_lib.disturb(KEY, adversary, images, all_current)
    return losses.cross_entropy(_linear(noisy, weights), labels)

  start = _init(KEY, SHAPE, options, ROOM)
  chex.assert_trees_all_equal(improve(KEY, start, 0.0).params, start.params)
  found = start
  for i in range(60):
    found = improve(jax.random.key(i), found, 0.02 if i < 30 else 0.01)
  assert all(one.dtype == 'float32' for one in jax.tree.leaves(found.params))
  chex.assert_trees_all_equal(found.past, start.past)
  assert loss(found) > loss(start) + 0.1


@pytest.mark.slow
@with_adam
def test_improving_is_a_step_of_adam_up_the_loss_of_all_images(rng, start):
  images, labels, weights = _labelled(rng, 6)
  epsilon = augmentation.epsilon_for(SHAPE, OPTIONS.epsilon)

  predict = functools.partial(_linear, weights=weights)
  optimizer = optax.adam(0.001)

  @jax.jit
  def improved(start):
    return adversary_lib.improve(
      *(KEY, start, images, labels, predict, OPTIONS), learning_rate=0.001
    ).params

  def negative_loss(params):
    variables = {'params': params}
    generate = functools.partial(augmentation.NoiseGenerator().apply, variables)
    noisy = augmentation.adversarial_noise(
      KEY, images, generate, epsilon=epsilon
    )
    return -losses.cross_entropy(predict(noisy), labels)

  @jax.jit
  def expected(params):
    gradient = jax.grad(negative_loss)(params)
    updates, _ = optimizer.update(gradient, optimizer.init(params))
    return optax.apply_updates(params, updates)

  # A step has the length of the rate; where the gradient is next to Adam's
  # 1e-8, its rounding is a share of it.
  chex.assert_trees_all_close(
    improved(start), expected(start.params), rtol=0, atol=2e-5
  )


@with_adam
@pytest.mark.slow
def test_no_gradient_between_classifier_and_generators(rng, start):
  images, labels, weights = _labelled(rng, 16)

  def through_improve(weights):
    predict = functools.partial(_linear, weights=weights)
    found = adversary_lib.improve(
      *(KEY, start, images, labels, predict, OPTIONS), learning_rate=0.001
    )
    return sum(jnp.sum(one) for one in jax.tree.leaves(found.params))

  def through_disturb(params):
    found = start._replace(params=params)
    noisy = adversary_lib.disturb(KEY, found, images, OPTIONS)
    return losses.cross_entropy(_linear(noisy, weights), labels)

  for function, at in [
    (through_improve, weights),
    (through_disturb, start.params),
  ]:
    for one in jax.tree.leaves(jax.jit(jax.grad(function))(at)):
      assert (one == 0).all()


@pytest.mark.slow
def test_a_sharded_batch_is_disturbed_the_same(rng, start):
  images = jnp.asarray(rng.uniform(0.1, 0.9, (16, *SHAPE)), jnp.float32)
  mesh = jax.make_mesh(
    (8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))
  adversary = _recognisable(start, 2)
  found = _disturb(KEY, adversary, jax.device_put(images, layout), OPTIONS)
  expected = _disturb(KEY, adversary, images, OPTIONS)
  np.testing.assert_allclose(found, expected, atol=1e-6)
  np.testing.assert_array_equal(found[:8], images[:8])
  assert np.abs(found[8:] - images[8:]).max(axis=(1, 2, 3)).min() > 0.01


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('epsilon', -1.0),
    ('kernel_size', 2),
    ('clean_share', 1.5),
    ('current_share', 0.6),
    ('learning_rate', -1e-4),
    ('warmup_learning_rate', 'fast'),
  ],
)
def test_bad_options_are_named(field, value):
  options = OPTIONS._replace(**{field: value})
  with pytest.raises(errors.InputError, match=f'^{field}: expected'):
    adversary_lib.init(KEY, SHAPE, options, 1)


def test_bad_numbers_are_named(start):
  with pytest.raises(
    errors.InputError, match='num_epochs: expected an integer'
  ):
    adversary_lib.init(KEY, SHAPE, OPTIONS, 0)
  with pytest.raises(errors.InputError, match='learning_rate: .* got -1'):
    adversary_lib.improve(
      *(KEY, start, _images(2), jnp.zeros(2, jnp.int32), None, OPTIONS),
      learning_rate=-1,
    )
  # Shares that exceed 1 by a rounding only are fine.
  shares = OPTIONS._replace(clean_share=0.9, current_share=0.1)
  assert 0.1 > 1 - 0.9
  adversary_lib.check_options(shares)
