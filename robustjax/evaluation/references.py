"""Results that others are relative to: their corruption errors are 100.

What divides errors belongs to a benchmark and its very images: the functions
here see to it that both results are of the same sets. They take
`results.Results`, which are defined after them.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from robustjax import attacks
from robustjax import errors
from robustjax.evaluation import checks
from robustjax.evaluation import rows as rows_lib
from robustjax.evaluation import scores


def check(
  reference: Any,
  labels: Sequence[str],
  *,
  benchmark: str,
  source: str,
  origin: str | None,
  processing: Sequence[str],
) -> None:
  """Raises errors.InputError unless results can be a reference for others.

  Args:
    reference: what came.
    labels: of the sets the others are on.
    benchmark: that of the others; and so on.
    source: what their images are.
    origin: whether these are published or generated.
    processing: what was done to them. That of an attack is not compared: it
      makes other images for every classifier.

  Raises:
    errors.InputError: if they are of other sets, or without any error.
  """
  if not hasattr(reference, 'by_corruption'):
    got = type(reference).__name__
    expected = 'results of `evaluate` on the same sets'
    raise errors.InputError('reference', expected, got)
  ours = {'benchmark': benchmark, 'source': source, 'origin': origin}
  if benchmark not in attacks.ATTACKS:
    ours['processing'] = tuple(processing)
  for name, value in ours.items():
    other = getattr(reference, name)
    if other != value:
      expected = f'results on the same sets ({name}: {value})'
      raise errors.InputError('reference', expected, str(other))
  others = [row.label for row in reference.rows]
  if others != list(labels):
    apart = sorted(set(others).symmetric_difference(labels))
    got = f'others: {", ".join(apart) or "in another order"}'
    raise errors.InputError('reference', 'results on the same sets', got)
  for name, own in rates(reference).items():
    if not any(own):
      expected = f'errors above 0 on {name}, to divide by'
      raise errors.InputError('reference', expected, '0')


def check_images(reference: Any, rows: Sequence[rows_lib.Row]) -> None:
  """Raises errors.InputError unless sets have as many images of each class.

  Args:
    reference: results that `check` passed.
    rows: the others', in the same order.

  Raises:
    errors.InputError: if there are more or fewer images, or of other classes
      where these were counted.
  """
  for row, other in zip(rows, reference.rows, strict=True):
    if row.total != other.total:
      got = f'{other.total} images for {row.total}'
    elif _are_other_classes(_class_counts(row), _class_counts(other)):
      got = 'other numbers of images by class'
    else:
      continue
    expected = f'results on the same images of {row.label}'
    raise errors.InputError('reference', expected, got)


def _are_other_classes(ours: Mapping[int, int], others) -> bool:
  return bool(ours and others) and ours != others


def rates(found: Any) -> dict[str, tuple[float, ...]]:
  """Error at every strength in order, by corruption; not of the clean set.

  Args:
    found: results on one benchmark.

  Returns:
    Error rates in [0, 1], by corruption.
  """
  return {
    name: tuple(row.error for row in rows)
    for name, rows in found.by_corruption.items()
    if not rows[0].is_clean
  }


def _class_counts(row: rows_lib.Row) -> dict[int, int]:
  """Images by class, of those that have any; empty where not counted."""
  return {
    label: count for label, count in enumerate(row.class_total or ()) if count
  }


def from_dict(content: Mapping[str, Any]) -> scores.Reference | None:
  """The reference that `results.Results.to_dict` wrote.

  Args:
    content: all that it wrote; others may have edited it.

  Returns:
    The reference; None where it is AlexNet, or none.

  Raises:
    errors.InputError: if an entry cannot be of a reference.
  """
  rates = content.get('reference_errors')
  if rates is None:
    return None
  field = 'results, reference_errors'
  if not isinstance(rates, Mapping):
    raise errors.InputError(field, 'an object', checks.shown(rates))
  for name, each in rates.items():
    if not isinstance(each, list | tuple) or not each:
      raise errors.InputError(f'{field}, {name}', 'a list', checks.shown(each))
    for rate in each:
      errors.check_range(f'{field}, {name}', rate, high=1.0)
  clean_error = content.get('reference_clean_error')
  if clean_error is not None:
    errors.check_range('results, reference_clean_error', clean_error, high=1.0)
  return scores.Reference(
    str(content.get('reference')),
    {name: tuple(each) for name, each in rates.items()},
    clean_error,
  )
