import dataclasses
import functools

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from robustjax import errors
from robustjax import layers
from robustjax import models
from robustjax.models import fan_in_layers

KEY = jax.random.key(7)
RNGS = {'noise': jax.random.key(8), 'dropout': jax.random.key(9)}
SHARED_AXES = {'layer': (0, 1, 2, 3), 'channel': (0, 1, 2), 'unit': (0,)}


def _maps(rng, shape=(40, 5, 6, 7)):
  """Maps of which every place and channel has a spread of its own."""
  scale = rng.uniform(0.5, 4.0, (1, *shape[1:]))
  return jnp.asarray(scale * rng.normal(size=shape) + 3.0, jnp.float32)


def test_penultimate_noise_is_normal_with_its_deviation():
  hidden = jnp.full((200, 100), 5.0)
  noisy = layers.penultimate_noise(KEY, hidden, stddev=1.5)
  standard = (np.asarray(noisy) - 5.0).ravel() / 1.5
  assert scipy.stats.kstest(standard, 'norm').pvalue > 1e-4


def test_the_signal_is_six_decibels_above_the_noise(rng):
  hidden = _maps(rng, (64, 10, 10, 8))
  noise = layers.snr_noise(KEY, hidden) - hidden
  decibels = 10 * np.log10(np.var(hidden) / np.var(noise))
  # The variance of n normal draws has the relative standard error sqrt(2 / n),
  # and a relative error r is 10 r / ln 10 decibels.
  error = 4 * np.sqrt(2 / hidden.size) * 10 / np.log(10)
  assert error < 0.12
  assert abs(decibels - 6.02) < error


@pytest.mark.parametrize('per', layers.VARIANCES)
def test_noise_has_a_share_of_the_variance_over_its_axes(rng, per):
  hidden = _maps(rng)
  noise = layers.snr_noise(KEY, hidden, variance_ratio=0.09, per=per) - hidden
  axes = SHARED_AXES[per]
  deviation = np.asarray(hidden, np.float64).std(axis=axes, keepdims=True)
  standard = np.asarray(noise) / (0.3 * deviation)
  assert scipy.stats.kstest(standard.ravel(), 'norm').pvalue > 1e-4
  # Each place on its own as well: 40 draws each, of 210 places.
  square = np.square(standard).mean(axis=0)
  assert np.abs(square - 1).max() < 5 * np.sqrt(2 / 40)


