"""Laws that every layer, model and corruption obeys, in one table.

A new public name must enter the table: `test_the_table_is_complete` fails else.
"""

from collections.abc import Callable
import functools
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attribution
from robustjax import augmentation
from robustjax import corruptions
from robustjax import layers
from robustjax import models

HIDDEN = (6, 20)
IMAGES = (3, 8, 8, 1)
MAPS = (2, 5, 4, 3)
# With which models of these names are small enough for the table.
OPTIONS = {
  'alexnet': {'width': 1 / 32},
  'resnet50': {'blocks': (1, 1), 'width': 2},
  'weight_map_cnn': {'channels': (2, 2, 2)},
  'weight_map_resnet': {
    'layer': 'unsharp',
    'channels': (2, 3),
    'blocks': (1, 1),
  },
  'weight_map_densenet': {
    'layer': 'smoothing',
    'alternating': True,
    'growth': 2,
    'blocks': (1, 1),
  },
}
_QUICK = {'xla_backend_optimization_level': 1}


class Case(NamedTuple):
  """One entry of the table.

  Attributes:
    covers: the public name it stands for.
    apply: (key, x) -> y; x is float32 and positive.
    shape: of x.
    off: (key, x) -> y, switched off: the identity; None where nothing can be.
    is_random: whether another key gives another result.
    is_stepped: whether it rounds to levels on its way, so that what is computed
      in another order comes out another level here and there; its gradient may
      be zero.
    is_slow: whether it is left out of the everyday tests.
  """

  covers: str
  apply: Callable
  shape: tuple[int, ...]
  off: Callable | None = None
  is_random: bool = True
  is_stepped: bool = False
  is_slow: bool = False


def _inject(strategy):
  inject = functools.partial(layers.inject_noise, strategy=strategy)
  return Case(
    'layers.inject_noise',
    lambda key, x: inject(key, x, rate=0.4),
    HIDDEN,
    off=lambda key, x: inject(key, x, rate=0.0),
  )


def _module(covers, module, shape, *, off=None, is_random=True):
  """A linen module while training; its parameters drawn with a fixed key."""

  def apply(key, x, train=True):
    variables = _variables(module, x.shape)
    rngs = {'noise': key, 'dropout': key}
    options = {'rngs': rngs, 'mutable': ['batch_stats']}
    return module.apply(variables, x, train=train, **options)[0]

  return Case(covers, apply, shape, off and off(apply), is_random)


def _snr(per):
  return Case(
    'layers.snr_noise',
    lambda key, x: layers.snr_noise(key, x, per=per),
    HIDDEN,
    off=lambda key, x: layers.snr_noise(key, x, variance_ratio=0.0, per=per),
  )


def _noisy_dropout(shape=HIDDEN, **options):
  return Case(
    'layers.noisy_dropout',
    lambda key, x: layers.noisy_dropout(
      key, x, rate=0.4, stddev=0.5, **options
    ),
    shape,
    off=lambda key, x: layers.noisy_dropout(
      key, x, rate=0.0, stddev=0.0, **options
    ),
  )


def _weight_map(variant):
  def apply(key, x):
    rng = np.random.default_rng(0)
    kernel = rng.normal(scale=0.2, size=(*MAPS[1:], 2)).astype(np.float32)
    bias = rng.normal(size=(*MAPS[1:3], 2)).astype(np.float32)
    arrays = x, jnp.asarray(kernel), jnp.asarray(bias)
    return layers.weight_map(
      *arrays, variant=variant, kernel_size=3, padding='SAME'
    )

  return Case('layers.weight_map', apply, MAPS, is_random=False)


class _Dense(nn.Module):
  """A model of one layer, in the dtype of what it reads."""

  @nn.compact
  def __call__(self, x, train=False):
    return nn.Dense(8, dtype=x.dtype)(x)


@functools.cache
def _variables(module, shape):
  """Drawn once, and not within the programs under test."""
  # The same draws, at a quarter of the time to compile them.
  init = jax.jit(module.init, compiler_options=_QUICK)
  with jax.ensure_compile_time_eval():
    return init(jax.random.key(0), jnp.ones(shape, jnp.float32))


def _white(key, x):
  return jax.random.normal(key, x.shape, jnp.float32)


_AUTOENCODER = augmentation.Autoencoder(
  channels=1, width=6, code_size=4, num_blocks=1
)


def _generated(generator, x):
  return generator.apply(_variables(generator, x.shape), x)


def _at_test(apply):
  return lambda key, x: apply(key, x, train=False)


