"""Hostile arguments for every public function: each is refused in one line.

A function is called with good arguments but for one, which is hostile: it must
be refused with an `InputError` of one line; or odd: it may be refused or taken,
but nothing else may be raised. A public function that is missing here fails
`test_sample.py`, which also runs a sample of the cases.

  python -m tests.hostile.arrays        # all of them, some minutes
"""

import collections
from collections.abc import Callable
from collections.abc import Iterator
import sys
from typing import Any
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from robustjax import attacks
from robustjax import attribution
from robustjax import augmentation
from robustjax import corruptions
from robustjax import data
from robustjax import errors
from robustjax import evaluation
from robustjax import layers
from robustjax import models
from robustjax import random_keys
from robustjax import training

KEY = jax.random.key(0)
_RNG = np.random.default_rng(0)
STATES = jnp.asarray(_RNG.uniform(0.1, 1.0, (3, 12)), jnp.float32)
IMAGES = jnp.asarray(_RNG.uniform(size=(3, 8, 8, 1)), jnp.float32)
COLOUR = jnp.asarray(_RNG.uniform(size=(2, 8, 8, 3)), jnp.float32)
LABELS = jnp.array([0, 3, 1], jnp.int32)
_WEIGHTS = jnp.asarray(_RNG.normal(size=(64, 4)), jnp.float32)


def classify(images):
  """Four logits of images of any size."""
  brightness = images.mean(axis=(1, 2, 3))
  return brightness[:, None] * _WEIGHTS[:1].astype(images.dtype)


def score(states):
  """Four scores of states [B, 12]."""
  return jnp.tanh(states @ _WEIGHTS[:12])


class Given(NamedTuple):
  """A good argument, and what kind of thing it is: a name in `HOSTILE`."""

  kind: str
  value: Any


class Entry(NamedTuple):
  """A public function with good arguments, by name; '*' ones by position."""

  function: Callable
  arguments: dict[str, Given]


class Case(NamedTuple):
  """A call with one bad argument."""

  function: str
  argument: str
  what: str
  must_be_refused: bool
  call: Callable[[], Any]


_NO_ARRAYS = {
  'none': None,
  'a list': [[1.0, 2.0], [3.0]],
  'a text': 'abc',
  'an object': object(),
  'an array of objects': np.array([None, 'a'], object),
}


def _with(index, value):
  """A copy of the good array with one entry changed."""

  def change(good):
    changed = np.array(good)
    changed[index] = value
    return changed

  return change


_FLOATS = _NO_ARRAYS | {
  'integers': lambda good: np.asarray(good).astype(np.int32),
  'booleans': lambda good: np.asarray(good) > 0.5,
  'complex': lambda good: np.asarray(good) + 1j,
  'no axes': np.float32(0.5),
}
_NUMBERS = {
  'none': None, 'a text': '0.5', 'nan': np.nan, 'infinite': np.inf,
  'minus infinity': -np.inf, 'negative': -0.1, 'true': True,
  'complex': 0.5 + 0j, 'a list': [0.5], 'a JAX array, negative':
  jnp.array(-0.1), 'a NumPy array, nan': np.array(np.nan), 'bfloat16, negative':
  jnp.bfloat16(-1), 'an array of texts': np.array('a'), 'an object': object(),
}  # fmt: skip
_UNIT = _NUMBERS | {
  'above one': 1.5, 'a JAX array above one': jnp.array(2.0),
  'a NumPy array above one': np.float32(8.0), 'an integer above one': 8,
}  # fmt: skip
_COUNTS = {
  'none': None, 'a text': '3', 'zero': 0, 'negative': -1, 'half': 2.5,
  'a float': 3.0, 'true': True, 'nan': np.nan, 'a list': [3],
  'a JAX array': jnp.array(0), 'an object': object(),
}  # fmt: skip
_CHOICES = {
  'unknown': 'nonsense', 'empty': '', 'none': None, 'a number': 3, 'a list':
  ['right'], 'an object': object(), 'an array': np.zeros(2),
}  # fmt: skip
_FUNCTIONS = {'none': None, 'a number': 3, 'a text': 'f', 'an array': STATES}
_PATHS = {
  'none': None, 'a number': 3, 'empty': '', 'not there': '/nonexistent/x',
  'an object': object(),
}  # fmt: skip

