"""Two classifiers on the same images, corruption by corruption.

Results on the same images are paired: images that both get right, or both
wrong, say nothing about which is better. So what each says of every image is
needed (`predictions.Predictions`), not only how often it is right.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from robustjax import errors
from robustjax.evaluation import checks
from robustjax.evaluation import predictions
from robustjax.evaluation import rows as rows_lib
from robustjax.evaluation import statistics
from robustjax.evaluation import tables

# What was said of the sets of each corruption, one per severity or amount.
BySet = Mapping[str, Sequence[predictions.Predictions]]


class Compared(NamedTuple):
  """Two classifiers on the sets of one corruption, or of several.

  Attributes:
    name: of the corruption.
    ours: mean accuracy over the sets, in [0, 1].
    others: the same of the other classifier.
    difference: ours minus others, with its 95 % bootstrap interval over images.
    test: McNemar's.
    adjusted_p: its p-value, by Holm's correction over all corruptions; that of
      the set that is not corrupted stays as it is.
  """

  name: str
  ours: float
  others: float
  difference: statistics.Interval
  test: statistics.McNemar
  adjusted_p: float


class Comparison(NamedTuple):
  """Two classifiers on a benchmark.

  Attributes:
    overall: over all sets; its p-value needs no correction.
    corruptions: one by one.
  """

  overall: Compared
  corruptions: tuple[Compared, ...]

  def to_dict(self) -> dict[str, Any]:
    """All of it, as plain Python values."""
    return {
      'overall': _to_dict(self.overall),
      'corruptions': [_to_dict(one) for one in self.corruptions],
    }

  def to_markdown(self, ours: str, others: str) -> str:
    """A table with a line per corruption.

    Args:
      ours: name of the first classifier.
      others: name of the second.

    Returns:
      Accuracies in per cent, their difference with its interval, and p-values.
    """
    head = ('set', ours, others, 'difference (95 %)', 'p', 'p, Holm')
    overall = (*_cells(self.overall)[:-1], '')  # One test: no correction.
    every = [head, overall, *(_cells(one) for one in self.corruptions)]
    return tables.markdown(every)


def by_corruption(
  rows: Iterable[rows_lib.Row], found: Iterable[predictions.Predictions]
) -> dict[str, list[predictions.Predictions]]:
  """Predictions by the corruption of their rows, in order.

  Args:
    rows: results on the sets.
    found: what was said of their images, in the same order.

  Returns:
    What `compare` takes.

  Raises:
    errors.InputError: if there are not as many of both, or none.
  """
  rows = checks.items('rows', rows, 'row')
  found = checks.items('found', found, 'set of predictions')
  for row in rows:
    if not isinstance(row, rows_lib.Row):
      raise errors.InputError('rows', 'results on sets', checks.shown(row))
  if len(rows) != len(found):
    expected = f'predictions of {len(rows)} sets'
    raise errors.InputError('found', expected, str(len(found)))
  grouped = {}
  for row, one in zip(rows, found, strict=True):
    grouped.setdefault(row.corruption, []).append(one)
  return grouped


def compare(ours: BySet, others: BySet, **options) -> Comparison:
  """Compares two classifiers on the same images.

  Args:
    ours: predictions by corruption, from `by_corruption`; all sets show the
      same images in the same order.
    others: those of the other classifier.
    **options: of `statistics.bootstrap_interval`.

  Returns:
    The `Comparison`.

  Raises:
    errors.InputError: if they are not of the same sets, or a set has other
      labels.
  """
  for field, value in (('ours', ours), ('others', others)):
    _check_sets(field, value)
  if {k: len(v) for k, v in ours.items()} != {
    k: len(v) for k, v in others.items()
  }:
    expected = f'the sets of ours: {_names(ours)}'
    raise errors.InputError('others', expected, _names(others))
  _check_labels(ours, next(iter(ours.values()))[0].labels)
  _check_labels(others, next(iter(ours.values()))[0].labels)
  ours = {name: _is_correct(found) for name, found in ours.items()}
  others = {name: _is_correct(found) for name, found in others.items()}
  compared = [
    _compared(name, ours[name], others[name], options) for name in ours
  ]
  adjusted = {one.name: one.test.p_value for one in compared}
  adjusted |= statistics.holm(
    {k: p for k, p in adjusted.items() if k not in rows_lib.CLEAN}
  )
  every = [np.concatenate(list(one.values())) for one in (ours, others)]
  overall = _compared(f'mean of all {len(every[0])} sets', *every, options)
  return Comparison(
    overall,
    tuple(one._replace(adjusted_p=adjusted[one.name]) for one in compared),
  )


def intervals(
  rows: Sequence[rows_lib.Row],
  found: Sequence[predictions.Predictions],
  **options,
) -> dict[str, tuple[float, float]]:
  """Intervals over images of a classifier's means over sets.

  Args:
    rows: results on sets that show the same images in the same order.
    found: what was said of their images, in the order of the rows.
    **options: of `statistics.bootstrap_interval`.

  Returns:
    (low, high) of 'accuracy' and, if there are corrupted sets, of
    'corrupted_accuracy', as `Results.intervals`.

  Raises:
    errors.InputError: if the sets have other labels, or there are not as many
      of both.
  """
  rows = checks.items('rows', rows, 'row')
  found = checks.items('found', found, 'set of predictions')
  by_name = by_corruption(rows, found)
  _check_sets('found', by_name)
  _check_labels(by_name, found[0].labels)
  pairs = list(zip(rows, found, strict=True))
  parts = {
    'accuracy': [one for _, one in pairs],
    'corrupted_accuracy': [one for row, one in pairs if not row.is_clean],
  }
  return {
    name: tuple(statistics.bootstrap_interval(_is_correct(part), **options)[1:])
    for name, part in parts.items()
    if part
  }


def _compared(name, ours, others, options) -> Compared:
  """Compares on sets bool [S, N], not yet corrected."""
  test = statistics.mcnemar(ours, others)
  difference = statistics.bootstrap_difference(ours, others, **options)
  return Compared(
    name,
    float(ours.mean()),
    float(others.mean()),
    difference,
    test,
    test.p_value,
  )


def _is_correct(found: Sequence[predictions.Predictions]) -> np.ndarray:
  return np.stack([one.is_correct for one in found])


def _check_sets(field: str, found: BySet) -> None:
  expected = 'predictions by name of a corruption'
  if not isinstance(found, Mapping) or not found:
    raise errors.InputError(field, expected, checks.shown(found))
  for name, sets in found.items():
    is_list = isinstance(sets, list | tuple) and bool(sets)
    if not is_list or not all(
      isinstance(one, predictions.Predictions) for one in sets
    ):
      raise errors.InputError(f'{field}[{name}]', expected, checks.shown(sets))


def _check_labels(found: BySet, labels: np.ndarray) -> None:
  for name, sets in found.items():
    if not all(np.array_equal(one.labels, labels) for one in sets):
      expected = 'the same labels in every set, image by image'
      raise errors.InputError('predictions', expected, f'others in {name}')


def _names(found: BySet) -> str:
  return ', '.join(f'{name} ({len(sets)})' for name, sets in found.items())


def _cells(one: Compared) -> tuple[str, ...]:
  mean, low, high = (f'{100 * value:+.2f}' for value in one.difference)
  return (
    one.name,
    f'{100 * one.ours:.2f}',
    f'{100 * one.others:.2f}',
    f'{mean} ({low} to {high})',
    _p_cell(one.test.p_value),
    _p_cell(one.adjusted_p),
  )


def _p_cell(p_value: float) -> str:
  return '<1e-12' if p_value < 1e-12 else f'{p_value:.2g}'


def _to_dict(one: Compared) -> dict[str, Any]:
  return one._asdict() | {
    'difference': one.difference._asdict(),
    'test': one.test._asdict(),
  }