def _degradation(name):
  degradation = corruptions.DEGRADATIONS[name]
  return Case(
    f'corruptions.{name}',
    lambda key, x: degradation(key, x, amount=0.3),
    IMAGES,
    off=lambda key, x: degradation(key, x, amount=0.0),
    is_random=name != 'gaussian_blur',
  )


_NOT_RANDOM = (
  'identity', 'scale', 'brightness', 'stripe', 'canny_edges', 'defocus_blur',
  'zoom_blur', 'contrast', 'pixelate', 'jpeg_compression', 'gaussian_blur',
  'saturate', 'quantize', 'inverse',
)  # fmt: skip
_STEPPED = (
  'glass_blur', 'motion_blur', 'spatter', 'canny_edges', 'jpeg_compression',
  'pixelate', 'quantize', 'snow', 'shot_noise',
)  # fmt: skip
_WHITE = ('MNIST_C_FURTHER', 'saturate')
_TABLES = {
  name: getattr(corruptions, name)
  for name in (
    *('CIFAR10_C', 'CIFAR10_C_EXTRA', 'MNIST_C', 'MNIST_C_FURTHER'),
    *('IMAGENET_C', 'IMAGENET_C_EXTRA'),
  )
}


def _function(corruption):
  """What computes it, whatever its parameters."""
  return getattr(corruption.function, 'func', corruption.function)


def _static(corruption):
  """The options that a table fixes, as programs are compiled for them."""
  return tuple(getattr(corruption.function, 'keywords', {}).items())


# One for each function and its fixed options, of the last table that has it.
_DISTINCT = {
  (_function(corruption), _static(corruption)): (table, name)
  for table, names in _TABLES.items()
  for name, corruption in names.items()
}.values()


def _corruption(table, name):
  corruption = _TABLES[table][name]
  is_leveled = not table.startswith('MNIST')
  severity = jnp.int32(4) if is_leveled else None
  return Case(
    f'corruptions.{_function(corruption).__qualname__}',
    lambda key, x: corruption(key, x, severity=severity),
    (2, 16, 16, 3 if is_leveled else 1),
    is_random=name not in _NOT_RANDOM,
    # At its strength, this one turns all but black to white.
    is_stepped=name in _STEPPED or (table, name) == _WHITE,
    is_slow=True,
  )