# What must be refused, by kind. A function makes it from the good value.
HOSTILE: dict[str, dict[str, Any]] = {
  'key': {
    'none': None, 'a seed': 0, 'a text': 'key', 'a NumPy generator':
    np.random.default_rng(0), 'split keys': jax.random.split(KEY),
    'older split keys': jax.random.split(jax.random.PRNGKey(0)),
    'floats': jnp.zeros(2), 'words of another size': jnp.zeros(3, jnp.uint32),
  },
  'states': _FLOATS | {
    'no batch axis': lambda good: good[0].reshape(-1),
    'an empty batch': lambda good: good[:0],
  },
  'floats': _FLOATS,
  'free floats': {k: v for k, v in _FLOATS.items() if k != 'no axes'},
  'images': _FLOATS | {
    'three axes': lambda good: good[..., 0], 'five axes':
    lambda good: good[None], 'two channels': lambda good: jnp.concatenate(
      [good[..., :1]] * 2, axis=-1), 'bytes': lambda good: np.asarray(
      255 * good).astype(np.uint8), 'above one': lambda good: good + 1,
    'negative': lambda good: good - 1, 'nan': _with((0, 0, 0, 0), np.nan),
    'infinite': _with((0, 0, 0, 0), np.inf),
  },
  'labels': _NO_ARRAYS | {
    'floats': lambda good: np.asarray(good).astype(np.float32), 'booleans':
    lambda good: np.asarray(good) > 1, 'one too few': lambda good: good[1:],
    'a column': lambda good: good[:, None], 'one number': np.int32(0),
    'negative': _with(0, -1), 'too large': _with(0, 24),
  },
  'share': _UNIT,
  'amount': _NUMBERS,
  'positive': _NUMBERS | {'zero': 0.0, 'a JAX array, zero': jnp.array(0.0)},
  'severity': _NUMBERS | {
    'zero': 0, 'six': 6, 'half': 2.5, 'a JAX array, zero': jnp.array(0),
    'a NumPy array, nine': np.array(9), 'several': jnp.array([1, 2]),
  },
  'count': _COUNTS | {'huge': 10**30},
  'seed': {k: v for k, v in _COUNTS.items() if k not in ('zero', 'a JAX array')}
  | {'huge': 10**30},
  'choice': _CHOICES,
  'flag': {
    'a text': 'no', 'one': 1, 'none': None, 'an array': jnp.array(True),
  },
  'function': _FUNCTIONS,
  'path': _PATHS,
}  # fmt: skip

# What may be taken as well.
ODD: dict[str, dict[str, Any]] = {
  'states': {
    'nan': lambda good: good.at[0].set(jnp.nan), 'infinite': lambda good:
    good.at[0].set(jnp.inf), 'float64': lambda good: np.asarray(
      good, np.float64), 'float16': lambda good: good.astype(jnp.float16),
    'a batch of one': lambda good: good[:1],
  },
  'images': {
    'float64': lambda good: np.asarray(good, np.float64), 'bfloat16':
    lambda good: good.astype(jnp.bfloat16), 'an empty batch': lambda good:
    good[:0], 'one pixel': lambda good: good[:, :1, :1], 'all zero':
    jnp.zeros_like, 'a row': lambda good: good[:, :1],
  },
  'labels': {
    'bytes': lambda good: np.asarray(good, np.uint8), 'int64': lambda good:
    np.asarray(good, np.int64),
  },
  'key': {'an older key': jax.random.PRNGKey(0)},
  'share': {'zero': 0, 'one': 1.0, 'a NumPy number': np.float64(0.5)},
  'amount': {'zero': 0, 'huge': 1e30, 'bfloat16': jnp.bfloat16(0.5)},
  'severity': {'a JAX array': jnp.array(3), 'a NumPy number': np.int64(2)},
  'count': {'a NumPy number': np.int64(2)},
}  # fmt: skip


def _layer(module, **options):
  """A linen layer, initialised on good states and applied to any."""

  def call(hidden):
    layer = module(**options)
    variables = layer.init({'params': KEY, 'noise': KEY}, STATES)
    return layer.apply(variables, hidden, train=True, rngs={'noise': KEY})

  return call


def _made(function, **options):
  """What a function makes of one attribute of a module."""
  return lambda **changed: function(**options | changed)


class _Dense(nn.Module):
  """A model of one layer."""

  @nn.compact
  def __call__(self, images, train=False):
    return nn.Dense(4)(images.reshape(len(images), -1))


