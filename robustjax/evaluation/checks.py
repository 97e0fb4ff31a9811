"""Checks of what a sweep is asked for: functions, data, lists, folders, names.

They raise `errors.InputError`, in one line, before any work begins.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import os
import pathlib
import re
from typing import Any

import numpy as np

from robustjax import errors
from robustjax import files
from robustjax.data import data_set

_PLAIN = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.+=-]{0,99}')


def function(field: str, value: Any, expected: str) -> None:
  """Raises errors.InputError unless `value` can be called.

  Args:
    field: name to report.
    value: what came.
    expected: what the function is to do, for the message.
  """
  if not callable(value):
    raise errors.InputError(field, expected, errors.shown(value))


def predict(field: str, value: Any) -> None:
  """Raises errors.InputError unless `value` can be a classifier."""
  function(field, value, 'a function from images [B, H, W, C] to logits [B, C]')


def images(field: str, value: Any) -> None:
  """Raises errors.InputError unless there are images [N, H, W, C].

  Args:
    field: name to report.
    value: what came, an array or what stands for one: shape and dtype count, no
      values.

  Raises:
    errors.InputError: on another shape or dtype, or no images at all.
  """
  expected = 'images [N, H, W, C], uint8 or float in [0, 1]'
  shape, dtype = getattr(value, 'shape', None), getattr(value, 'dtype', None)
  if shape is None or dtype is None:
    raise errors.InputError(field, expected, type(value).__name__)
  if len(shape) != 4:
    raise errors.InputError(field, expected, f'shape {tuple(shape)}')
  if dtype != np.uint8 and not errors.is_float(dtype):
    raise errors.InputError(field, expected, f'dtype {dtype}')
  if not shape[0]:
    raise errors.InputError(field, 'at least one', 'none')


def data(field: str, value: Any) -> None:
  """Raises errors.InputError unless `value` is a data set with sound arrays.

  Labels are checked to be integers, one per image and none of them negative;
  how many classes there are is not known before a classifier has been called.
  """
  if not isinstance(value, data_set.DataSet):
    got = type(value).__name__
    raise errors.InputError(field, 'a data set, as `data.load` gives', got)
  images('images', value.images)
  labels = np.asarray(value.labels)
  count = len(value.images)
  if labels.shape != (count,):
    got = str(len(labels)) if labels.ndim == 1 else f'shape {labels.shape}'
    raise errors.InputError('labels', f'{count}, one per image', got)
  errors.check_labels('labels', labels, size=count)


def items(field: str, values: Any, what: str) -> list[Any]:
  """The items of a list or an array [K], which there must be.

  Args:
    field: name to report.
    values: what came.
    what: what they are, for the message, such as 'number'.

  Returns:
    The items; those of an array as plain Python values.

  Raises:
    errors.InputError: on what is no list, or an empty one.
  """
  expected = f'a list of {what}s'
  is_text = isinstance(values, str | bytes | Mapping)
  if is_text or not isinstance(values, Iterable):
    raise errors.InputError(field, expected, errors.shown(values))
  if getattr(values, 'ndim', 1) != 1:
    raise errors.InputError(field, expected, f'shape {tuple(values.shape)}')
  found = [
    one.item() if hasattr(one, 'item') and one.shape == () else one
    for one in values
  ]
  if not found:
    raise errors.InputError(field, f'at least one {what}', 'none')
  return found


def numbers(
  field: str, values: Any, *, high: float = errors.LARGEST
) -> tuple[float, ...]:
  """Numbers in [0, high], in their order, each once.

  Args:
    field: name to report.
    values: a list or an array [K], of NumPy's or JAX's, of numbers.
    high: largest accepted.

  Returns:
    The numbers. No two have the same first six digits: these name a set, its
    file and its line in a table.

  Raises:
    errors.InputError: on anything else.
  """
  found = items(field, values, 'number')
  for one in found:
    errors.check_range(field, one, high=high)
  found = tuple(dict.fromkeys(map(float, found)))
  shown = [f'{one:g}' for one in found]
  twice = [one for one in shown if shown.count(one) > 1]
  if twice:
    expected = 'numbers that differ in their first six digits'
    raise errors.InputError(field, expected, f'{twice[0]} twice')
  return found


def choice(field: str, value: Any, choices: Iterable[str]) -> None:
  """`errors.check_choice`, of anything that may have come."""
  if not isinstance(value, str):
    expected = f'one of {" | ".join(choices)}'
    raise errors.InputError(field, expected, errors.shown(value))
  errors.check_choice(field, value, choices)


def levels(field: str, values: Any, *, high: int) -> tuple[int, ...]:
  """Integers in [1, high] in order, each once, from a list or an array."""
  found = items(field, values, f'level (1 to {high})')
  for one in found:
    errors.check_integer(field, one, low=1, high=high)
  return tuple(sorted(set(found)))


def names(field: str, values: Any, known: Iterable[str]) -> tuple[str, ...]:
  """Names among `known`, in the order given, each once."""
  found = items(field, values, 'name')
  for one in found:
    choice(field, one, known)
  return tuple(dict.fromkeys(found))


def folder(field: str, value: Any) -> pathlib.Path:
  """`files.local_path`, which must be a folder that is there."""
  found = files.local_path(field, value)
  if not os.path.isdir(found):
    raise errors.InputError(field, 'a folder', f'{str(value)!r}, which is none')
  return found


def file_name(field: str, name: Any) -> str:
  """A name that may become a file's: it cannot lead out of a folder.

  Args:
    field: name to report.
    name: what came, maybe read from a file that others wrote.

  Returns:
    The name.

  Raises:
    errors.InputError: unless it is letters, digits and any of _ . + = -, not
      more than 100 of them, and begins with none of the last four.
  """
  if not isinstance(name, str) or not _PLAIN.fullmatch(name):
    expected = 'a name of letters, digits and _ . + = -'
    raise errors.InputError(field, expected, errors.shown(name))
  return name