CASES = {
  **{f'inject_noise {name}': _inject(name) for name in layers.STRATEGIES},
  'NoiseInjection': _module(
    'layers.NoiseInjection', layers.NoiseInjection(0.4), HIDDEN, off=_at_test
  ),
  **{
    f'Gate {kind}': _module(
      'layers.Gate', layers.Gate(kind), HIDDEN, is_random=False
    )
    for kind in layers.GATE_KINDS
  },
  'NoiseOut': _module('layers.NoiseOut', layers.NoiseOut(0.4), HIDDEN),
  'penultimate_noise': Case(
    'layers.penultimate_noise',
    lambda key, x: layers.penultimate_noise(key, x, stddev=0.5),
    HIDDEN,
    off=lambda key, x: layers.penultimate_noise(key, x, stddev=0.0),
  ),
  'PenultimateNoise': _module(
    'layers.PenultimateNoise',
    layers.PenultimateNoise(0.5),
    HIDDEN,
    off=_at_test,
  ),
  **{f'snr_noise {per}': _snr(per) for per in layers.VARIANCES},
  'SnrNoise': _module(
    'layers.SnrNoise', layers.SnrNoise(), HIDDEN, off=_at_test
  ),
  'noise_at_every_layer': _module(
    'layers.noise_at_every_layer',
    layers.noise_at_every_layer(_Dense(), variance_ratio=0.25),
    HIDDEN,
  ),
  **{
    f'noisy_dropout {where}': _noisy_dropout(where=where, rescale=True)
    for where in layers.PLACES
  },
  'noisy_dropout relative': _noisy_dropout(relative=True),
  'noisy_dropout correlated': _noisy_dropout(IMAGES, correlation=1.5),
  'NoisyDropout': _module(
    'layers.NoisyDropout', layers.NoisyDropout(0.4, 0.5), HIDDEN, off=_at_test
  ),
  'pad_and_crop': Case(
    'augmentation.pad_and_crop',
    lambda key, x: augmentation.pad_and_crop(key, x, padding=2),
    IMAGES,
    off=lambda key, x: augmentation.pad_and_crop(key, x, padding=0),
  ),
  'scale_to_norm': Case(
    'augmentation.scale_to_norm',
    lambda key, x: augmentation.scale_to_norm(x, _white(key, x), 2.0),
    IMAGES,
    off=lambda key, x: augmentation.scale_to_norm(x, _white(key, x), 0.0),
    is_slow=True,  # Most of adversarial_noise.
  ),
  'adversarial_noise': Case(
    'augmentation.adversarial_noise',
    lambda key, x: augmentation.adversarial_noise(
      key, x, lambda noise: noise, epsilon=2.0
    ),
    IMAGES,
    off=lambda key, x: augmentation.adversarial_noise(
      key, x, lambda noise: noise, epsilon=0.0
    ),
  ),
  'NoiseGenerator': Case(
    'augmentation.NoiseGenerator',
    lambda key, x: _generated(augmentation.NoiseGenerator(kernel_size=3), x),
    IMAGES,
    is_random=False,
  ),
  'Autoencoder': Case(
    'augmentation.Autoencoder',
    lambda key, x: _generated(_AUTOENCODER, x),
    IMAGES,
    is_random=False,
    is_slow=True,
  ),
  'deep_augment': Case(
    'augmentation.deep_augment',
    lambda key, x: augmentation.deep_augment(
      key,
      x,
      _AUTOENCODER.bind(_variables(_AUTOENCODER, x.shape)),
      images_per_network=2,
    ),
    IMAGES,
    is_slow=True,
  ),
  'noise2net': Case(
    'augmentation.noise2net',
    lambda key, x: augmentation.noise2net(key, x, epoch_key=key),
    IMAGES,
    is_slow=True,
  ),
  'random_flip': Case(
    'augmentation.random_flip', augmentation.random_flip, IMAGES
  ),
  'augmix': Case(
    'augmentation.augmix',
    lambda key, x: augmentation.augmix(key, x, severity=3.0),
    IMAGES,
    is_stepped=True,
    is_slow=True,
  ),
  'jensen_shannon': Case(
    'augmentation.jensen_shannon',
    # A loss: at least float32, whatever the logits are.
    lambda key, x: augmentation.jensen_shannon(x).astype(x.dtype),
    (4, 3, 5),
    is_random=False,
  ),
  'blur_resolution': Case(
    'augmentation.blur_resolution',
    lambda key, x: augmentation.blur_resolution(x, sigma=1.5),
    IMAGES,
    off=lambda key, x: augmentation.blur_resolution(x, sigma=0.0),
    is_random=False,
  ),
  **{
    f'weight_map {variant}': _weight_map(variant)
    for variant in layers.WEIGHT_MAP_VARIANTS
  },
  'WeightMap': _module(
    'layers.WeightMap', layers.WeightMap(2), MAPS, is_random=False
  ),
  **{
    f'weight_map_{name}': _module(
      f'models.weight_map_{name}',
      models.create(f'weight_map_{name}', **OPTIONS[f'weight_map_{name}']),
      IMAGES,
      is_random=False,
    )
    for name in ('cnn', 'resnet', 'densenet')
  },
  'mnist_cnn': _module('models.mnist_cnn', models.create('mnist_cnn'), IMAGES),
  'mnist_cnn with NoiseOut': _module(
    'models.mnist_cnn',
    models.create('mnist_cnn', flattened=layers.NoiseOut(0.4)),
    IMAGES,
  ),
  'alexnet': _module(
    'models.alexnet', models.create('alexnet', **OPTIONS['alexnet']), IMAGES
  ),
  'resnet50': _module(
    'models.resnet50',
    models.create('resnet50', **OPTIONS['resnet50']),
    IMAGES,
    is_random=False,
  ),
  'cifar10_net': _module(
    'models.cifar10_net',
    models.create('cifar10_net', dropout=layers.NoisyDropout(0.4, 0.5)),
    IMAGES,
  ),
  **{name: _degradation(name) for name in corruptions.DEGRADATIONS},
  **{f'{table} {name}': _corruption(table, name) for table, name in _DISTINCT},
}

# Of the models two are enough every day.
_EVERYDAY_MODELS = ('mnist_cnn',)


def _marks(name, case):
  is_model = case.covers.startswith('models.')
  is_slow = case.is_slow or (is_model and name not in _EVERYDAY_MODELS)
  return [pytest.mark.slow] * is_slow


every_case = pytest.mark.parametrize(
  'case',
  [
    pytest.param(case, id=name, marks=_marks(name, case))
    for name, case in CASES.items()
  ],
)
# Sums of at most a few hundred terms of order 1, in another order.
close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)