def _noisy_model(**options):
  options = {'model': _Dense()} | options
  noisy = layers.noise_at_every_layer(options.pop('model'), **options)
  variables = noisy.init(KEY, IMAGES)
  return noisy.apply(variables, IMAGES, train=True, rngs={'noise': KEY})


_STATES, _KEY = Given('states', STATES), Given('key', KEY)
_IMAGES = Given('images', IMAGES)
_LABELS = Given('labels', LABELS)
_KERNEL = jnp.asarray(_RNG.normal(size=(8, 8, 1, 2)), jnp.float32)
_BIAS = jnp.zeros((6, 6, 2), jnp.float32)


def _integrals(function):
  shared = {
    'num_steps': Given('count', 4),
    'rule': Given('choice', 'right'),
    'nodes_per_chunk': Given('count', 2),
    'baseline': Given('free floats', jnp.zeros_like(STATES)),
  }
  if function is attribution.integrated_gradients:
    scores = Given('function', lambda states: score(states)[:, 0])
    return Entry(function, {'*score_fn': scores, '*x': _STATES} | shared)
  own = {
    '*score_fn': Given('function', score), '*x': _STATES, '*target': _LABELS,
  }  # fmt: skip
  return Entry(function, own | shared)


_ATTACK = {
  'epsilon': Given('share', 0.1),
  'num_noise_samples': Given('count', 1),
}
_LOSS = Given('function', attacks.cross_entropy(classify))

