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

  Returns:
    The `Plan`.

  Raises:
    errors.InputError: on an epsilon that is no number of at least 0, or a name
      without a classifier.
  """
  if epsilons is None:
    is_grey = data.images.shape[-1] == 1
    epsilons = GREY_EPSILONS if is_grey else COLOUR_EPSILONS
  for epsilon in epsilons:
    errors.check_range('epsilons', epsilon, high=1.0)
  crafted_on = _crafted_on(attacked, attacked_name)
  key = random_keys.root_key(seed)
  victim = predict if attacked is None else attacked
  make = _attacker(benchmark, victim, data, key)
  found = [cells.clean(data)]
  for epsilon in filter(None, epsilons):

    def corrupt(images, index, epsilon=epsilon):
      return make(images, index, jnp.float32(epsilon))

    found.append(cells.Cell(benchmark, epsilon, None, lambda: data, corrupt))
  processing = [f'crafted on {crafted_on}']
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
    return _ANOTHER if name is None else name
  if name is not None:
    expected = 'None unless another classifier is attacked'
    raise errors.InputError('attacked_name', expected, repr(name))
  return _ITSELF


def _attacker(benchmark, victim, data, key):
  """A jitted (images, index, epsilon) -> images of an attack."""
  labels = jnp.asarray(data.labels)
  least = int(data.labels.max()) + 1

  def checked(images):
    logits = victim(images)
    shape = getattr(logits, 'shape', ())
    if len(shape) != 2 or shape[1] < least:
      expected = f'logits [{len(images)}, C] with C at least {least}'
      got = f'shape {shape}' if shape else type(logits).__name__
      raise errors.InputError('attacked', expected, got)
    return logits

  loss_fn = attacks.cross_entropy(checked)

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
