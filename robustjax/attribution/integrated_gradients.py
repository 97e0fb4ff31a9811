r"""Integrated Gradients, and NoiseOut's Full Integrated Gradients, cheaply.

Integrated Gradients (IG) share the difference between a score at x and at a
baseline x' among the elements of x:

.. math:: IG(x) = (x - x') \cdot \int_0^1 \nabla F(x' + a (x - x')) \, da

Full Integrated Gradients (FIG; NoiseOut, Eq. 3) add the IG of the target class
and subtract those of all others: what is positive speaks for the target against
the rest. As printed that takes a backward pass per class and step. Two
identities make it one:

1. IG is linear in F: FIG is the IG of the single score sum_j s_j F_j.
2. IG commutes with an affine map applied first: if F = G(A(x)) with A affine,
   A runs once, the steps run on its (smaller) output, and A's transpose is
   applied once, to the mean gradient.

Everything here takes functions and arrays [B, ...], of any shape. It is
computed and returned in float32, or float64 if x is. Where x equals the
baseline an attribution is 0, infinite though the gradient may be there.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.attribution import checks
from robustjax.attribution import quadrature

# A matrix product that rounds its factors to bfloat16, as accelerators may,
# differs from its exact value by half a per cent of the largest output.
_AFFINE_TOLERANCE = 0.01

ScoreFn = Callable[[array_types.Array], array_types.Array]


class Attribution(NamedTuple):
  """Attributions, and how far they are from complete.

  Attributes:
    values: same shape as x: what each element contributes.
    completeness_gap: [B], the sum of an example's values minus F(x) - F(x'):
      zero but for the error of the quadrature.
  """

  values: array_types.Array
  completeness_gap: array_types.Array


class _Path(NamedTuple):
  """A straight line in the space the score reads.

  Attributes:
    start: the baseline there, [B, ...] or [1, ...].
    end: [B, ...].
    pull_back: gradient there [B, ...] -> gradient with respect to x.
    to_go: x - baseline.
  """

  start: array_types.Array
  end: array_types.Array
  pull_back: Callable[[array_types.Array], array_types.Array]
  to_go: array_types.Array


def integrated_gradients(
  score_fn: ScoreFn,
  x: array_types.Array,
  *,
  baseline: array_types.ArrayLike | None = None,
  num_steps: int = 50,
  rule: str = 'right',
  affine: ScoreFn | None = None,
  nodes_per_chunk: int | None = None,
) -> Attribution:
  """Integrated Gradients of a score (NoiseOut, Eq. 2).

  Args:
    score_fn: [B, ...] -> scores [B], each of its own example only; with
      `affine` it takes what that returns.
    x: float [B, ...].
    baseline: x', of x's shape, or one that broadcasts to it; None is zeros.
    num_steps: m, 1 to 10000; the paper's is 50.
    rule: a name in `RULES`; the paper's is `right`.
    affine: A, an affine map [B, ...] -> [B, ...] of each example, applied
      before `score_fn`. Outside `jit` it is checked with `check_affine`.
    nodes_per_chunk: how many steps are taken at once; fewer need less memory.
      None takes all.

  Returns:
    An `Attribution`; its values sum to score(x) - score(x') for each example,
    but for the gap.

  Raises:
    errors.InputError: on x that is no float array with a batch axis, a baseline
      that does not fit, a score function that does not return floats [B] or
      cannot be differentiated, an affine map that is not affine, another number
      of steps or nodes, or an unknown rule.

  Example:
    >>> import jax.numpy as jnp
    >>> score = lambda x: (x**2).sum(axis=-1)
    >>> found = integrated_gradients(
    ...   score, jnp.array([[1.0, 2.0]]), rule='midpoint'
    ... )
    >>> [round(float(value), 4) for value in found.values[0]]
    [1.0, 4.0]

  References:
    Sundararajan et al. Axiomatic Attribution for Deep Networks. 2017.
    NoiseOut, Eq. 2.
  """
  nodes, weights = quadrature.nodes_and_weights(rule, num_steps)
  if nodes_per_chunk is not None:
    errors.check_integer('nodes_per_chunk', nodes_per_chunk, low=1)
  path = _make_path(x, baseline, affine)
  checks.check_scores(score_fn, path.end, ndim=1)

  def precise_score(points):
    return checks.at_least_float32(score_fn(points))

  gradient = _mean_gradient(
    precise_score, path, nodes, weights, nodes_per_chunk or len(nodes)
  )
  gradient = checks.drop_unmoved(gradient, path.end == path.start)
  values = path.to_go * path.pull_back(gradient)
  start = jnp.broadcast_to(path.start, path.end.shape)
  difference = precise_score(path.end) - precise_score(start)
  total = values.reshape(len(values), -1).sum(axis=1)
  return Attribution(values, total - difference.astype(total.dtype))


def full_integrated_gradients(
  score_fn: ScoreFn,
  x: array_types.Array,
  target: array_types.Array,
  *,
  baseline: array_types.ArrayLike | None = None,
  num_steps: int = 50,
  rule: str = 'right',
  affine: ScoreFn | None = None,
  nodes_per_chunk: int | None = None,
) -> Attribution:
  r"""Full Integrated Gradients of a classifier (NoiseOut, Eq. 3).

  .. math:: FIG(x) = IG_{target}(x) - \sum_{j \ne target} IG_j(x)

  With class probabilities this is 2 IG of the target, since they sum to one;
  with logits or log-probabilities the other classes matter.

  Args:
    score_fn: [B, ...] -> scores [B, C], each row of its own example only; with
      `affine` it takes what that returns.
    x: float [B, ...].
    target: int [B] in [0, C); checked unless traced.
    baseline: as for `integrated_gradients`.
    num_steps: as for `integrated_gradients`.
    rule: as for `integrated_gradients`.
    affine: as for `integrated_gradients`.
    nodes_per_chunk: as for `integrated_gradients`.

  Returns:
    An `Attribution`.

  Raises:
    errors.InputError: on targets that are no classes, integers [B], a score
      function that does not return floats [B, C], and as
      `integrated_gradients`.

  References:
    NoiseOut, Eq. 3, as one score with signs: equal, at one gradient.
  """
  x = checks.as_input(x)
  read = x
  if affine is not None:
    checks.shape_of('affine', affine, x, f'states [{len(x)}, ...]')
    read = jax.eval_shape(affine, x)
  num_classes = checks.check_scores(score_fn, read, ndim=2)
  errors.check_labels('target', target, size=len(x), num_classes=num_classes)

  def signed_score(points):
    scores = checks.at_least_float32(score_fn(points))
    signs = 2 * jax.nn.one_hot(target, num_classes, dtype=scores.dtype) - 1
    return jnp.sum(signs * scores, axis=-1)

  return integrated_gradients(
    signed_score,
    x,
    baseline=baseline,
    num_steps=num_steps,
    rule=rule,
    affine=affine,
    nodes_per_chunk=nodes_per_chunk,
  )


def binarize(values: array_types.Array) -> array_types.Array:
  """1 where a value is positive, 0 elsewhere; same shape and dtype.

  Raises:
    errors.InputError: on what is no array of floats.

  References:
    NoiseOut, Eq. 8: which states a gate should let pass.
  """
  errors.check_floats('values', values, '[...]')
  return (values > 0).astype(values.dtype)


def check_affine(
  affine: ScoreFn, x: array_types.Array, baseline: array_types.Array
) -> None:
  """Raises errors.InputError if a map is not affine between two points.

  While a program is traced its values are not known, and nothing is checked.

  Args:
    affine: the map, [B, ...] -> [B, ...].
    x: [B, ...].
    baseline: [B, ...] or [1, ...].

  Raises:
    errors.InputError: if the value halfway is not the mean of those at the
      ends, or on what is no function, or no arrays of floats that fit.
  """
  errors.check_states('x', x, min_ndim=1)
  errors.check_states('baseline', baseline, min_ndim=1)
  _check_fit(baseline.shape, x.shape)
  checks.shape_of('affine', affine, x, f'states [{len(x)}, ...]')
  if isinstance(x, jax.core.Tracer) or isinstance(baseline, jax.core.Tracer):
    return
  points = (baseline, baseline + (x - baseline) / 2, x)
  values = [affine(point) for point in points]
  if isinstance(values[0], jax.core.Tracer):
    return
  start, middle, end = (np.asarray(value, np.float64) for value in values)
  with np.errstate(invalid='ignore'):  # Of x that is not finite: nan, refused.
    error = np.abs(middle - (start + end) / 2).max(initial=0)
  scale = max(np.abs(start).max(initial=0), np.abs(end).max(initial=0))
  if not error <= _AFFINE_TOLERANCE * scale:
    expected = 'an affine map: halfway, the mean of its values at both ends'
    raise errors.InputError('affine', expected, f'an error of {error:.3g}')


def _mean_gradient(score_fn, path, nodes, weights, nodes_per_chunk):
  """The weighted mean over the path of the score's gradient there."""
  gradients_at = jax.vmap(jax.grad(lambda points: jnp.sum(score_fn(points))))
  dtype, tail = path.end.dtype, (1,) * path.end.ndim
  step = path.end - path.start
  total = jnp.zeros_like(path.end)
  # Unrolled: a loop around a convolution is many times slower on CPU.
  for first in range(0, len(nodes), nodes_per_chunk):
    chunk = slice(first, first + nodes_per_chunk)
    at = _after(total, jnp.asarray(nodes[chunk], dtype)).reshape(-1, *tail)
    gradients = gradients_at(path.start[None] + at * step[None])
    share = jnp.asarray(weights[chunk], dtype).astype(gradients.dtype)
    total += jnp.tensordot(share, gradients, axes=1)
  return total


def _after(awaited, value):
  """The value, known to the compiler only once `awaited` is computed.

  It keeps chunks one after the other, so that they share memory. On CPU,
  `jax.lax.optimization_barrier` is gone before XLA orders its operations.
  """
  element = awaited.reshape(-1)[0]
  never = jnp.isnan(element) & jnp.isinf(element)
  return value + never.astype(value.dtype)


def _make_path(x, baseline, affine) -> _Path:
  x = checks.as_input(x)
  baseline = _as_baseline(baseline, x)
  to_go = x - baseline
  if affine is None:
    return _Path(baseline, x, lambda gradient: gradient, to_go)
  check_affine(affine, x, baseline)

  def precise(point):
    return checks.at_least_float32(affine(point))

  end, transpose = jax.vjp(precise, x)
  return _Path(precise(baseline), end, lambda g: transpose(g)[0], to_go)


def _as_baseline(baseline, x):
  """The baseline as [1, ...] where it is the same for all, else [B, ...]."""
  if baseline is None:
    return jnp.zeros_like(x[:1])
  try:
    baseline = jnp.asarray(baseline)
  except (TypeError, ValueError) as error:  # Text, or rows of several lengths.
    got = type(baseline).__name__
    raise errors.InputError('baseline', 'an array of floats', got) from error
  if jnp.iscomplexobj(baseline):
    raise errors.InputError('baseline', 'an array of floats', 'complex ones')
  padded = (1,) * (x.ndim - baseline.ndim) + baseline.shape
  _check_fit(padded, x.shape)
  baseline = baseline.astype(x.dtype)
  return jnp.broadcast_to(baseline, (padded[0], *x.shape[1:]))


def _check_fit(shape, of_x) -> None:
  """Whether a baseline of this shape broadcasts along the axes of x."""
  fits = len(shape) == len(of_x) and all(
    size in (1, size_of_x) for size, size_of_x in zip(shape, of_x, strict=True)
  )
  if not fits:
    expected = f'a shape that broadcasts to that of x, {of_x}'
    raise errors.InputError('baseline', expected, f'{shape}')