ENTRIES: dict[str, Entry] = {
  'layers.inject_noise': Entry(
    layers.inject_noise,
    {
      '*key': _KEY, '*hidden': _STATES, 'rate': Given('share', 0.5),
      'strategy': Given('choice', 'uniform'), 'gradient': Given('flag', True),
    },
  ),
  'layers.penultimate_noise': Entry(
    layers.penultimate_noise,
    {'*key': _KEY, '*hidden': _STATES, 'stddev': Given('amount', 0.5)},
  ),
  'layers.snr_noise': Entry(
    layers.snr_noise,
    {
      '*key': _KEY, '*hidden': _STATES, 'variance_ratio':
      Given('amount', 0.5), 'per': Given('choice', 'unit'), 'gradient':
      Given('flag', True),
    },
  ),
  'layers.noisy_dropout': Entry(
    layers.noisy_dropout,
    {
      '*key': _KEY, '*hidden': Given('free floats', STATES), 'rate':
      Given('share', 0.5), 'stddev': Given('amount', 0.1), 'where':
      Given('choice', 'all'), 'rescale': Given('flag', True), 'relative':
      Given('flag', True), 'correlation': Given('amount', 0.0),
    },
  ),
  'layers.weight_map': Entry(
    layers.weight_map,
    {
      '*x': Given('floats', IMAGES), '*kernel': Given('floats', _KERNEL),
      '*bias': Given('floats', _BIAS), 'variant': Given('choice', 'unsharp'),
      'kernel_size': Given('count', 3), 'strides': Given('count', 1),
      'padding': Given('choice', 'VALID'), 'normalize': Given('flag', False),
    },
  ),
  'layers.noise_at_every_layer': Entry(
    _noisy_model,
    {
      'model': Given('function', _Dense()), 'variance_ratio':
      Given('amount', 0.5), 'per': Given('choice', 'layer'), 'gradient':
      Given('flag', True), 'skip': Given('choice', ()),
    },
  ),
  'layers.Gate': Entry(_layer(layers.Gate), {'*hidden': _STATES}),
  'layers.NoiseInjection': Entry(
    _layer(layers.NoiseInjection), {'*hidden': _STATES}
  ),
  'layers.NoiseOut': Entry(_layer(layers.NoiseOut), {'*hidden': _STATES}),
  'layers.PenultimateNoise': Entry(
    _layer(layers.PenultimateNoise), {'*hidden': _STATES}
  ),
  'layers.SnrNoise': Entry(_layer(layers.SnrNoise), {'*hidden': _STATES}),
  'layers.NoisyDropout': Entry(
    _layer(layers.NoisyDropout, rate=0.5, stddev=0.1),
    {'*hidden': Given('free floats', STATES)},
  ),
  'layers.WeightMap': Entry(
    lambda images: layers.WeightMap(2, padding='VALID').init_with_output(
      KEY, images
    ),
    {'*images': Given('floats', IMAGES)},
  ),
  'layers.Gate, attributes': Entry(
    layers.Gate,
    {'kind': Given('choice', 'dense'), 'maximum': Given('positive', 1.0)},
  ),
  'layers.NoiseInjection, attributes': Entry(
    layers.NoiseInjection,
    {
      'rate': Given('share', 0.5), 'strategy': Given('choice', 'uniform'),
      'gradient': Given('flag', True),
    },
  ),
  'layers.NoiseOut, attributes': Entry(
    layers.NoiseOut,
    {
      'rate': Given('share', 0.5), 'strategy': Given('choice', 'uniform'),
      'gate': Given('choice', 'static'), 'gradient': Given('flag', True),
    },
  ),
  'layers.PenultimateNoise, attributes': Entry(
    layers.PenultimateNoise, {'stddev': Given('amount', 0.5)}
  ),
  'layers.SnrNoise, attributes': Entry(
    layers.SnrNoise,
    {
      'variance_ratio': Given('amount', 0.5), 'per': Given('choice', 'unit'),
      'gradient': Given('flag', True),
    },
  ),
  'layers.NoisyDropout, attributes': Entry(
    layers.NoisyDropout,
    {
      'rate': Given('share', 0.5), 'stddev': Given('amount', 0.5), 'where':
      Given('choice', 'all'), 'rescale': Given('flag', False), 'relative':
      Given('flag', False), 'correlation': Given('amount', 0.0),
    },
  ),
  'layers.WeightMap, attributes': Entry(
    lambda **options: layers.WeightMap(**options).init(KEY, IMAGES),
    {
      'features': Given('count', 2), 'variant': Given('choice', 'unsharp'),
      'kernel_size': Given('count', 3), 'strides': Given('count', 1),
      'padding': Given('choice', 'SAME'), 'normalize': Given('flag', False),
    },
  ),
  'attribution.integrated_gradients': _integrals(
    attribution.integrated_gradients
  ),
  'attribution.full_integrated_gradients': _integrals(
    attribution.full_integrated_gradients
  ),
  'attribution.fig_targets': Entry(
    attribution.fig_targets,
    {
      '*logits_fn': Given('function', score), '*hidden': _STATES, '*labels':
      _LABELS, 'score': Given('choice', 'logit'), 'num_steps':
      Given('count', 4), 'rule': Given('choice', 'right'), 'nodes_per_chunk':
      Given('count', 2),
    },
  ),
  'attribution.fig_loss': Entry(
    attribution.fig_loss,
    {
      '*logits_fn': Given('function', score), '*hidden': _STATES, '*gates':
      Given('floats', STATES), '*labels': _LABELS, 'reduction':
      Given('choice', 'mean'), 'score': Given('choice', 'logit'), 'num_steps':
      Given('count', 4),
    },
  ),
  'attribution.binarize': Entry(
    attribution.binarize, {'*values': Given('free floats', STATES)}
  ),
  'attribution.grad_cam': Entry(
    attribution.grad_cam,
    {
      '*feature_maps_fn': Given('function', lambda images: 2 * images),
      '*score_fn': Given('function', classify), '*x': _IMAGES,
      '*target': _LABELS,
    },
  ),
  'attribution.background_share': Entry(
    attribution.background_share,
    {
      '*maps': Given('floats', IMAGES[..., 0]), '*images': _IMAGES,
      'threshold': Given('share', 0.5),
    },
  ),
  'attribution.amplification': Entry(
    attribution.amplification,
    {'*x': Given('floats', IMAGES), '*kernel': Given('floats', _KERNEL)},
  ),
  'attribution.importance_correlation': Entry(
    attribution.importance_correlation,
    {
      '*kernel': Given('floats', _KERNEL), '*attributions':
      Given('floats', IMAGES),
    },
  ),
  'attribution.rank_correlation': Entry(
    attribution.rank_correlation,
    {
      '*one': Given('floats', STATES), '*other': Given('floats', STATES),
    },
  ),
  'attribution.check_affine': Entry(
    attribution.check_affine,
    {
      '*affine': Given('function', lambda x: 2 * x + 1), '*x': _STATES,
      '*baseline': Given('floats', jnp.zeros_like(STATES)),
    },
  ),
  'attacks.cross_entropy': Entry(
    # The images go to `predict` alone, which says what is wrong with them.
    lambda predict, labels: attacks.cross_entropy(predict)(IMAGES, labels),
    {'*predict': Given('function', classify), '*labels': _LABELS},
  ),
  'attacks.fgsm': Entry(
    attacks.fgsm, {'*loss_fn': _LOSS, '*images': _IMAGES, '*labels': _LABELS}
    | _ATTACK,
  ),
  'attacks.pgd': Entry(
    attacks.pgd,
    {
      '*key': _KEY, '*loss_fn': _LOSS, '*images': _IMAGES, '*labels': _LABELS,
      'step_size': Given('share', 0.1), 'num_steps': Given('count', 2),
    } | _ATTACK,
  ),
  'augmentation.augmix': Entry(
    augmentation.augmix,
    {
      '*key': _KEY, '*images': _IMAGES, 'severity': Given('amount', 1.0),
      'width': Given('count', 1), 'depth': Given('count', 1), 'alpha':
      Given('positive', 1.0),
    },
  ),
  'augmentation.jensen_shannon': Entry(
    augmentation.jensen_shannon,
    {'*logits': Given('floats', STATES.reshape(3, 3, 4))},
  ),
  'augmentation.blur_resolution': Entry(
    augmentation.blur_resolution,
    {'*images': _IMAGES, 'sigma': Given('amount', 1.0)},
  ),
  'augmentation.pad_and_crop': Entry(
    augmentation.pad_and_crop,
    {'*key': _KEY, '*images': _IMAGES, 'padding': Given('count', 2)},
  ),
  'augmentation.random_flip': Entry(
    augmentation.random_flip, {'*key': _KEY, '*images': _IMAGES}
  ),
  'augmentation.adversarial_noise': Entry(
    augmentation.adversarial_noise,
    {
      '*key': _KEY, '*images': _IMAGES, '*generate':
      Given('function', lambda noise: noise), 'epsilon': Given('amount', 1.0),
    },
  ),
  'augmentation.scale_to_norm': Entry(
    augmentation.scale_to_norm,
    {
      '*images': _IMAGES, '*direction': Given('floats', IMAGES - 0.5),
      '*epsilon': Given('amount', 1.0),
    },
  ),
  'augmentation.epsilon_for': Entry(
    augmentation.epsilon_for,
    {
      '*image_shape': Given('choice', (8, 8, 1)), 'epsilon':
      Given('amount', 135.0),
    },
  ),
  'augmentation.deep_augment': Entry(
    augmentation.deep_augment,
    {
      '*key': _KEY, '*images': Given('images', COLOUR), '*network':
      Given('function', augmentation.Autoencoder(3, 2, 2, 1)),
    },
  ),
  'augmentation.noise2net': Entry(
    augmentation.noise2net,
    {'*key': _KEY, '*images': Given('images', COLOUR), 'epoch_key': _KEY},
  ),
  'augmentation.NoiseGenerator': Entry(
    lambda **options: augmentation.NoiseGenerator(**options).init(KEY, IMAGES),
    {'kernel_size': Given('count', 1), 'width': Given('count', 2)},
  ),
  'augmentation.load_autoencoder': Entry(
    augmentation.load_autoencoder, {'*path': Given('path', '/')}
  ),
  'corruptions.load_frost_textures': Entry(
    corruptions.load_frost_textures, {'*folder': Given('path', '/')}
  ),
  'models.create': Entry(
    models.create, {'*name': Given('choice', 'mnist_cnn')}
  ),
  'models.import_torch': Entry(
    models.import_torch, {'*path': Given('path', '/')}
  ),
  'models.max_pool': Entry(
    models.max_pool,
    {'*images': Given('floats', IMAGES), 'window': Given('count', 2)},
  ),
  'models.count_flops': Entry(
    models.count_flops,
    {
      '*model': Given('function', models.create('mnist_cnn')), '*image_shape':
      Given('choice', (8, 8, 1)), 'weight_map_form':
      Given('choice', 'contracted'),
    },
  ),
  'models.with_noiseout': Entry(
    models.with_noiseout,
    {
      '*features': Given('function', lambda x: x), '*classify':
      Given('function', classify),
    },
  ),
  'data.from_arrays': Entry(
    data.from_arrays,
    {
      '*images': _IMAGES, '*labels': Given('labels', LABELS), 'num_classes':
      Given('count', 4),
    },
  ),
  'data.load': Entry(
    data.load,
    {'*name': Given('choice', 'digits'), '*split': Given('choice', 'test')},
  ),
  'data.is_photographs': Entry(
    data.is_photographs, {'*name': Given('choice', 'digits')}
  ),
  'data.open_stream': Entry(
    data.open_stream,
    {
      '*name': Given('choice', 'digits'), '*split': Given('choice', 'train'),
      'side': Given('count', 8),
    },
  ),
  'data.prepared_folder': Entry(
    data.prepared_folder, {'*name': Given('choice', 'mnist')}
  ),
  'data.split_by_class': Entry(
    data.split_by_class,
    {
      '*labels': Given('labels', np.arange(20) % 4), '*shares':
      Given('choice', (0.5, 0.5)), 'seed': Given('seed', 0),
    },
  ),
  'data.to_unit': Entry(
    data.to_unit, {'*images': Given('choice', np.asarray(
      255 * IMAGES).astype(np.uint8))}
  ),
  'evaluation.evaluate': Entry(
    evaluation.evaluate,
    {
      '*predict': Given('function', classify), '*source':
      Given('choice', (np.asarray(IMAGES), np.asarray(LABELS))), 'benchmark':
      Given('choice', 'degradations'), 'batch_size': Given('count', 2), 'seed':
      Given('amount', 0), 'amounts': Given('choice', {}),
    },
  ),
  'evaluation.evaluate, attacks': Entry(
    lambda predict, epsilon: evaluation.evaluate(
      predict, (np.asarray(IMAGES), np.asarray(LABELS)), benchmark='fgsm',
      epsilons=[epsilon],
    ),
    {'*predict': Given('function', classify), '*epsilon': Given('share', 0.1)},
  ),
  'evaluation.evaluate, severities': Entry(
    lambda severity: evaluation.evaluate(
      classify, (np.asarray(IMAGES), np.asarray(LABELS)),
      benchmark='imagenet_c', corruptions=['contrast'], severities=[severity],
    ),
    {'*severity': Given('severity', 3)},
  ),
  'evaluation.examples': Entry(
    evaluation.examples,
    {
      '*predict': Given('function', classify), '*source':
      Given('choice', (np.asarray(IMAGES), np.asarray(LABELS))), 'benchmark':
      Given('choice', 'degradations'),
    },
  ),
  'evaluation.gate_activity': Entry(
    lambda forward, classify: evaluation.gate_activity(
      forward, classify,
      data.from_arrays(np.asarray(IMAGES), np.asarray(LABELS)),
    ),
    {
      '*forward': Given('function', None), '*classify':
      Given('function', None),
    },
  ),
  'evaluation.to_markdown': Entry(
    evaluation.to_markdown, {'*table': Given('choice', None)}
  ),
  'random_keys.root_key': Entry(
    random_keys.root_key, {'*seed': Given('seed', 0)}
  ),
  'random_keys.stream_key': Entry(
    random_keys.stream_key,
    {
      '*root': _KEY, '*step': Given('amount', 0), '*stream':
      Given('choice', 'noise'),
    },
  ),
  'random_keys.example_keys': Entry(
    random_keys.example_keys,
    {'*key': _KEY, '*index': Given('choice', jnp.arange(3))},
  ),
  'training.restore': Entry(
    training.restore, {'*workdir': Given('path', '/')}
  ),
  'training.train': Entry(
    training.train,
    {'*config': Given('choice', None), '*workdir': Given('path', '/')},
  ),
}  # fmt: skip