@pytest.mark.parametrize('per', layers.VARIANCES)
def test_the_draws_do_not_depend_on_what_shares_a_variance(rng, per):
  hidden = _maps(rng)
  deviation = np.asarray(hidden).std(axis=SHARED_AXES[per], keepdims=True)
  noise = layers.snr_noise(KEY, hidden, variance_ratio=1.0, per=per) - hidden
  unit = jax.random.normal(KEY, hidden.shape)
  # Sums of values below 32, in float32.
  np.testing.assert_allclose(noise, deviation * unit, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('per', layers.VARIANCES)
def test_the_gradient_flows_through_the_variance_unless_it_is_cut(rng, per):
  hidden = _maps(rng, (4, 2, 3, 2))
  weight = jnp.asarray(rng.normal(size=hidden.shape), jnp.float32)

  def gradient(**options):
    def total(hidden):
      return (weight * layers.snr_noise(KEY, hidden, per=per, **options)).sum()

    return jax.grad(total)(hidden)

  np.testing.assert_allclose(gradient(gradient=False), weight, rtol=1e-6)
  # By hand: d deviation / dh = (h - mean) / (n deviation).
  h, w = (np.asarray(one, np.float64) for one in (hidden, weight))
  noise = np.asarray(layers.snr_noise(KEY, hidden, per=per), np.float64) - h
  axes = SHARED_AXES[per]
  n = np.prod([h.shape[axis] for axis in axes])
  slope = (w * noise).sum(axis=axes, keepdims=True) / h.var(axes, keepdims=True)
  expected = w + slope * (h - h.mean(axis=axes, keepdims=True)) / n
  # Of sums of at most 48 float32 terms below 10; the noise is a difference.
  np.testing.assert_allclose(gradient(), expected, atol=48 * 10 * 2**-23)
  assert np.abs(expected - w).max() > 0.01


def test_dead_units_have_a_finite_gradient():
  hidden = jnp.ones((4, 3)).at[:, 0].set(0.0)

  def total(hidden):
    return layers.snr_noise(KEY, hidden, per='unit').sum()

  np.testing.assert_array_equal(jax.grad(total)(hidden), jnp.ones((4, 3)))


def _signals(gradient):
  """Deviation of the logits of a noisy softmax regression, step by step."""
  rng = np.random.default_rng(0)
  labels = jnp.arange(64) % 4
  images = rng.normal(size=(4, 8))[labels] + 0.5 * rng.normal(size=(64, 8))
  images = jnp.asarray(images, jnp.float32)

  def loss(weights, key):
    logits = layers.snr_noise(key, images @ weights, gradient=gradient)
    chosen = jax.nn.one_hot(labels, 4)
    return -(chosen * jax.nn.log_softmax(logits)).sum(axis=1).mean()

  def step(weights, number):
    slope = jax.grad(loss)(weights, jax.random.fold_in(KEY, number))
    weights = weights - 0.5 * slope
    return weights, jnp.std(images @ weights)

  start = 0.01 * jax.random.normal(KEY, (8, 4))
  return jax.jit(lambda: jax.lax.scan(step, start, jnp.arange(3000))[1])()


def test_without_the_gradient_the_signal_outgrows_its_noise():
  flat, growing = _signals(gradient=True), _signals(gradient=False)
  # Ten times the steps: hardly more, as against a multiple.
  assert flat[2999] < 1.6 * flat[299]
  assert growing[2999] > 4 * growing[299]
  assert growing[2999] > 5 * flat[2999]


@pytest.mark.parametrize('ratio', [0.0, 0.25])
def test_the_gradient_of_a_traced_ratio_is_finite_where_nothing_varies(ratio):
  def total(ratio):
    hidden = jnp.ones((3, 4))
    return layers.snr_noise(KEY, hidden, variance_ratio=ratio + 1e-6).sum()

  assert jax.grad(total)(ratio) == 0


def test_a_batch_of_one_has_no_variance_per_unit(rng):
  hidden = _maps(rng, (1, 3, 3, 2))
  noisy = layers.snr_noise(KEY, hidden, per='unit')
  np.testing.assert_array_equal(noisy, hidden)
  assert np.all(layers.snr_noise(KEY, hidden, per='channel') != hidden)


@pytest.mark.parametrize('per', layers.VARIANCES)
def test_a_sharded_batch_has_the_variance_of_the_whole(rng, per):
  assert len(jax.devices()) == 8
  # Ever larger along the batch: the variance of a shard would be far less.
  hidden = _maps(rng, (16, 2, 3, 4)) + 10 * jnp.arange(16.0).reshape(
    -1, 1, 1, 1
  )
  mesh = jax.make_mesh(
    (8,), ('data',), axis_types=(jax.sharding.AxisType.Auto,)
  )
  layout = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('data'))

  @jax.jit
  def noisy(hidden):
    return layers.snr_noise(KEY, hidden, per=per)

  found = noisy(jax.device_put(hidden, layout))
  assert not found.sharding.is_fully_replicated
  # Sums of at most 384 terms in another order.
  np.testing.assert_allclose(found, noisy(hidden), rtol=1e-5, atol=1e-4)


def test_statistics_of_bfloat16_are_those_of_float32(rng):
  # Of values of which bfloat16 would not see the spread: steps of 1 above 128.
  hidden = jnp.asarray(200 + rng.integers(0, 2, (64, 32)), jnp.bfloat16)
  noisy = layers.snr_noise(KEY, hidden, variance_ratio=1.0)
  assert noisy.dtype == jnp.bfloat16
  exact = layers.snr_noise(KEY, hidden.astype(jnp.float32), variance_ratio=1.0)
  np.testing.assert_array_equal(noisy, exact.astype(jnp.bfloat16))


def test_bad_input_of_the_functions_is_named(rng):
  hidden = jnp.ones((3, 4))
  with pytest.raises(errors.InputError, match=r'stddev: .*\[0, inf\), got -1'):
    layers.penultimate_noise(KEY, hidden, stddev=-1)
  with pytest.raises(errors.InputError, match='stddev: '):
    layers.PenultimateNoise(float('nan'))
  with pytest.raises(errors.InputError, match='hidden: expected .B'):
    layers.penultimate_noise(KEY, hidden[0], stddev=1.0)
  with pytest.raises(errors.InputError, match='variance_ratio: '):
    layers.snr_noise(KEY, hidden, variance_ratio=-0.1)
  with pytest.raises(errors.InputError, match='per: .*layer . channel . unit'):
    layers.snr_noise(KEY, hidden, per='batch')
  with pytest.raises(errors.InputError, match='hidden: '):
    layers.snr_noise(KEY, hidden[0])
  with pytest.raises(errors.InputError, match='variance_ratio: '):
    layers.SnrNoise(-1)
  with pytest.raises(errors.InputError, match='per: '):
    layers.SnrNoise(0.25, 'batch')