def _assert_close(found, expected, case):
  """Equal but for rounding, and for levels that rounding has changed."""
  if not case.is_stepped:
    close(found, expected)
    return
  off = np.abs(np.asarray(found) - np.asarray(expected))
  assert (off > 1e-4).mean() < 0.02


def _input(case, batch=()):
  rng = np.random.default_rng(1)
  x = rng.uniform(0.05, 0.95, size=(*batch, *case.shape))
  return jnp.asarray(x, jnp.float32)


def test_the_table_is_complete():
  covered = {case.covers for case in CASES.values()}
  callables = {name for name in layers.__all__ if not name.isupper()}
  callables -= {'Gated', 'NoisyModel'}  # What functions here return.
  public = {f'layers.{name}' for name in callables}
  public |= {f'augmentation.{name}' for name in augmentation.__all__}
  public -= {  # They change no images.
    'augmentation.epsilon_for',
    'augmentation.load_autoencoder',
    'augmentation.save_autoencoder',
  }
  public |= {f'models.{name}' for name in models.MODELS}
  public |= {f'corruptions.{name}' for name in corruptions.DEGRADATIONS}
  public |= {
    f'corruptions.{_function(corruption).__qualname__}'
    for table in _TABLES.values()
    for corruption in table.values()
  }
  assert covered == public


@every_case
def test_jit_equals_eager(case):
  key, x = jax.random.key(2), _input(case)
  _assert_close(jax.jit(case.apply)(key, x), case.apply(key, x), case)


@every_case
def test_vmap_adds_a_leading_axis(case):
  keys, x = jax.random.split(jax.random.key(3), 2), _input(case, batch=(2,))
  found = jax.jit(jax.vmap(case.apply))(keys, x)
  alone = jax.jit(case.apply)
  expected = jnp.stack([alone(keys[i], x[i]) for i in range(2)])
  _assert_close(found, expected, case)


@every_case
def test_bfloat16_stays_near_float32(case):
  key, x = jax.random.key(4), _input(case).astype(jnp.bfloat16)
  found = jax.jit(case.apply)(key, x)
  assert np.isfinite(found.astype(jnp.float32)).all()
  if case.covers.startswith('models.'):
    return  # Models compute in a dtype of their own, whatever comes in.
  assert found.dtype == jnp.bfloat16
  exact = jax.jit(case.apply)(key, x.astype(jnp.float32))
  # A few roundings to 8 bits of values below 4.
  error = np.abs(np.asarray(found.astype(jnp.float32) - exact))
  is_far = error > 4 * 4 * 2**-8
  assert is_far.mean() <= 0.02 * case.is_stepped


@every_case
def test_gradients_are_finite(case):
  key, x = jax.random.key(5), _input(case)
  gradient = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(case.apply(key, x)))))
  found = gradient(x)
  assert np.isfinite(found).all()
  assert np.abs(found).max() > 0 or case.is_stepped


@every_case
def test_the_same_key_gives_the_same_and_another_another(case):
  x, apply = _input(case), jax.jit(case.apply)
  one, same, other = (apply(jax.random.key(i), x) for i in (6, 6, 7))
  np.testing.assert_array_equal(one, same)
  assert np.array_equal(one, other) != case.is_random


@every_case
def test_the_second_call_compiles_nothing(case):
  traces = []

  def apply(key, x):
    traces.append(1)
    return case.apply(key, x)

  jitted = jax.jit(apply)
  jitted(jax.random.key(8), _input(case))
  jitted(jax.random.key(9), _input(case) / 2)
  assert len(traces) == 1


@pytest.mark.parametrize(
  'case',
  [case for case in CASES.values() if case.off],
  ids=[name for name, case in CASES.items() if case.off],
)
def test_off_is_the_identity(case):
  x = _input(case)
  np.testing.assert_array_equal(case.off(jax.random.key(10), x), x)


@pytest.mark.parametrize(
  'name',
  [
    pytest.param(
      name, marks=[pytest.mark.slow] * (name not in _EVERYDAY_MODELS)
    )
    for name in models.MODELS
  ],
)
def test_the_first_dense_layer_can_be_factored_out(name):
  model = models.create(name, **OPTIONS.get(name, {}))
  images = jnp.asarray(_input(CASES[name]))
  variables = _variables(model, images.shape)

  def method(method, x):
    return model.apply(variables, x, method=method)

  hidden = jax.jit(functools.partial(method, 'features'))(images)
  factored = method('classify_rest', method('classify_affine', hidden))
  np.testing.assert_array_equal(method('classify', hidden), factored)
  attribution.check_affine(
    functools.partial(method, 'classify_affine'), hidden, -hidden[::-1]
  )