def _corruptions() -> Iterator[tuple[str, Entry]]:
  """Every corruption; each has the same arguments."""
  severity, share = Given('severity', 3), Given('share', 0.1)
  for catalog, strength in (
    ('MNIST_C', {}),
    ('IMAGENET_C', {'severity': severity}),
    ('CIFAR10_C', {'severity': severity}),
    ('DEGRADATIONS', {'amount': share}),
  ):
    for name, corrupt in getattr(corruptions, catalog).items():
      own = strength
      if name == 'gaussian_blur':  # Its amount is in pixels.
        own = {'amount': Given('amount', 1.0)}
      yield (
        f'corruptions.{catalog}[{name}]',
        Entry(corrupt, {'*key': _KEY, '*images': _IMAGES} | own),
      )
    unknown = lambda name, catalog=catalog: getattr(corruptions, catalog)[name]
    yield (
      f'corruptions.{catalog}',
      Entry(unknown, {'*name': Given('choice', '')}),
    )


ENTRIES |= dict(_corruptions())


_ANY_RANGE = ('two channels', 'above one', 'negative', 'nan', 'infinite')
_ANY_ARRAY = (*_ANY_RANGE, 'integers', 'booleans', 'complex', 'bytes')
_BASELINE = ('none', 'integers', 'booleans')
_ABOVE_ONE = (
  'above one', 'a JAX array above one', 'a NumPy array above one',
  'an integer above one',
)  # fmt: skip
# What docstrings allow of what is hostile elsewhere.
_ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
  ('attribution.integrated_gradients', 'nodes_per_chunk'): ('none',),
  ('attribution.integrated_gradients', 'baseline'): _BASELINE,
  ('attribution.full_integrated_gradients', 'nodes_per_chunk'): ('none',),
  ('attribution.full_integrated_gradients', 'baseline'): _BASELINE,
  ('attribution.fig_targets', 'nodes_per_chunk'): ('none',),
  ('attribution.grad_cam', 'x'): _ANY_RANGE,
  ('attribution.background_share', 'images'): _ANY_RANGE,
  ('attribution.background_share', 'threshold'): _ABOVE_ONE,
  ('attribution.rank_correlation', 'one'): ('integers',),
  ('attribution.rank_correlation', 'other'): ('integers',),
  ('augmentation.augmix', 'depth'): ('none',),
  ('augmentation.blur_resolution', 'images'): _ANY_RANGE,
  ('augmentation.pad_and_crop', 'images'): _ANY_ARRAY,
  ('augmentation.pad_and_crop', 'padding'): ('zero',),
  ('augmentation.random_flip', 'images'): _ANY_ARRAY,
  ('data.from_arrays', 'images'): ('three axes', 'two channels', 'bytes'),
  ('data.from_arrays', 'num_classes'): ('none',),
  ('data.split_by_class', 'labels'): ('one too few',),
  ('evaluation.evaluate', 'seed'): ('none',),
  ('evaluation.evaluate', 'amounts'): ('none',),
  # Only attacks need a classifier there.
  ('evaluation.examples', 'predict'): tuple(_FUNCTIONS),
}