@pytest.mark.parametrize(
  'layer', [layers.PenultimateNoise(1.5), layers.SnrNoise(0.25, 'unit')]
)
def test_layers_add_noise_while_training_only(rng, layer):
  hidden = _maps(rng, (4, 2, 2, 3))
  assert np.all(layer.apply({}, hidden, train=True, rngs=RNGS) != hidden)
  np.testing.assert_array_equal(layer.apply({}, hidden), hidden)
  with pytest.raises(flax.errors.InvalidRngError):
    layer.apply({}, hidden, train=True)


@pytest.mark.parametrize('layer', [layers.PenultimateNoise, layers.SnrNoise])
def test_layers_that_are_off_need_no_key_and_a_traced_zero_is_the_same(layer):
  hidden = jnp.arange(6.0).reshape(2, 3)
  off = layer(0).apply({}, hidden, train=True)
  np.testing.assert_array_equal(off, hidden)

  @jax.jit
  def traced(strength):
    return layer(strength).apply({}, hidden, train=True, rngs=RNGS)

  np.testing.assert_array_equal(traced(0.0), hidden)
  assert np.all(traced(1.0) != hidden)


class _Block(nn.Module):
  """A convolution, a normalisation and a nonlinearity."""

  conv: type[nn.Module]

  @nn.compact
  def __call__(self, x, train):
    x = self.conv(3, (3, 3), name='conv')(x)
    x = nn.BatchNorm(use_running_average=not train, name='norm')(x)
    return nn.relu(x)


class _Net(nn.Module):
  """A block and two dense layers, of layers that may be another class."""

  conv: type[nn.Module] = fan_in_layers.FanInConv
  dense: type[nn.Module] = fan_in_layers.FanInDense
  plain: type[nn.Module] = nn.Dense

  @nn.compact
  def __call__(self, x, train: bool = False):
    x = _Block(self.conv, name='block1')(x, train)
    x = nn.Dropout(0.5)(x, deterministic=not train)
    x = x.reshape(len(x), -1)
    x = nn.relu(self.plain(4, name='dense1')(x))
    return self.dense(2, name='dense2')(x)


def _by_hand(layer, ratio=0.25, per='layer'):
  """The same layer with the noise written into it."""

  class ByHand(layer):
    def __call__(self, x):
      hidden = super().__call__(x)
      # As the printed definition, and not by the function under test.
      deviation = jnp.sqrt(ratio * jnp.var(hidden, keepdims=True))
      unit = jax.random.normal(self.make_rng('noise'), hidden.shape)
      return hidden + deviation * unit

  return ByHand


IMAGES = (4, 6, 6, 1)


@pytest.fixture(scope='module')
def net():
  """A net, its variables, and images."""
  images = jax.random.uniform(KEY, IMAGES)
  variables = jax.jit(_Net().init)(jax.random.key(1), images)
  return _Net(), variables, images


def _one_program(noisy, variables, images):
  """Logits and new statistics while training, compiled."""

  @jax.jit
  def run(variables):
    return noisy.apply(
      variables, images, train=True, rngs=RNGS, mutable=['batch_stats']
    )

  return run(variables)


def _gradient(model, variables, images, **options):
  """Loss, new statistics, and the gradient of the parameters."""

  @jax.jit
  def run(params, statistics):
    def loss(params):
      found, changed = model.apply(
        {'params': params, 'batch_stats': statistics},
        images,
        rngs=RNGS,
        mutable=['batch_stats'],
        **options,
      )
      return jnp.square(found).sum(), changed

    return jax.value_and_grad(loss, has_aux=True)(params)

  return run(variables['params'], variables['batch_stats'])


def _assert_close(found, expected):
  """Equal but for rounding, in sums of a few hundred terms of order 1."""
  close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
  jax.tree.map(close, found, expected)


def _net_by_hand():
  return _Net(
    _by_hand(fan_in_layers.FanInConv),
    _by_hand(fan_in_layers.FanInDense),
    _by_hand(nn.Dense),
  )


def test_every_layer_gets_noise_once_where_one_would_write_it(net):
  """Wrappers, normalisation and dropout are as in a net by hand."""
  model, variables, images = net
  noisy = layers.noise_at_every_layer(model, variance_ratio=0.25)
  found = _one_program(noisy, variables, images)
  expected = _one_program(_net_by_hand(), variables, images)
  _assert_close(found, expected)


@pytest.mark.slow
def test_gradients_are_those_of_noise_by_hand(net):
  model, variables, images = net
  by_hand = _net_by_hand()
  noisy = layers.noise_at_every_layer(model, variance_ratio=0.25)
  found = _gradient(noisy, variables, images, train=True)
  expected = _gradient(by_hand, variables, images, train=True)
  _assert_close(found, expected)


