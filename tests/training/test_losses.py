import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attribution
from robustjax import layers
from robustjax import models
from robustjax.training import losses

NUM_CLASSES = 4


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_cross_entropy_equals_the_closed_form(rng, dtype):
  logits = jnp.asarray(rng.normal(size=(5, 3)), dtype)
  labels = np.array([0, 2, 1, 1, 0])
  exact = np.asarray(logits.astype(jnp.float32), np.float64)
  likelihood = np.exp(exact) / np.exp(exact).sum(axis=1, keepdims=True)
  expected = -np.log(likelihood[np.arange(5), labels]).mean()
  found = losses.cross_entropy(logits, jnp.asarray(labels, jnp.int32))
  assert found.dtype == jnp.float32
  np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_sigmoid_cross_entropy_equals_a_loop(rng):
  logits, labels = rng.normal(size=(5, 3)), [0, 2, 1, 1, 0]
  total = 0.0
  for row, label in zip(logits, labels, strict=True):
    for place, logit in enumerate(row):
      probability = 1 / (1 + np.exp(-logit))
      is_class = place == label
      total -= np.log(probability if is_class else 1 - probability)
  found = losses.sigmoid_cross_entropy(
    jnp.asarray(logits, jnp.float32), jnp.asarray(labels, jnp.int32)
  )
  np.testing.assert_allclose(found, total / 15, rtol=1e-6)


@functools.cache
def _setting(dtype=jnp.float32):
  """A model with gates far from 1/2, its parameters, images and labels."""
  model = models.create(
    'mnist_cnn',
    num_classes=NUM_CLASSES,
    flattened=layers.NoiseOut(rate=0.5),
    dtype=dtype,
  )
  images = jax.random.uniform(jax.random.key(0), (6, 8, 8, 1))
  params = model.init(jax.random.key(1), images)['params']
  gate = params['flattened']['gating']
  gate['weight'] = 3 * jax.random.normal(
    jax.random.key(2), gate['weight'].shape
  )
  labels = jnp.arange(6, dtype=jnp.int32) % NUM_CLASSES
  return model, params, images, labels


_KEYS = {'dropout': jax.random.key(3), 'noise': jax.random.key(4)}


def _hidden_states():
  model, params, images, _ = _setting()
  return model.apply({'params': params}, images, method='features')


@functools.partial(jax.jit, static_argnames=('model', 'method'))
def _apply(model, params, x, *, method):
  """What a method of the model gives while training, as one program."""
  return model.apply(
    {'params': params}, x, train=True, rngs=_KEYS, method=method
  )


@functools.partial(jax.jit, static_argnames=('model', 'fig'))
def _losses(model, params, images, labels, fig):
  return losses.training_losses(
    model, {'params': params}, images, labels, rngs=_KEYS, fig=fig
  )


@functools.partial(
  jax.jit, static_argnames=('through_gate', 'score', 'num_steps', 'rule')
)
def _targets(params, hidden, labels, *, through_gate=False, **options):
  """What FIG says of the model's gates, by the public function."""
  model, *_ = _setting()
  method = lambda name: (
    lambda x: model.apply({'params': params}, x, method=name)
  )
  if through_gate:
    whole = lambda h: method('classify')(method('gate')(h).output)
    return attribution.fig_targets(whole, hidden, labels, **options)
  return attribution.fig_targets(method('classify'), hidden, labels, **options)


@pytest.mark.parametrize(
  'options',
  [
    {'score': 'logit', 'num_steps': 2, 'rule': 'midpoint'},
    {'reduction': 'sum'},
    pytest.param({}, marks=pytest.mark.slow),
    pytest.param({'through_gate': True}, marks=pytest.mark.slow),
  ],
  ids=str,
)
def test_the_term_is_that_of_the_public_function(options):
  """Without the affine layer taken first, and with the gate below FIG."""
  model, params, images, labels = _setting()
  found = _losses(model, params, images, labels, losses.FigLoss(**options))
  forward = _apply(model, params, images, method='forward')
  reduction = options.pop('reduction', 'mean')
  targets = _targets(params, forward.hidden, labels, **options)
  squares = np.square(np.asarray(targets) - np.asarray(forward.gates))
  expected = squares.sum() / (6 if reduction == 'sum' else squares.size)
  np.testing.assert_allclose(found.fig, expected, rtol=1e-5)


def _loss_with_given_targets(params, targets, weight):
  """Cross entropy plus Eq. 9's term, written out."""
  model, _, images, labels = _setting()
  found = model.apply(
    {'params': params}, images, train=True, rngs=_KEYS, method='forward'
  )
  likelihood = jax.nn.log_softmax(found.logits)[jnp.arange(6), labels]
  squares = (targets - found.gates) ** 2
  return -likelihood.mean() + weight * squares.mean()


