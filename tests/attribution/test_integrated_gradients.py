"""IG and FIG against Eq. 2 and 3 as printed: loops over classes and steps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import attribution
from robustjax import errors
from robustjax import models

NUM_CLASSES = 10
SCORES = {
  'probability': jax.nn.softmax,
  'log_probability': jax.nn.log_softmax,
  'logit': lambda logits: logits,
}
# Two float32 sums of 50 gradients in another order, relative to the largest.
ROUNDING = 50 * float(np.finfo(np.float32).eps)


def _fig_as_printed(score_fn, x, target, baseline, num_steps):
  """NoiseOut, Eq. 3 with Eq. 2: a backward pass per class and step."""
  x, baseline = np.asarray(x), np.broadcast_to(baseline, x.shape)
  total = np.zeros_like(x, np.float64)
  gradient_of = jax.jit(jax.grad(lambda p, j: score_fn(p)[:, j].sum()))
  for j in range(NUM_CLASSES):
    mean = np.zeros_like(total)
    for k in range(1, num_steps + 1):
      point = baseline + np.float32(k / num_steps) * (x - baseline)
      mean += np.asarray(gradient_of(jnp.asarray(point), j), np.float64)
    contribution = (x - baseline) * mean / num_steps
    sign = np.where(np.asarray(target) == j, 1, -1)
    total += sign.reshape(-1, *(1,) * (x.ndim - 1)) * contribution
  return total


@functools.cache
def _network(name):
  """(affine, rest, x): rest(affine(x)) are logits [B, 10]."""
  keys = jax.random.split(jax.random.key(0), 3)
  if name == 'mlp':
    w1 = jax.random.normal(keys[0], (7, 5))
    w2 = jax.random.normal(keys[1], (5, NUM_CLASSES))
    x = jax.random.normal(keys[2], (6, 7))
    return (
      lambda x: x @ w1 + 0.3,
      lambda y: jnp.tanh(y) @ w2,
      x,
    )
  model = models.create('mnist_cnn')
  images = jax.random.uniform(keys[0], (6, 8, 8, 1))
  variables = model.init(keys[1], images)
  apply = functools.partial(model.apply, variables)
  if name == 'input of the CNN':
    return (lambda x: x), apply, images
  return (
    functools.partial(apply, method='classify_affine'),
    functools.partial(apply, method='classify_rest'),
    apply(images, method='features'),
  )


NETWORKS = (
  'mlp',
  pytest.param('hidden state of the CNN', marks=pytest.mark.slow),
  pytest.param('input of the CNN', marks=pytest.mark.slow),
)
TARGET = jnp.array([0, 3, 9, 1, 1, 5])


def _assert_equal_up_to_ties(found, exact):
  scale = np.abs(exact).max()
  np.testing.assert_allclose(found, exact, rtol=0, atol=ROUNDING * scale)
  tied = np.abs(exact) <= ROUNDING * scale
  assert tied.mean() < 0.6  # A ReLU's dead states have no gradient.
  np.testing.assert_array_equal(np.sign(found)[~tied], np.sign(exact)[~tied])


@pytest.mark.parametrize('score', SCORES)
@pytest.mark.parametrize('network', NETWORKS)
def test_fig_equals_eq_3_as_printed(network, score):
  affine, rest, x = _network(network)

  def scores(y):
    return SCORES[score](rest(y))

  exact = _fig_as_printed(lambda x: scores(affine(x)), x, TARGET, 0, 50)
  fig = attribution.full_integrated_gradients
  factored = fig(scores, x, TARGET, affine=affine)
  whole = fig(lambda x: scores(affine(x)), x, TARGET, nodes_per_chunk=20)
  _assert_equal_up_to_ties(factored.values, exact)
  _assert_equal_up_to_ties(whole.values, exact)
  assert factored.values.shape == x.shape


def test_fig_with_a_baseline_per_example_or_for_all():
  affine, rest, x = _network('mlp')
  for baseline in (x[::-1] / 2, x[0], 0.25):
    exact = _fig_as_printed(lambda x: rest(affine(x)), x, TARGET, baseline, 8)
    found = attribution.full_integrated_gradients(
      rest, x, TARGET, affine=affine, baseline=baseline, num_steps=8
    )
    _assert_equal_up_to_ties(found.values, exact)


def test_fig_of_probabilities_is_twice_ig_of_the_target():
  affine, rest, x = _network('mlp')
  own = jnp.arange(len(x)), TARGET

  def probabilities(y):
    return jax.nn.softmax(rest(y))

  fig = attribution.full_integrated_gradients(
    probabilities, x, TARGET, affine=affine
  )
  ig = attribution.integrated_gradients(
    lambda y: probabilities(y)[own], x, affine=affine
  )
  _assert_equal_up_to_ties(fig.values, 2 * np.asarray(ig.values))


def test_ig_of_a_square_is_exact():
  # The integral of 2 a x^2 over a is x^2; the midpoint rule has no error.
  x = jnp.array([[1.0, -2.0], [0.5, 3.0]])
  found = attribution.integrated_gradients(
    lambda x: (x**2).sum(axis=1), x, rule='midpoint', num_steps=3
  )
  np.testing.assert_allclose(found.values, x**2, rtol=1e-6)
  np.testing.assert_allclose(found.completeness_gap, [0, 0], atol=1e-5)


@pytest.mark.parametrize('rule', attribution.RULES)
def test_the_gap_is_the_error_of_the_sum(rule):
  affine, rest, x = _network('mlp')

  def score(y):
    return jax.nn.softmax(rest(y))[:, 0]

  found = attribution.integrated_gradients(
    score, x, affine=affine, rule=rule, num_steps=3, baseline=0.5
  )
  start = jnp.full_like(x, 0.5)
  expected = found.values.sum(axis=1) - (
    score(affine(x)) - score(affine(start))
  )
  np.testing.assert_allclose(found.completeness_gap, expected, atol=1e-6)
  assert float(jnp.abs(found.completeness_gap).max()) > 1e-5
  finer = attribution.integrated_gradients(
    score, x, affine=affine, rule=rule, num_steps=400, baseline=0.5
  )
  ratio = jnp.abs(finer.completeness_gap) / jnp.abs(found.completeness_gap)
  assert float(jnp.median(ratio)) < 0.05


@pytest.mark.parametrize('nodes_per_chunk', [1, 7, 50, 60])
def test_chunks_do_not_change_the_result(nodes_per_chunk):
  affine, rest, x = _network('mlp')
  find = functools.partial(
    attribution.full_integrated_gradients, rest, x, TARGET, affine=affine
  )
  chunked = find(nodes_per_chunk=nodes_per_chunk)
  _assert_equal_up_to_ties(chunked.values, np.asarray(find().values))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_steps():
  affine, rest, _ = _network('hidden state of the CNN')

  def bytes_for(num_steps):
    def find(x):
      return attribution.full_integrated_gradients(
        lambda h: rest(affine(h)),
        x,
        jnp.zeros(len(x), jnp.int32),
        num_steps=num_steps,
        nodes_per_chunk=5,
      )

    x = jnp.zeros((64, 256))
    return jax.jit(find).lower(x).compile().memory_analysis().temp_size_in_bytes

  # One chunk's gradients are 5 x 64 x 256 floats; forty would be forty times.
  assert bytes_for(200) < 2 * bytes_for(10)


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float16])
def test_half_precision_input_is_attributed_in_float32(dtype):
  affine, rest, x = _network('mlp')
  x = x.astype(dtype)
  find = functools.partial(
    attribution.full_integrated_gradients, rest, target=TARGET, affine=affine
  )
  assert find(x=x).values.dtype == jnp.float32
  exact = find(x=x.astype(jnp.float32)).values
  _assert_equal_up_to_ties(find(x=x).values, np.asarray(exact))


def test_one_example_does_not_change_another():
  affine, rest, x = _network('mlp')
  target = TARGET
  broken = x.at[0].set(jnp.inf)

  def find(x):
    return attribution.full_integrated_gradients(
      lambda x: rest(affine(x)), x, target, nodes_per_chunk=10
    )

  found = jax.jit(find)(broken).values
  assert not np.isfinite(found[0]).all()
  _assert_equal_up_to_ties(found[1:], np.asarray(find(x).values)[1:])


def test_binarize_keeps_what_is_positive():
  values = jnp.array([-1.0, -0.0, 0.0, 1e-30, 2.0])
  found = attribution.binarize(values)
  np.testing.assert_array_equal(found, [0, 0, 0, 1, 1])
  assert found.dtype == values.dtype


def _bad(message, **changes):
  arguments = {
    'score_fn': lambda y: y @ jnp.ones((5, NUM_CLASSES)),
    'x': jnp.ones((6, 5)),
    'target': TARGET,
  } | changes
  return pytest.param(arguments, message, id=message)


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    _bad(r'target: .*0 to 9 \(10 classes\), got 10', target=TARGET + 1),
    _bad(r'target: .*, got -1', target=TARGET - 1),
    _bad(r'target: .*float32', target=TARGET.astype(float)),
    _bad(r'target: .*\(5,\)', target=TARGET[:5]),
    _bad(r'score_fn: .*\[6, C\], got shape \[6\]', score_fn=lambda y: y[:, 0]),
    _bad(
      r'score_fn: .*got shape \[10\]', score_fn=lambda y: jnp.ones(NUM_CLASSES)
    ),
    _bad('affine: expected an affine map', affine=jnp.tanh),
    _bad(
      'affine: expected an affine map', affine=lambda x: jax.nn.relu(x - 0.5)
    ),
    _bad(r'baseline: .*\(6, 5\), got \(4, 5\)', baseline=jnp.ones((4, 5))),
    _bad('x: expected floats', x=jnp.ones((6, 5), jnp.int32)),
    _bad('x: .*B at least 1', x=jnp.ones((0, 5))),
    _bad('baseline: .*got str', baseline='zeros'),
    _bad('baseline: .*got list', baseline=[[1.0], [1.0, 2.0]]),
    _bad('affine: .*got str', affine='zeros'),
    _bad(r'affine: .*states \[6, ...\]', affine=lambda x: x[0]),
    _bad('score_fn: .*NumPy', score_fn=lambda y: np.asarray(y)),
    _bad('num_steps: expected an integer of at least 1', num_steps=0),
    _bad('nodes_per_chunk: expected an integer of', nodes_per_chunk=0),
    _bad('rule: .*did you mean .right.', rule='rigth'),
  ],
)
def test_bad_input_is_named(arguments, message):
  with pytest.raises(errors.InputError, match=message):
    attribution.full_integrated_gradients(**arguments)


def test_a_score_that_is_no_vector_is_named():
  with pytest.raises(errors.InputError, match=r'score_fn: .*scores \[2\]'):
    attribution.integrated_gradients(lambda x: x, jnp.ones((2, 3)))


@pytest.mark.slow
@pytest.mark.parametrize('part', ['affine', 'score'])
def test_a_network_in_half_precision_is_integrated_in_float32(part):
  """The mean of 1000 gradients of 1, one by one, is 1 up to rounding."""

  def half(x):
    return x.astype(jnp.bfloat16)

  parts = {
    'affine': {'affine': half, 'score_fn': lambda y: y.sum(axis=1)},
    'score': {'score_fn': lambda x: half(x).sum(axis=1)},
  }
  x = jnp.ones((2, 3))
  found = attribution.integrated_gradients(
    x=x, num_steps=1000, nodes_per_chunk=1, **parts[part]
  )
  assert found.values.dtype == found.completeness_gap.dtype == jnp.float32
  # A thousand float32 additions.
  np.testing.assert_allclose(found.values, x, rtol=1000 * 2**-24)


def test_numpy_arrays_are_taken_as_they_are():
  found = attribution.integrated_gradients(
    lambda x: (x**2).sum(axis=1), np.ones((2, 3)), rule='midpoint'
  )
  np.testing.assert_allclose(found.values, np.ones((2, 3)), rtol=1e-5)


@pytest.mark.parametrize('rule', ['trapezoid', 'gauss_legendre'])
@pytest.mark.parametrize('nodes_per_chunk', [1, 2, 4])
def test_every_chunk_has_weights_of_its_own(rng, rule, nodes_per_chunk):
  """Against a literal sum, with weights that differ from chunk to chunk."""
  x, baseline = rng.normal(size=(2, 3, 4))
  if rule == 'trapezoid':
    nodes, weights = [0, 0.2, 0.4, 0.6, 0.8, 1], [0.1, 0.2, 0.2, 0.2, 0.2, 0.1]
  else:
    nodes, weights = np.polynomial.legendre.leggauss(5)
    nodes, weights = (nodes + 1) / 2, weights / 2
  expected = np.zeros_like(x)
  for node, weight in zip(nodes, weights, strict=True):
    # The derivative of exp is exp, at every point of the path.
    expected += weight * np.exp(baseline + node * (x - baseline))
  expected *= x - baseline
  found = attribution.integrated_gradients(
    lambda x: jnp.exp(x).sum(axis=1),
    jnp.asarray(x, jnp.float32),
    baseline=baseline,
    num_steps=5,
    rule=rule,
    nodes_per_chunk=nodes_per_chunk,
  )
  np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('nodes_per_chunk', [None, 3])
def test_what_equals_the_baseline_contributes_nothing(nodes_per_chunk):
  """Of a sum of roots each element's attribution is the sum's over its own.

  Where x is the baseline, 0, the gradient is infinite at every point.
  """
  x = jnp.array([[0.0, 0.25], [1.0, 0.0], [0.0, 0.0]])
  options = {'num_steps': 10, 'nodes_per_chunk': nodes_per_chunk}
  found = attribution.integrated_gradients(
    lambda x: jnp.sqrt(x).sum(axis=1), x, **options
  )
  # 1 / (2 sqrt(k / 10 x)), k = 1 to 10, times x, in the mean.
  mean = np.mean([0.5 / np.sqrt(k / 10) for k in range(1, 11)])
  np.testing.assert_allclose(found.values, np.sqrt(x) * mean, rtol=1e-5)
  full = attribution.full_integrated_gradients(
    jnp.sqrt, x, jnp.array([0, 0, 1]), **options
  )
  signs = np.array([[1, -1], [1, -1], [-1, 1]])
  np.testing.assert_allclose(
    full.values, signs * np.asarray(found.values), rtol=1e-5
  )
  assert np.isfinite(found.completeness_gap).all()


def test_an_affine_output_that_stays_contributes_nothing():
  """The second output stays 0 though both inputs move, with a slope of inf."""
  x = jnp.array([[1.0, 1.0]])
  affine = lambda x: jnp.stack([x.sum(axis=1), x[:, 0] - x[:, 1]], axis=1)
  found = attribution.integrated_gradients(
    lambda y: y[:, 0] + jnp.sqrt(jnp.abs(y[:, 1])), x, affine=affine
  )
  np.testing.assert_allclose(found.values, [[1.0, 1.0]], rtol=1e-5)