def test_a_layer_alone_gets_the_noise_of_its_output(rng):
  """Every option, against the function on what the layer gives."""
  x = jnp.asarray(rng.normal(size=(5, 4)), jnp.float32)
  layer = nn.Dense(3)
  variables = layer.init(KEY, x)
  hidden = np.asarray(layer.apply(variables, x))
  noisy = layers.noise_at_every_layer(layer, variance_ratio=0.5, per='unit')
  noise = noisy.apply(variables, x, rngs=RNGS) - hidden
  one = layers.noise_at_every_layer(layer, variance_ratio=2.0, per='unit')
  twice = one.apply(variables, x, rngs=RNGS) - hidden
  np.testing.assert_allclose(twice, 2 * noise, rtol=1e-4, atol=1e-6)
  assert noisy.model is layer


class _Perceptron(nn.Module):
  """Cheap to compile."""

  def setup(self):
    self.dense1, self.dense2 = nn.Dense(5), nn.Dense(3)
    self.norm = nn.LayerNorm()

  def features(self, x, train: bool = False):
    del train
    return nn.relu(self.norm(self.dense1(x)))

  def classify(self, hidden):
    return self.dense2(hidden)

  def __call__(self, x, train: bool = False):
    return self.classify(self.features(x, train))


@pytest.fixture(scope='module')
def perceptron():
  """A model, its variables, and what it reads."""
  x = jax.random.normal(KEY, (6, 4))
  return _Perceptron(), _Perceptron().init(KEY, x), x


def test_without_training_it_is_the_model(perceptron):
  model, variables, x = perceptron
  noisy = layers.noise_at_every_layer(model, variance_ratio=0.25)
  expected = model.apply(variables, x)
  for args, options in (
    ((), {}),
    ((False,), {}),
    ((), {'train': False}),
    ((), {'train': np.bool_(False)}),
  ):
    found = noisy.apply(variables, x, *args, **options)
    np.testing.assert_array_equal(found, expected)
  jax.tree.map(np.testing.assert_array_equal, noisy.init(KEY, x), variables)


def test_methods_are_noisy_in_training_only(perceptron):
  model, variables, x = perceptron
  noisy = layers.noise_at_every_layer(model, variance_ratio=0.25)

  def noise(*args, told=None, **options):
    options['rngs'] = RNGS
    plain = model.apply(variables, *args, **options)
    told = {} if told is None else {'train': told}
    return noisy.apply(variables, *args, **options, **told) - plain

  hidden = model.apply(variables, x, method='features')
  for silent in (
    noise(x, method='features'),
    noise(hidden, method='classify'),
    noise(hidden, method=_Perceptron.classify, told=False),
    noise(x, method=lambda module, x: module.features(x)),
  ):
    np.testing.assert_array_equal(silent, 0.0)
  for loud in (
    noise(x, train=True),
    noise(x, True),
    noise(x, train=True, method='features'),
    noise(x, True, method=_Perceptron.features),
    noise(x, train=True, method=model.features),
    noise(hidden, method='classify', told=True),
    noise(x, method=lambda module, x, *, train=True: module(x, train=train)),
  ):
    assert np.abs(loud).max() > 0.1
  np.testing.assert_array_equal(noise(x, train=True), noise(x, True))


def test_no_key_for_noise_is_an_error(perceptron):
  model, variables, x = perceptron
  noisy = layers.noise_at_every_layer(model, variance_ratio=0.25)
  with pytest.raises(flax.errors.InvalidRngError, match='noise'):
    noisy.apply(variables, x, train=True, rngs={'dropout': KEY})


def test_skipped_layers_have_no_noise_and_others_what_they_had(perceptron):
  model, variables, x = perceptron

  def noisy(*skip):
    found = layers.noise_at_every_layer(model, variance_ratio=0.25, skip=skip)
    return np.asarray(found.apply(variables, x, train=True, rngs=RNGS))

  plain = model.apply(variables, x)
  np.testing.assert_array_equal(noisy('dense1', 'dense2'), plain)
  # Noise on the last layer: alone, and beside that on the first.
  unit = (noisy('dense1') - plain) / np.sqrt(0.25 * np.var(plain))
  without = noisy('dense2')
  expected = without + unit * np.sqrt(0.25 * np.var(without))
  assert not np.allclose(without, plain, atol=0.1)
  # Rounding of values of order 1.
  np.testing.assert_allclose(noisy(), expected, atol=1e-5)


