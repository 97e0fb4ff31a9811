"""The FIG loss of any head, against Eq. 3, 8 and 9 written out."""

from flax import nnx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attribution
from robustjax import errors
from robustjax import layers

KEY = jax.random.key(0)
LABELS = jnp.array([2, 0, 1, 2, 1], jnp.int32)
NUM_CLASSES = 3
# Scores of logits [B, C], in NumPy.
SCORES = {
  'probability': lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
  'log_probability': lambda z: z - np.log(np.exp(z).sum(axis=1, keepdims=True)),
  'logit': lambda z: z,
}


@pytest.fixture
def head(rng):
  """(affine, rest, hidden): rest(affine(hidden)) are logits [5, 3]."""
  first, second = rng.normal(size=(7, 4)), rng.normal(size=(4, NUM_CLASSES))
  first, second = (jnp.asarray(w, jnp.float32) for w in (first, second))
  hidden = jnp.asarray(rng.normal(size=(5, 7)), jnp.float32)
  return (
    lambda h: h @ first + 0.3,
    lambda a: jnp.tanh(a) @ second,
    hidden,
  )


def _fig_by_differences(logits_fn, hidden, score, num_steps):
  """Eq. 3, state by state: differences of scores along the path."""
  signs = np.where(np.arange(NUM_CLASSES) == np.asarray(LABELS)[:, None], 1, -1)
  hidden = np.asarray(hidden, np.float64)
  total, small = np.zeros_like(hidden), 1e-3
  for k in range(1, num_steps + 1):
    for state in range(hidden.shape[1]):
      moved = np.zeros_like(hidden)
      moved[:, state] = small
      above, below = (
        SCORES[score](np.asarray(logits_fn(point), np.float64))
        for point in (
          jnp.asarray(hidden * k / num_steps + sign * moved, jnp.float32)
          for sign in (1, -1)
        )
      )
      slope = (signs * (above - below)).sum(axis=1) / (2 * small)
      total[:, state] += hidden[:, state] * slope / num_steps
  return total


@pytest.mark.parametrize('is_factored', [False, True])
@pytest.mark.parametrize('score', attribution.SCORES)
def test_targets_are_the_signs_of_fig(head, score, is_factored):
  affine, rest, hidden = head
  whole = jax.jit(lambda h: rest(affine(h)))
  exact = _fig_by_differences(whole, hidden, score, num_steps=3)
  found = attribution.fig_targets(
    rest if is_factored else whole,
    hidden,
    LABELS,
    affine=affine if is_factored else None,
    score=score,
    num_steps=3,
  )
  # Float32 scores below 10 over .002, of three classes: an error below .01.
  clear = np.abs(exact) > 0.02
  assert clear.mean() > 0.7
  np.testing.assert_array_equal(found[clear], (exact > 0)[clear])
  assert set(np.unique(found)) <= {0.0, 1.0}


@pytest.mark.parametrize('reduction', attribution.REDUCTIONS)
def test_the_loss_is_the_squared_distance_from_the_targets(
  rng, head, reduction
):
  affine, rest, hidden = head
  gates = jnp.asarray(rng.uniform(size=hidden.shape), jnp.float32)
  targets = attribution.fig_targets(rest, hidden, LABELS, affine=affine)
  total = 0.0
  for b, k in np.ndindex(*hidden.shape):
    total += (float(targets[b, k]) - float(gates[b, k])) ** 2
  expected = total / (35 if reduction == 'mean' else 5)
  found = attribution.fig_loss(
    rest, hidden, gates, LABELS, affine=affine, reduction=reduction
  )
  np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_gradient_reaches_the_gates_alone(rng, head):
  affine, rest, hidden = head
  gates = jnp.asarray(rng.uniform(size=hidden.shape), jnp.float32)
  targets = attribution.fig_targets(rest, hidden, LABELS, affine=affine)

  def loss(hidden, gates, scale):
    logits_fn = lambda a: scale * rest(a)
    return attribution.fig_loss(logits_fn, hidden, gates, LABELS, affine=affine)

  of_hidden, of_gates, of_scale = jax.grad(loss, argnums=(0, 1, 2))(
    hidden, gates, 1.0
  )
  np.testing.assert_array_equal(of_hidden, np.zeros_like(hidden))
  assert of_scale == 0
  expected = 2 * (gates - targets) / hidden.size
  np.testing.assert_allclose(of_gates, expected, rtol=1e-5, atol=1e-8)


def test_options_reach_fig(head):
  affine, rest, hidden = head

  def find(**options):
    return attribution.fig_targets(
      rest, hidden, LABELS, affine=affine, **options
    )

  assert not np.array_equal(find(), find(score='logit'))
  assert not np.array_equal(
    find(num_steps=1), find(num_steps=1, rule='midpoint')
  )
  np.testing.assert_array_equal(find(), find(nodes_per_chunk=7))


def _teach(loss, params, num_steps=60):
  """Losses of gradient descent, first and last."""
  step = jax.jit(jax.value_and_grad(loss))
  first, _ = step(params)
  for _ in range(num_steps):
    _, gradient = step(params)
    params = jax.tree.map(lambda p, g: p - 5.0 * g, params, gradient)
  return float(first), float(step(params)[0])


def test_it_teaches_the_gates_of_a_linen_model(head):
  _, _, hidden = head
  layer, dense = layers.NoiseOut(rate=0.2), nn.Dense(NUM_CLASSES)
  variables = layer.init(KEY, hidden)
  above = dense.init(KEY, hidden)

  def loss(variables):
    found = layer.apply(
      variables, hidden, train=True, rngs={'noise': KEY}, method='forward'
    )
    return attribution.fig_loss(
      lambda h: dense.apply(above, h), found.hidden, found.gates, LABELS
    )

  first, last = _teach(loss, variables)
  assert last < 0.5 * first


def test_it_teaches_the_gates_of_an_nnx_model(head):
  _, _, hidden = head
  gate = nnx.Linear(7, 7, rngs=nnx.Rngs(0))
  above = nnx.Linear(7, NUM_CLASSES, rngs=nnx.Rngs(1))
  graph, state = nnx.split(gate)

  def loss(state):
    gates = jax.nn.sigmoid(nnx.merge(graph, state)(hidden))
    return attribution.fig_loss(above, hidden, gates, LABELS)

  first, last = _teach(loss, state)
  assert last < 0.5 * first


def test_bad_input_is_named(head):
  affine, rest, hidden = head
  call = lambda gates, **options: attribution.fig_loss(
    rest, hidden, gates, LABELS, affine=affine, **options
  )
  with pytest.raises(errors.InputError, match=r'gates: .*\(5, 7\).*\(5, 6\)'):
    call(hidden[:, :6])
  with pytest.raises(errors.InputError, match='gates: expected floats'):
    call(hidden > 0)
  with pytest.raises(errors.InputError, match='reduction: .*mean . sum'):
    call(hidden, reduction='max')
  with pytest.raises(errors.InputError, match='score: .*logit'):
    call(hidden, score='logits')
  with pytest.raises(errors.InputError, match='target'):
    attribution.fig_loss(rest, hidden, hidden, LABELS + 1, affine=affine)
