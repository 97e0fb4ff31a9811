"""Results of several classifiers side by side, as Markdown.

The functions take `results.Results`, which are defined after them so that they
can print themselves.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from robustjax import errors
from robustjax.evaluation import checks

# Figures over sets in a Markdown table: title, and the factor to per cent.
_FURTHER = {
  'top5_accuracy': ('top-5, mean of all sets', 100),
  'calibration_error': ('expected calibration error, mean of all sets', 100),
  'mce': ('mCE', 1),
  'relative_mce': ('relative mCE', 1),
}


def to_markdown(table: Mapping[str, Any]) -> str:
  """A Markdown table of accuracies in per cent, one column per classifier.

  Args:
    table: results on one benchmark, by name of the classifier.

  Returns:
    One line per set, or per corruption where that has several severities; above
    them the means over all sets and over those that are corrupted, and the
    further figures there are.

  Raises:
    errors.InputError: if the results are not on the same sets.
  """
  labels = common_labels(table)
  first = next(iter(table.values()))
  num_corrupted = sum(not row.is_clean for row in first.rows)
  head = [
    ('set', *table),
    (
      f'**mean of all {len(labels)} sets**',
      *(f'**{_mean_cell(r, "accuracy")}**' for r in table.values()),
    ),
    (
      f'mean of the {num_corrupted} corrupted sets',
      *(_mean_cell(r, 'corrupted_accuracy') for r in table.values()),
    ),
    *_further_means(table),
  ]
  body = [
    (title, *(f'{100 * value:.2f}' for value in values))
    for title, values in lines(table)
  ]
  return markdown(head + body)


def _mean_cell(found, name: str) -> str:
  """A mean in per cent, with its interval if that was taken."""
  cell = f'{100 * getattr(found, name):.2f}'
  if not found.intervals or name not in found.intervals:
    return cell
  low, high = (f'{100 * end:.2f}' for end in found.intervals[name])
  return f'{cell} ({low} to {high})'


def _further_means(table: Mapping[str, Any]):
  """Lines of those figures that every classifier has."""
  every = [found.summary for found in table.values()]
  for name, (title, factor) in _FURTHER.items():
    if all(name in summary for summary in every):
      cells = [f'{factor * summary[name]:.2f}' for summary in every]
      yield (_titled(title, table) if 'mce' in name else title, *cells)


def _titled(title: str, table: Mapping[str, Any]) -> str:
  """The title of corruption errors, with whose are 100."""
  return f'{title}, {reference_names(table)} = 100'


def reference_names(table: Mapping[str, Any]) -> str:
  """Whose corruption errors are 100, column by column where they differ.

  Args:
    table: results that have corruption errors, by name of the classifier.

  Returns:
    One name, or several with slashes between.
  """
  names = [found.baseline.name for found in table.values()]
  return names[0] if len(set(names)) == 1 else ' / '.join(names)


def lines(table: Mapping[str, Any]) -> list[tuple[str, list[float]]]:
  """What a table shows line by line.

  Args:
    table: results on the same sets, by name of the classifier.

  Returns:
    A title, and accuracies in [0, 1] by classifier: per set, or per corruption
    where that has several severities.

  Raises:
    errors.InputError: as `common_labels`.
  """
  common_labels(table)
  first = next(iter(table.values()))
  found = []
  for name, rows in first.by_corruption.items():
    if len(rows) > 1 and rows[0].severity is not None:
      title = f'{name}, mean of {len(rows)} severities'
      found.append((title, [r.per_corruption[name] for r in table.values()]))
    else:
      found += [
        (row.label, [r.per_set[row.label] for r in table.values()])
        for row in rows
      ]
  return found


def class_table(table: Mapping[str, Any]) -> str:
  """A Markdown table of accuracies by class, over the images of all sets.

  Args:
    table: results on one benchmark, by name of the classifier.

  Returns:
    One line per class, in per cent.

  Raises:
    errors.InputError: if the results were not counted by class, or are not on
      the same sets.
  """
  common_labels(table)
  every = [found.per_class for found in table.values()]
  found = [('class', *table)]
  for label in every[0]:
    cells = (
      f'{100 * one[label]:.2f}' if label in one else '-' for one in every
    )
    found.append((str(label), *cells))
  return markdown(found)


def markdown(cells: Sequence[Sequence[str]]) -> str:
  """A Markdown table, all columns but the first to the right.

  Args:
    cells: text by line and column; the first line is the head.

  Returns:
    The table, with a line break at its end.
  """
  rule = ('---', *('---:' for _ in cells[0][1:]))
  all_lines = (cells[0], rule, *cells[1:])
  return ''.join(f'| {" | ".join(line)} |\n' for line in all_lines)


def common_labels(table: Mapping[str, Any]) -> list[str]:
  """The labels of the sets, which must be the same for every classifier.

  Args:
    table: results, by name of the classifier.

  Returns:
    The labels, in order.

  Raises:
    errors.InputError: if there are no results, or they are not on the same
      sets.
  """
  if not isinstance(table, Mapping):
    expected = 'results by name of the classifier'
    raise errors.InputError('table', expected, type(table).__name__)
  if not table:
    raise errors.InputError('table', 'at least one classifier', 'none')
  for name, found in table.items():
    if not getattr(found, 'rows', None):
      expected = 'results on one set at least'
      raise errors.InputError(f'table[{name}]', expected, checks.shown(found))
  every = {name: [row.label for row in r.rows] for name, r in table.items()}
  labels = next(iter(every.values()))
  for name, others in every.items():
    if others != labels:
      expected = 'results on the same sets for every classifier'
      raise errors.InputError('table', expected, f'{name} with other sets')
  return labels