def test_layers_and_calls_draw_noise_of_their_own(rng):
  class Twins(nn.Module):
    def setup(self):
      init = nn.initializers.ones
      self.one, self.other = (nn.Dense(50, kernel_init=init) for _ in range(2))

    def __call__(self, x):
      return self.one(x), self.one(x), self.other(x)

  x = jnp.asarray(rng.normal(size=(40, 3)), jnp.float32)
  noisy = layers.noise_at_every_layer(Twins(), variance_ratio=1.0)
  variables = noisy.init(KEY, x)
  clean = noisy.apply(variables, x, train=False)[0]
  noises = [one - clean for one in noisy.apply(variables, x, rngs=RNGS)]
  correlation = np.corrcoef(np.stack([np.ravel(one) for one in noises]))
  # The correlation of n independent pairs has the standard error 1/sqrt(n).
  assert np.abs(correlation - np.eye(3)).max() < 4 / np.sqrt(x.shape[0] * 50)


def test_batch_statistics_behind_noise_are_inflated():
  class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train):
      x = nn.Dense(8)(x)
      return nn.BatchNorm(use_running_average=not train, momentum=0.0)(x)

  x = jax.random.normal(KEY, (4000, 5))
  noisy = layers.noise_at_every_layer(Net(), variance_ratio=0.25, per='channel')
  variables = noisy.init(KEY, x, train=False)
  stored = [
    model.apply(variables, x, train=True, rngs=RNGS, mutable=['batch_stats'])
    for model in (noisy, Net())
  ]
  noisy, plain = (found[1]['batch_stats']['BatchNorm_0'] for found in stored)
  # Of the noise's variance, .25 (1 +- sqrt(2 / n)), and of twice its covariance
  # with the signal, whose deviation is .5 / sqrt(n).
  error = 4 * np.hypot(0.25 * np.sqrt(2 / 4000), 2 * 0.5 / np.sqrt(4000))
  np.testing.assert_allclose(noisy['var'] / plain['var'], 1.25, atol=error)


def test_a_traced_ratio_is_one_program_under_vmap_and_grad(perceptron):
  model, variables, x = perceptron
  noisy = layers.noise_at_every_layer(model, variance_ratio=0.25)
  traces = []

  @jax.jit
  def run(ratio, keys):
    traces.append(1)

    def logits(ratio, key):
      traced = dataclasses.replace(noisy, variance_ratio=ratio)
      return traced.apply(variables, x, train=True, rngs={'noise': key})

    total = jax.grad(lambda ratio: logits(ratio, keys[0]).sum())
    return jax.vmap(logits, (None, 0))(ratio, keys), total(ratio)

  found, gradient = run(0.25, jnp.stack([RNGS['noise'], KEY]))
  expected = noisy.apply(variables, x, train=True, rngs=RNGS)
  # Rounding of values of order 1.
  np.testing.assert_allclose(found[0], expected, atol=1e-5)
  assert np.abs(found[1] - expected).max() > 0.1
  assert np.isfinite(gradient)
  assert gradient != 0
  off, _ = run(0.0, jnp.stack([RNGS['noise'], KEY]))
  plain = model.apply(variables, x)
  np.testing.assert_allclose(off[1], plain, atol=1e-5)
  assert len(traces) == 1


def test_it_is_hashable_and_equal_to_another_of_the_same_arguments():
  def make(**options):
    return layers.noise_at_every_layer(
      models.create('mnist_cnn'), **{'variance_ratio': 0.25, **options}
    )

  assert make() == make(skip=[])
  assert hash(make()) == hash(make(skip=()))
  assert make() != make(variance_ratio=0.5)
  assert make(skip=('dense2',)) != make() != make(per='unit')


def test_bad_input_of_a_noisy_model_is_named(perceptron):
  model, variables, x = perceptron

  def make(model=model, variance_ratio=0.25, **options):
    return layers.noise_at_every_layer(
      model, variance_ratio=variance_ratio, **options
    )

  with pytest.raises(errors.InputError, match='model: expected a flax.linen.M'):
    make(len)
  with pytest.raises(errors.InputError, match='variance_ratio: '):
    make(variance_ratio=-0.25)
  with pytest.raises(errors.InputError, match='per: '):
    make(per='batch')
  with pytest.raises(errors.InputError, match="skip: .*, got 'dense2'"):
    make(skip='dense2')
  with pytest.raises(errors.InputError, match='train: expected True . False'):
    make().apply(variables, x, train=None)
  with pytest.raises(errors.InputError, match="skip: .*dense1 .*got 'dense'"):
    make(skip=['dense']).apply(variables, x, train=True, rngs=RNGS)
