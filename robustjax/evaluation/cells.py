"""The sets of a benchmark, each a cell of a sweep: how they are come by.

Either corrupted images are read as they were published, or they are made from
clean ones, batch by batch, next to the classifier: nothing is stored.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import os
from typing import Any
from typing import NamedTuple
import zlib

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import corruptions
from robustjax import errors
from robustjax import random_keys
from robustjax.corruptions import jpeg as jpeg_codec
from robustjax.data import sources
from robustjax.evaluation import checks
from robustjax.evaluation import corrupted_sets
from robustjax.evaluation import metrics
from robustjax.evaluation import published
from robustjax.evaluation import rows

# By benchmark: the corruptions it consists of, and further ones.
_TABLES = {
  'mnist_c': (corruptions.MNIST_C, corruptions.MNIST_C_FURTHER),
  'cifar10_c': (corruptions.CIFAR10_C, corruptions.CIFAR10_C_EXTRA),
  'imagenet_c': (corruptions.IMAGENET_C, corruptions.IMAGENET_C_EXTRA),
}
SAVED_QUALITY = 85  # of the JPEG files that ImageNet-C was published as


class Cell(NamedTuple):
  """One set of images.

  Attributes:
    corruption: its name, or 'identity' or 'clean'.
    amount: its strength where that is a number with a unit, else None.
    severity: its strength where that is a level, else None.
    open: reads the images and labels.
    corrupt: what is done to them, batch by batch; None for nothing.
  """

  corruption: str
  amount: float | None
  severity: int | None
  open: Callable[[], sources.DataSet]
  corrupt: metrics.Corrupt | None = None

  @property
  def label(self) -> str:
    """What tables call the set."""
    strength = self.severity if self.amount is None else self.amount
    return rows.label_of(self.corruption, strength)


class Plan(NamedTuple):
  """All sets of a sweep, and what a report says of them.

  Attributes:
    benchmark: its name.
    source: what the images are.
    origin: 'published' or 'generated'.
    processing: what is done to the images.
    cells: the sets, in order.
    attacked: the classifier that adversarial images are crafted on, where that
      is another than the one measured, else None.
  """

  benchmark: str
  source: str
  origin: str
  processing: tuple[str, ...]
  cells: tuple[Cell, ...]
  attacked: array_types.Predict | None = None


def _chosen(names: Sequence[str] | None, default, known) -> tuple[str, ...]:
  if names is None:
    return tuple(default)
  return checks.names('corruptions', names, known)


def _levels(benchmark: str, severities) -> tuple[int | None, ...]:
  if not corrupted_sets.has_severities(benchmark):
    if severities is not None:
      expected = f'None for {benchmark}'
      raise errors.InputError('severities', expected, checks.shown(severities))
    return (None,)
  if severities is None:
    return corrupted_sets.SEVERITIES
  return checks.levels('severities', severities, high=5)


def read_published(
  benchmark: str,
  folder: str | os.PathLike | None,
  *,
  names: Sequence[str] | None,
  severities: Sequence[int] | None,
  data_dir: str | os.PathLike | None,
) -> Plan:
  """The sets of a benchmark as they were published.

  Args:
    benchmark: a name in `published.BENCHMARKS`.
    folder: where the published files are; None for the TFDS data set in
      `data_dir`.
    names: of the corruptions; None for all of the benchmark.
    severities: which levels; None for all.
    data_dir: folder of prepared TFDS data sets.

  Returns:
    The `Plan`; all its sets are there.

  Raises:
    errors.InputError: if a set is missing or damaged.
  """
  names = _chosen(names, *published.corruption_names(benchmark))
  levels = _levels(benchmark, severities)
  found = published.find(benchmark, folder, data_dir=data_dir)
  found.check(names, None if None in levels else levels)
  cells = tuple(
    Cell(name, None, severity, found.opener(name, severity))
    for name in names
    for severity in levels
  )
  return Plan(benchmark, found.description, 'published', (), cells)


def _own_key(key: array_types.Key, name: str) -> array_types.Key:
  """A corruption's key: the same whichever others are tested."""
  return jax.random.fold_in(key, zlib.crc32(name.encode()))


def _to_levels(images: array_types.Array) -> array_types.Array:
  """Rounds to the 256 levels a file holds."""
  return jnp.round(images * 255) / 255


