import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import layers
from robustjax import models
from robustjax.training import losses

NUM_CLASSES = 4
SCORES = {
  'probability': lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
  'log_probability': lambda z: z - np.log(np.exp(z).sum(axis=1, keepdims=True)),
  'logit': lambda z: z,
}


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


def _fig_by_differences(model, params, hidden, labels, fig):
  """Eq. 3 for one state at a time: differences of scores along the path."""
  score, variables = SCORES[fig.score], {'params': params}

  @jax.jit
  def logits(states):
    if fig.through_gate:
      states = model.apply(variables, states, method='gate').output
    return model.apply(variables, states, method='classify')

  hidden = np.asarray(hidden, np.float64)
  signs = np.where(np.arange(NUM_CLASSES) == np.asarray(labels)[:, None], 1, -1)
  total, small = np.zeros_like(hidden), 1e-3
  for k in range(1, fig.num_steps + 1):
    point = hidden * (k / fig.num_steps)
    for state in range(hidden.shape[1]):
      moved = np.zeros_like(hidden)
      moved[:, state] = small
      ends = [
        score(np.asarray(logits(jnp.asarray(p, jnp.float32)), np.float64))
        for p in (point + moved, point - moved)
      ]
      slope = (signs * (ends[0] - ends[1])).sum(axis=1) / (2 * small)
      total[:, state] += hidden[:, state] * slope / fig.num_steps
  return total


@pytest.mark.parametrize('through_gate', [False, True])
@pytest.mark.parametrize('score', SCORES)
def test_targets_are_the_signs_of_fig(score, through_gate):
  model, params, _, labels = _setting()
  fig = losses.FigLoss(score=score, through_gate=through_gate, num_steps=2)
  hidden = _hidden_states()
  found = losses.fig_targets(model, {'params': params}, hidden, labels, fig)
  exact = _fig_by_differences(model, params, hidden, labels, fig)
  # Float32 scores of order 1 over .002: an error of 1e-4 in slopes of up to .1,
  # and a ReLU of the 128 may switch in between.
  clear = np.abs(exact) > 1e-2 * np.abs(exact).max()
  assert clear.mean() > 0.2
  np.testing.assert_array_equal(found[clear], (exact > 0)[clear])
  assert set(np.unique(found)) == {0.0, 1.0}


def test_where_fig_begins_and_what_it_scores_matter():
  model, params, _, labels = _setting()
  find = functools.partial(
    losses.fig_targets,
    model,
    {'params': params},
    _hidden_states(),
    labels,
  )
  usual = find(losses.FigLoss())
  for other in ({'through_gate': True}, {'score': 'logit'}):
    assert not np.array_equal(usual, find(losses.FigLoss(**other)))


@pytest.mark.parametrize('reduction', losses.REDUCTIONS)
def test_fig_loss_equals_a_loop(rng, reduction):
  gates, targets = rng.uniform(size=(5, 7)), rng.integers(0, 2, (5, 7))
  total = 0.0
  for i in range(5):
    for j in range(7):
      total += (targets[i, j] - gates[i, j]) ** 2
  expected = total / (35 if reduction == 'mean' else 5)
  found = losses.fig_loss(
    jnp.asarray(gates, jnp.float32),
    jnp.asarray(targets, jnp.float32),
    reduction,
  )
  np.testing.assert_allclose(found, expected, rtol=1e-6)


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
  targets = losses.fig_targets(model, {'params': params}, hidden, labels, fig)
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
  found = losses.training_losses(
    model, {'params': params}, images, labels, rngs=_KEYS, fig=fig
  )
  clean = model.apply(
    {'params': params}, images, train=True, rngs=_KEYS, method='features'
  )
  targets = losses.fig_targets(model, {'params': params}, clean, labels, fig)
  gates = model.apply({'params': params}, clean, method='gate').gates
  expected = losses.fig_loss(gates, targets, 'mean')
  np.testing.assert_allclose(found.fig, expected, rtol=1e-6)
  injected = losses.training_losses(
    model, {'params': params}, images, labels, rngs=_KEYS, fig=losses.FigLoss()
  )
  np.testing.assert_array_equal(found.logits, injected.logits)
  assert abs(found.fig - injected.fig) > 1e-3


def test_every_view_of_an_image_is_taught_by_its_label():
  """Views of an image stand one after another."""
  model, params, images, _ = _setting()
  labels = jnp.array([3, 1], jnp.int32)
  found = losses.training_losses(
    model, {'params': params}, images, labels, rngs=_KEYS, fig=losses.FigLoss()
  )
  forward = model.apply(
    {'params': params}, images, train=True, rngs=_KEYS, method='forward'
  )
  terms = []
  for view in range(6):
    of_image = labels[view // 3][None]
    one = slice(view, view + 1)
    targets = losses.fig_targets(
      model, {'params': params}, forward.hidden[one], of_image, losses.FigLoss()
    )
    terms.append(np.mean((np.asarray(targets) - forward.gates[one]) ** 2))
  np.testing.assert_allclose(found.fig, np.mean(terms), rtol=1e-5)


def test_a_bfloat16_model_has_the_targets_of_float32():
  model, params, _, labels = _setting(jnp.bfloat16)
  hidden = _hidden_states().astype(jnp.bfloat16)
  found = losses.fig_targets(
    model, {'params': params}, hidden, labels, losses.FigLoss()
  )
  exact = losses.fig_targets(
    _setting()[0],
    {'params': params},
    hidden.astype(jnp.float32),
    labels,
    losses.FigLoss(),
  )
  assert found.dtype == jnp.float32
  np.testing.assert_array_equal(found, exact)


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
