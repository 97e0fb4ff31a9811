"""Adversarial images, crafted batch by batch, as the cells of a sweep.

They are crafted on the classifier that is measured, or on another one: then
they are a transfer attack, by one who does not have the classifier itself.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import attacks
from robustjax import errors
from robustjax import random_keys
from robustjax.data import sources
from robustjax.evaluation import cells
from robustjax.evaluation import checks

GREY_EPSILONS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
COLOUR_EPSILONS = (1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)
PGD_STEPS = 20
PGD_REACH = 2.5  # times epsilon: what all steps together can go

_ITSELF = 'the classifier itself'
_ANOTHER = 'another classifier'


def attack(
  benchmark: str,
  predict: array_types.Predict,
  data: sources.DataSet,
  *,
  epsilons: Sequence[float] | None,
  seed: int,
  attacked: array_types.Predict | None = None,
  attacked_name: str | None = None,
  loss: str = 'softmax',
) -> cells.Plan:
  """Clean images, and the worst a classifier can be shown within epsilon.

  Args:
    benchmark: a name in `attacks.ATTACKS`.
    predict: the classifier measured.
    data: the clean images.
    epsilons: largest changes of a value; None for those of the papers, for grey
      or for colour images.
    seed: of PGD's starts.
    attacked: the classifier the images are crafted on, differentiable; None for
      `predict`.
    attacked_name: what reports call it; None for 'another classifier'.
    loss: what the attack raises, a name in `LOSSES`: that which the classifier
      attacked was trained with.

  Returns:
    The `Plan`.

  Raises:
    errors.InputError: on an epsilon that is no number in [0, 1], a name without
      a classifier, or another loss.
  """
  checks.choice('benchmark', benchmark, attacks.ATTACKS)
  checks.data('data', data)
  if epsilons is None:
    is_grey = data.images.shape[-1] == 1
    epsilons = GREY_EPSILONS if is_grey else COLOUR_EPSILONS
  epsilons = checks.numbers('epsilons', epsilons, high=1.0)
  checks.choice('loss', loss, LOSSES)
  crafted_on = _crafted_on(attacked, attacked_name)
  key = random_keys.root_key(seed)
  victim = predict if attacked is None else attacked
  make = _attacker(benchmark, victim, data, key, loss)
  found = [cells.clean(data)]
  for epsilon in filter(None, epsilons):

    def corrupt(images, index, epsilon=epsilon):
      return make(images, index, jnp.float32(epsilon))

    found.append(cells.Cell(benchmark, epsilon, None, lambda: data, corrupt))
  processing = [f'crafted on {crafted_on}']
  if loss != 'softmax':
    processing.append(f'by its {loss} cross entropy')
  if benchmark == 'pgd':
    processing.append(
      f'{PGD_STEPS} steps of {PGD_REACH:g} epsilon / {PGD_STEPS}'
    )
  source = f'{data.name} {data.split}, attacked with seed {seed}'
  return cells.Plan(
    benchmark, source, 'generated', tuple(processing), tuple(found), attacked
  )


def _crafted_on(attacked, name: str | None) -> str:
  if attacked is not None:
    checks.predict('attacked', attacked)
    if name is not None and (not isinstance(name, str) or not name):
      raise errors.InputError('attacked_name', 'a name', checks.shown(name))
    return _ANOTHER if name is None else name
  if name is not None:
    expected = 'None unless another classifier is attacked'
    raise errors.InputError('attacked_name', expected, checks.shown(name))
  return _ITSELF


def sigmoid_cross_entropy(predict: array_types.Predict) -> attacks.LossFn:
  """The loss of a classifier that was trained with a sigmoid on each class.

  Args:
    predict: images [B, H, W, C] to logits [B, C], differentiable.

  Returns:
    (images, labels int [B] in [0, C)) to the binary cross entropy of each
    image, mean over classes, [B].
  """

  def loss_fn(images, labels):
    logits = predict(images)
    logits = logits.astype(array_types.at_least_float32(logits.dtype))
    is_class = jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype)
    # -log sigmoid(x) for the true class, -log(1 - sigmoid(x)) for the others.
    signed = jnp.where(is_class == 1, -logits, logits)
    return jax.nn.softplus(signed).mean(axis=1)

  return loss_fn


LOSSES = {
  'softmax': attacks.cross_entropy,
  'sigmoid': sigmoid_cross_entropy,
}
# What JAX raises where a function reads values that are not known yet.
_TRACING_ERRORS = (
  jax.errors.TracerArrayConversionError,
  jax.errors.TracerIntegerConversionError,
  jax.errors.ConcretizationTypeError,
)


def _attacker(benchmark, victim, data, key, loss):
  """A jitted (images, index, epsilon) -> images of an attack."""
  labels = jnp.asarray(data.labels)
  least = int(data.labels.max()) + 1

  def checked(images):
    try:
      logits = victim(images)
    except _TRACING_ERRORS as error:
      expected = f'a function that JAX can differentiate, for {benchmark}'
      got = 'one that reads the values of its images, as NumPy does'
      raise errors.InputError('predict', expected, got) from error
    shape = getattr(logits, 'shape', None)
    if shape is None or len(shape) != 2 or shape[1] < least:
      expected = f'logits [{len(images)}, C] with C at least {least}'
      got = type(logits).__name__ if shape is None else f'shape {shape}'
      raise errors.InputError('attacked', expected, got)
    if not checks.is_float(logits.dtype):
      got = f'dtype {logits.dtype}'
      raise errors.InputError('predict', 'logits of floats', got)
    return logits

  loss_fn = LOSSES[loss](checked)

  @jax.jit
  def make(images, index, epsilon):
    # A last batch that is filled up has places beyond the last image.
    own = labels.at[index].get(mode='clip')
    if benchmark == 'fgsm':
      return attacks.fgsm(loss_fn, images, own, epsilon=epsilon)
    return attacks.pgd(
      jax.random.fold_in(key, index[0]),
      loss_fn,
      images,
      own,
      epsilon=epsilon,
      step_size=PGD_REACH * epsilon / PGD_STEPS,
      num_steps=PGD_STEPS,
    )

  return make