def _cases_of(name: str, entry: Entry) -> Iterator[Case]:
  for argument, given in entry.arguments.items():
    for values, must_be_refused in (
      (HOSTILE[given.kind], True),
      (ODD.get(given.kind, {}), False),
    ):
      for what, value in values.items():
        is_made = callable(value) and given.kind != 'function'
        bad = value(given.value) if is_made else value
        allowed = _ALLOWED.get((name, argument.lstrip('*')), ())

        def call(entry=entry, argument=argument, bad=bad):
          changed = {
            one: bad if one == argument else good.value
            for one, good in entry.arguments.items()
          }
          positional = [v for k, v in changed.items() if k.startswith('*')]
          named = {k: v for k, v in changed.items() if not k.startswith('*')}
          return jax.block_until_ready(entry.function(*positional, **named))

        must = must_be_refused and what not in allowed
        yield Case(name, argument.lstrip('*'), what, must, call)


def cases() -> list[Case]:
  """All of them, always in the same order."""
  return [
    case for name, entry in ENTRIES.items() for case in _cases_of(name, entry)
  ]


def complaint(case: Case) -> str | None:
  """What is wrong with how a call ended, or None."""
  try:
    case.call()
  except errors.InputError as error:
    text = str(error)
    return f'several lines: {text}' if '\n' in text else None
  except Exception as error:
    return f'{type(error).__name__}: {error}'.split('\n')[0][:150]
  return 'accepted' if case.must_be_refused else None


def main():
  """Runs all, or those whose name holds the argument; says what failed."""
  wanted = sys.argv[1] if len(sys.argv) > 1 else ''
  chosen = [case for case in cases() if wanted in case.function]
  failed = collections.Counter()
  for case in chosen:
    found = complaint(case)
    if found:
      failed[case.function] += 1
      print(f'{case.function}, {case.argument}, {case.what}: {found}')
  print(f'{len(chosen)} hostile calls, {failed.total()} complaints')
  sys.exit(bool(failed))


if __name__ == '__main__':
  main()