def generate(
  benchmark: str,
  data: sources.DataSet,
  *,
  names: Sequence[str] | None,
  severities: Sequence[int] | None,
  seed: int,
  jpeg: bool,
  frost_textures: array_types.Array | None,
) -> Plan:
  """MNIST-C, CIFAR-10-C or ImageNet-C made from clean images.

  Args:
    benchmark: 'mnist_c', 'cifar10_c' or 'imagenet_c'.
    data: the clean images.
    names: of the corruptions; None for those the benchmark consists of.
    severities: which levels; None for all. MNIST-C has none.
    seed: of all draws.
    jpeg: whether images are also compressed as ImageNet-C's files were.
    frost_textures: photographs for the frost, float [N, h, w, C] in [0, 1];
      None for a texture made up.

  Returns:
    The `Plan`. An image's draws depend on seed, corruption and place only.

  Raises:
    errors.InputError: on an unknown name or severity, or photographs without
      frost.
  """
  checks.choice('benchmark', benchmark, _TABLES)
  checks.data('data', data)
  table, further = _TABLES[benchmark]
  known = dict(table) | dict(further)
  names = _chosen(names, table, known)
  levels = _levels(benchmark, severities)
  errors.check_flag('jpeg', jpeg)
  if frost_textures is not None:
    _check_frost(benchmark, names, frost_textures)
  key = random_keys.root_key(seed)
  processing = ['rounded to uint8']
  if jpeg:
    processing.append(f'JPEG of quality {SAVED_QUALITY}')
  if 'frost' in table or 'frost' in names:
    processing.append(f'frost: {corruptions.frost_source(frost_textures)}')
  cells = [] if 'identity' in table else [clean(data)]
  for name in names:
    options = {}
    if name == 'frost' and frost_textures is not None:
      options['textures'] = frost_textures
    make = _maker(known[name], _own_key(key, name), jpeg, options)
    for severity in levels:
      cells.append(_generated_cell(name, data, make, severity))
  return Plan(
    benchmark, _of(data, seed), 'generated', tuple(processing), tuple(cells)
  )


def _check_frost(benchmark: str, names: Sequence[str], textures) -> None:
  """Refuses photographs of frost that are none, or of no use."""
  if 'frost' not in names:
    expected = f'None for {benchmark} without the corruption frost'
    raise errors.InputError('frost_textures', expected, 'photographs')
  if not isinstance(textures, corruptions.FrostTextures):
    expected = 'what corruptions.load_frost_textures gives'
    got = type(textures).__name__
    raise errors.InputError('frost_textures', expected, got)


def _of(data: sources.DataSet, seed: int) -> str:
  return f'{data.name} {data.split}, corrupted with seed {seed}'


def clean(data: sources.DataSet) -> Cell:
  """The set that is not corrupted."""
  return Cell('clean', None, None, lambda: data)


def _maker(corruption, key, jpeg: bool, options: dict[str, Any]):
  """A jitted (images, index, severity) -> images of a corruption."""

  @jax.jit
  def make(images, index, severity):
    images = corruption(key, images, severity=severity, index=index, **options)
    images = _to_levels(images)
    if jpeg:
      images = jpeg_codec.jpeg_compression(key, images, quality=SAVED_QUALITY)
    return images

  return make


def _generated_cell(name, data, make, severity) -> Cell:
  if name == 'identity':
    return Cell(name, None, None, lambda: data)
  level = None if severity is None else jnp.int32(severity)
  return Cell(
    name,
    None,
    severity,
    lambda: data,
    lambda images, index: make(images, index, level),
  )


def degrade(
  data: sources.DataSet,
  *,
  names: Sequence[str] | None,
  amounts: Mapping[str, Sequence[float]] | None = None,
  seed: int,
) -> Plan:
  """Clean images at several amounts of the plain degradations.

  Args:
    data: the clean images.
    names: in `corruptions.DEGRADATIONS`, at all its amounts; None for all.
    amounts: by name; None for those of `names`.
    seed: of all draws.

  Returns:
    The `Plan`; images are not rounded.

  Raises:
    errors.InputError: on an unknown name or a negative amount.
  """
  checks.data('data', data)
  table = corruptions.DEGRADATIONS
  if amounts is not None and names is not None:
    expected = 'None with amounts'
    raise errors.InputError('corruptions', expected, checks.shown(names))
  if amounts is None:
    names = _chosen(names, table, table)
    channels = data.images.shape[-1]
    amounts = {name: table[name].amounts_of(channels) for name in names}
  key = random_keys.root_key(seed)
  cells = [clean(data)]
  if not isinstance(amounts, Mapping):
    expected = 'lists of amounts by name of a degradation'
    raise errors.InputError('amounts', expected, checks.shown(amounts))
  for name in amounts:
    checks.choice('amounts', name, table)
    function = jax.jit(table[name].function)
    for amount in filter(None, checks.numbers('amounts', amounts[name])):

      def corrupt(images, index, function=function, amount=amount, name=name):
        own = _own_key(key, name)
        return function(own, images, amount=jnp.float32(amount), index=index)

      cells.append(Cell(name, amount, None, lambda: data, corrupt))
  return Plan('degradations', _of(data, seed), 'generated', (), tuple(cells))
