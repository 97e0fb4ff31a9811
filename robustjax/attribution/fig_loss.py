r"""The FIG loss: gates are taught by what Full Integrated Gradients say.

NoiseOut, section 3.3. A gate should let a hidden state pass where it speaks for
the true class against all others, and shut it out where it does not:

.. math:: L = CE + \lambda \; mean_{b,k} (b(FIG(z))_{bk} - \Omega_{bk})^2

with :math:`b` 1 where FIG is positive, :math:`z` the states the gate reads and
:math:`\Omega` the gates. This is the second term, for the gates and the head of
any model: linen, NNX or plain functions.
"""

from collections.abc import Callable
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.attribution import checks
from robustjax.attribution import integrated_gradients

# What FIG attributes, of logits [B, C].
SCORES: Mapping[str, Callable[[array_types.Array], array_types.Array]] = {
  'probability': jax.nn.softmax,
  'log_probability': jax.nn.log_softmax,
  'logit': lambda logits: logits,
}
REDUCTIONS = ('mean', 'sum')

LogitsFn = Callable[[array_types.Array], array_types.Array]


def fig_targets(
  logits_fn: LogitsFn,
  hidden: array_types.Array,
  labels: array_types.Array,
  *,
  affine: LogitsFn | None = None,
  score: str = 'probability',
  num_steps: int = 50,
  rule: str = 'right',
  nodes_per_chunk: int | None = None,
) -> array_types.Array:
  """What FIG says each gate should be: 1 lets its state pass, 0 shuts it out.

  Args:
    logits_fn: hidden states [B, K] -> logits [B, C], each row of its own
      example only, without noise or dropout: the classifier above the gate.
      With `affine` it takes what that returns. Its parameters get no gradient;
      where they are `jax.lax.stop_gradient` of those that are trained, JAX also
      spends no time on finding that out.
    hidden: float [B, K], the states the gates read. They get no gradient.
    labels: int [B] in [0, C); checked unless traced.
    affine: the first, affine layer of the classifier above the gate, if
      `logits_fn` is the rest of it: then FIG costs about one gradient of the
      whole, whatever the number of steps.
    score: what FIG attributes, a name in `SCORES`.
    num_steps: m of the integral.
    rule: a name in `RULES`.
    nodes_per_chunk: as for `integrated_gradients`.

  Returns:
    0 or 1, [B, K], at least float32.

  Raises:
    errors.InputError: on an unknown score, what is no function, and as
      `full_integrated_gradients`.

  References:
    NoiseOut, Eq. 3 and 8.
  """
  errors.check_choice('score', score, SCORES)
  errors.check_function('logits_fn', logits_fn)
  hidden = checks.as_input(hidden, 'hidden')
  found = integrated_gradients.full_integrated_gradients(
    lambda states: SCORES[score](logits_fn(states)),
    jax.lax.stop_gradient(hidden),
    labels,
    num_steps=num_steps,
    rule=rule,
    affine=affine,
    nodes_per_chunk=nodes_per_chunk,
  )
  return integrated_gradients.binarize(found.values)


def fig_loss(
  logits_fn: LogitsFn,
  hidden: array_types.Array,
  gates: array_types.Array,
  labels: array_types.Array,
  *,
  reduction: str = 'mean',
  **options,
) -> array_types.Array:
  """How far gates are from what FIG says they should be.

  To be added to the cross entropy, times lambda (the paper's is 0.5). Its
  gradient reaches the gates, and through them their parameters and the layers
  below; what FIG says carries none.

  Args:
    logits_fn: as for `fig_targets`.
    hidden: float [B, K], the states the gates read: `hidden` of what
      `layers.NoiseOut(...).forward` gives.
    gates: float [B, K], Omega: `gates` of the same.
    labels: int [B] in [0, C); checked unless traced.
    reduction: `mean` over batch and states, or `sum` over states and mean over
      the batch: Eq. 9 to the letter.
    **options: of `fig_targets`: affine, score, num_steps, rule,
      nodes_per_chunk.

  Returns:
    A scalar, at least float32.

  Raises:
    errors.InputError: on gates of another shape, an unknown reduction, and as
      `fig_targets`.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> from robustjax import layers
    >>> layer = layers.NoiseOut(rate=0.2, gate='dense')
    >>> head = jax.random.normal(jax.random.key(0), [12, 10])
    >>> states, labels = jnp.ones([4, 12]), jnp.array([3, 1, 4, 1])
    >>> variables = layer.init(jax.random.key(1), states)
    >>> def loss(variables, key):
    ...   gated = layer.apply(
    ...     variables, states, train=True, rngs={'noise': key}, method='forward'
    ...   )
    ...   log_p = jax.nn.log_softmax(gated.output @ head)
    ...   cross_entropy = -jnp.mean(log_p[jnp.arange(4), labels])
    ...   fig = fig_loss(lambda h: h @ head, gated.hidden, gated.gates, labels)
    ...   return cross_entropy + 0.5 * fig
    >>> gradient = jax.jit(jax.grad(loss))(variables, jax.random.key(2))
    >>> gradient['params'].keys()
    dict_keys(['gating'])

  References:
    NoiseOut, Eq. 9: its second term, before lambda.
  """
  errors.check_choice('reduction', reduction, REDUCTIONS)
  errors.check_states('hidden', hidden)
  errors.check_states('gates', gates)
  if gates.shape != hidden.shape:
    expected = f'shape {hidden.shape}, as the hidden states'
    raise errors.InputError('gates', expected, f'shape {gates.shape}')
  targets = fig_targets(logits_fn, hidden, labels, **options)
  chex.assert_equal_shape((targets, gates))
  squares = jnp.square(targets - gates.astype(targets.dtype))
  per_example = squares.reshape(len(squares), -1)
  per_example = getattr(per_example, reduction)(axis=1)
  return per_example.mean()