@pytest.mark.slow
def test_the_term_teaches_the_gate_and_what_is_below_but_not_through_fig():
  model, params, images, labels = _setting()
  fig = losses.FigLoss(weight=0.7)

  def total(params):
    return losses.training_losses(
      model, {'params': params}, images, labels, rngs=_KEYS, fig=fig
    ).total

  hidden = model.apply(
    {'params': params}, images, train=True, rngs=_KEYS, method='forward'
  ).hidden
  targets = _targets(params, hidden, labels)
  expected = jax.jit(jax.value_and_grad(_loss_with_given_targets))(
    params, targets, fig.weight
  )
  found = jax.jit(jax.value_and_grad(total))(params)
  for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
    scale = float(jnp.abs(other).max())
    # Two orders of a sum of a few thousand float32 terms.
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * scale)
  without = jax.grad(_loss_with_given_targets)(params, targets, 0.0)
  for name in ('conv1', 'conv2', 'flattened'):
    for one, other in zip(
      jax.tree.leaves(found[1][name]),
      jax.tree.leaves(without[name]),
      strict=True,
    ):
      assert not np.allclose(one, other, rtol=1e-3)
  np.testing.assert_allclose(
    found[1]['dense2']['kernel'], without['dense2']['kernel'], atol=1e-6
  )


def test_clean_states_are_those_before_injection():
  model, params, images, labels = _setting()
  fig = losses.FigLoss(hidden='clean')
  found = _losses(model, params, images, labels, fig)
  clean = _apply(model, params, images, method='features')
  targets = _targets(params, clean, labels)
  gates = model.apply({'params': params}, clean, method='gate').gates
  expected = np.square(np.asarray(targets) - np.asarray(gates)).mean()
  np.testing.assert_allclose(found.fig, expected, rtol=1e-6)
  injected = _losses(model, params, images, labels, losses.FigLoss())
  np.testing.assert_allclose(found.logits, injected.logits, atol=1e-5)
  assert abs(found.fig - injected.fig) > 1e-3


def test_every_view_of_an_image_is_taught_by_its_label():
  """Views of an image stand one after another."""
  model, params, images, _ = _setting()
  labels = jnp.array([3, 1], jnp.int32)
  found = _losses(model, params, images, labels, losses.FigLoss())
  forward = _apply(model, params, images, method='forward')
  terms = []
  for view in range(6):
    of_image = labels[view // 3][None]
    one = slice(view, view + 1)
    targets = _targets(params, forward.hidden[one], of_image)
    terms.append(np.mean((np.asarray(targets) - forward.gates[one]) ** 2))
  np.testing.assert_allclose(found.fig, np.mean(terms), rtol=1e-5)


def test_fig_of_a_bfloat16_model_is_computed_in_float32():
  model, params, images, labels = _setting(jnp.bfloat16)
  dtypes = set()

  def watched(logits_fn, hidden, *arguments, affine, **options):
    dtypes.update((hidden.dtype, logits_fn(affine(hidden)).dtype))
    return original(logits_fn, hidden, *arguments, affine=affine, **options)

  original = attribution.fig_loss
  with pytest.MonkeyPatch.context() as monkeypatch:
    monkeypatch.setattr(attribution, 'fig_loss', watched)
    found = _losses(model, params, images, labels, losses.FigLoss())
  assert dtypes == {jnp.dtype('float32')}
  assert found.fig.dtype == jnp.float32


def test_the_loss_is_the_one_asked_for():
  model, params, images, labels = _setting()
  for name, function in losses.LOSSES.items():
    found = losses.training_losses(
      model, {'params': params}, images, labels, rngs=_KEYS, loss=name
    )
    np.testing.assert_array_equal(found.total, function(found.logits, labels))


def test_noise_at_every_layer_changes_logits_and_needs_training(rng):
  model, params, images, labels = _setting()
  found = [
    losses.training_losses(
      model,
      {'params': params},
      images,
      labels,
      rngs=_KEYS,
      layer_noise=None if ratio is None else losses.LayerNoise(ratio),
    ).logits
    for ratio in (None, 0.0, 0.25)
  ]
  np.testing.assert_allclose(found[0], found[1], atol=1e-6)
  assert np.abs(found[0] - found[2]).max() > 1e-2


def test_statistics_of_batches_are_handed_on(normalized):
  model = normalized(num_classes=NUM_CLASSES)
  _, _, images, labels = _setting()
  variables = model.init(jax.random.key(0), images)
  found = losses.training_losses(model, variables, images, labels, rngs=_KEYS)
  mean = found.statistics['batch_stats']['norm']['mean']
  expected = 0.5 * images.reshape(len(images), -1).mean(axis=0)
  np.testing.assert_allclose(mean, expected, atol=1e-6)


def test_without_fig_no_fig_is_computed():
  model, params, images, labels = _setting()

  def operations(fig):
    def total(params):
      return losses.training_losses(
        model, {'params': params}, images, labels, rngs=_KEYS, fig=fig
      ).total

    return str(jax.make_jaxpr(total)(params)).count('dot_general')

  assert operations(None) == 3  # The gate and the two dense layers.
  assert operations(losses.FigLoss()) > 2
