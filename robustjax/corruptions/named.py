"""A corruption by name, with the strengths that are tested."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import inspect
from typing import Any

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors

# Long sums, as of a matmul, which XLA may take in another order in another
# batch.
_SUMS = (
  'gaussian_blur',
  'zoom_blur',
  'frost',
  'contrast',
  'elastic_transform',
)


class Table(dict):
  """Corruptions by name: a dict whose brackets say what a wrong name was.

  `table['fogg']` raises errors.InputError with the closest name; `in`, `get`
  and all else are those of a dict.
  """

  def __init__(self, corruptions: Iterable['Corruption | Degradation']):
    """In the order they are given."""
    super().__init__((one.name, one) for one in corruptions)

  def __getitem__(self, name: str) -> 'Corruption | Degradation':
    errors.check_choice('corruption', name, self)
    return super().__getitem__(name)


# Compared and hashed by identity, so that `jax.jit` takes them as functions.
@dataclasses.dataclass(frozen=True, eq=False)
class Degradation:
  """A corruption whose strength is a number.

  Attributes:
    name: as in `DEGRADATIONS`.
    function: the function behind `__call__`; may be jitted, with `amount`
      traced.
    amounts: the strengths a sweep tests on grey images; 0 is the identity.
    unit: what an amount measures.
    source: where definition and amounts come from.
    colour_amounts: those on colour images; None for the same.
  """

  name: str
  function: Callable[..., array_types.Array]
  amounts: tuple[float, ...]
  unit: str
  source: str
  colour_amounts: tuple[float, ...] | None = None

  def amounts_of(self, num_channels: int) -> tuple[float, ...]:
    """The strengths a sweep tests on images of 1 or 3 channels."""
    is_grey = num_channels == 1 or self.colour_amounts is None
    return self.amounts if is_grey else self.colour_amounts

  def __call__(
    self,
    key: array_types.Key,
    images: array_types.Array,
    *,
    amount: array_types.ArrayLike,
    index: array_types.Array | None = None,
  ) -> array_types.Array:
    """Corrupts images float [B, H, W, C] in [0, 1]; same shape and range."""
    return self.function(key, images, amount=amount, index=index)


@dataclasses.dataclass(frozen=True, eq=False)
class Corruption:
  """A corruption with the strengths its benchmark tests.

  Attributes:
    name: as in `MNIST_C` or `IMAGENET_C`.
    function: `(key, images, *, index, **parameters) -> images`; may be jitted,
      with the parameters traced.
    severities: the parameters at each severity; one for MNIST-C, whose every
      corruption has one strength, five for ImageNet-C.
    source: where definition and parameters come from.
    is_exact: whether pixels do not depend on the batch at all; else they may
      by 2e-6, because the corruption is a matmul, or a sum as long, over the
      batch.
  """

  name: str
  function: Callable[..., array_types.Array]
  severities: tuple[Mapping[str, float], ...]
  source: str
  is_exact: bool = True

  def __call__(
    self,
    key: array_types.Key,
    images: array_types.Array,
    *,
    severity: array_types.ArrayLike | None = None,
    index: array_types.Array | None = None,
    **options: Any,
  ) -> array_types.Array:
    """Corrupts images.

    Args:
      key: random key.
      images: float [B, H, W, C] in [0, 1], C 1 or 3.
      severity: 1 to the number of severities, an integer or an array [] of
        one; may be traced, and is then not checked. Not given where there is
        but one.
      index: int [B], place of each image in its set; 0..B-1 by default. The
        draws of an image depend on `key` and its index only.
      **options: further arguments of `function`, such as frost's `textures`.

    Returns:
      The corrupted images, same shape and dtype, in [0, 1].

    Raises:
      errors.InputError: on what is no key, another severity, an option the
        function does not have, or other images.
    """
    parameters = self.parameters(severity)
    self._check_options(options)
    return self.function(key, images, index=index, **parameters, **options)

  def parameters(self, severity: array_types.ArrayLike | None = None):
    """The function's parameters at a severity, traced if that is."""
    count = len(self.severities)
    if count == 1 and severity is None:
      severity = 1
    errors.check_whole('severity', severity, low=1, high=count)
    if not isinstance(severity, jax.core.Tracer):
      return dict(self.severities[int(severity) - 1])
    return {
      name: jnp.asarray([one[name] for one in self.severities])[severity - 1]
      for name in self.severities[0]
    }

  def _check_options(self, options: Mapping[str, Any]) -> None:
    if not options:
      return
    known = inspect.signature(self.function).parameters.values()
    if any(one.kind == one.VAR_KEYWORD for one in known):
      return
    taken = ('index', *self.severities[0])
    names = [one.name for one in known if one.kind == one.KEYWORD_ONLY]
    names = [name for name in names if name not in taken]
    for option in options:
      field = f'option of {self.name}'
      errors.check_choice(field, option, names or ['none'])


def make_table(source: str, *entries) -> Table:
  """Corruptions by name.

  Args:
    source: where definitions and parameters come from.
    *entries: (name, function, {parameter: its value at each severity}).

  Returns:
    The `Corruption`s, in this order.
  """
  table = []
  for name, function, values in entries:
    count = max(map(len, values.values()), default=1)
    severities = tuple(
      {parameter: each[i] for parameter, each in values.items()}
      for i in range(count)
    )
    is_exact = name not in _SUMS
    table.append(Corruption(name, function, severities, source, is_exact))
  return Table(table)
