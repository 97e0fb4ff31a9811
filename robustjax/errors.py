"""The one exception for bad input, and the checks that raise it."""

from collections.abc import Iterable
import difflib
import numbers
import pathlib
from typing import Any

import jax
import numpy as np


class InputError(ValueError):
  """Bad input, told in one line: the field, what was expected, what came.

  Attributes:
    field: name of the argument, config field or flag at fault.
    expected: what would have been accepted.
    got: what came instead.
  """

  def __init__(self, field: str, expected: str, got: str):
    super().__init__(field, expected, got)
    self.field = field
    self.expected = expected
    self.got = got

  def __str__(self) -> str:
    return f'{self.field}: expected {self.expected}, got {self.got}'


def check_choice(field: str, value: Any, choices: Iterable[str]) -> None:
  """Raises InputError unless `value` is one of `choices`.

  Args:
    field: name to report.
    value: what came.
    choices: the accepted names.

  Raises:
    InputError: with the closest accepted name, when one is close.
  """
  choices = list(choices)
  if value in choices:
    return
  close = difflib.get_close_matches(str(value), choices, n=1)
  hint = f' (did you mean {close[0]!r}?)' if close else ''
  names = ' | '.join(choices)
  raise InputError(field, f'one of {names}', f'{value!r}{hint}')


def check_range(
  field: str,
  value: Any,
  *,
  low: float = 0.0,
  high: float = np.inf,
  open_low: bool = False,
) -> None:
  """Raises InputError unless a Python number lies in [low, high].

  Arrays and tracers pass unchecked: their values are not known while a program
  is being traced, and reading them outside one would wait for the device.

  Args:
    field: name to report.
    value: a number, or an array (not checked).
    low: smallest accepted value.
    high: largest accepted value.
    open_low: whether `low` itself is refused.

  Raises:
    InputError: if `value` is a number outside the range, or no number at all.
  """
  if hasattr(value, 'shape') and not isinstance(value, np.generic):
    return
  bracket = '(' if open_low else '['
  end = ']' if np.isfinite(high) else ')'
  expected = f'a number in {bracket}{low:g}, {high:g}{end}'
  is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
  is_number = is_number and bool(np.isfinite(value))
  if not is_number or not low <= value <= high or (open_low and value == low):
    raise InputError(field, expected, repr(value))


def check_integer(
  field: str, value: Any, *, low: int = 0, high: int | None = None
) -> None:
  """Raises InputError unless `value` is an integer in [low, high]."""
  expected = f'an integer of at least {low}'
  if high is not None:
    expected += f' and at most {high}'
  is_integer = isinstance(value, numbers.Integral)
  is_integer = is_integer and not isinstance(value, bool)
  if not is_integer or value < low or (high is not None and value > high):
    raise InputError(field, expected, repr(value))


def check_images(field: str, images: Any) -> None:
  """Raises InputError unless `images` are float [B, H, W, C], C 1 or 3.

  Their values are checked too, to be in [0, 1], unless they are being traced.
  """
  expected = 'float images [B, H, W, C] with 1 or 3 channels'
  if getattr(images, 'ndim', None) != 4 or images.shape[-1] not in (1, 3):
    raise InputError(field, expected, f'shape {np.shape(images)}')
  if (
    not np.issubdtype(images.dtype, np.floating) and images.dtype != 'bfloat16'
  ):
    raise InputError(field, expected, f'dtype {images.dtype}')
  if isinstance(images, jax.core.Tracer) or not images.size:
    return
  # On the host: within a trace, JAX would trace these as well.
  values = np.asarray(images)
  low, high = float(values.min()), float(values.max())
  if not (low >= 0 and high <= 1):  # Nor if one of them is nan.
    got = f'values from {low:g} to {high:g}'
    raise InputError(field, 'images with values in [0, 1]', got)


def check_file(field: str, path: str) -> None:
  """Raises InputError unless there is such a file.

  Args:
    field: name to report.
    path: what came.

  Raises:
    InputError: if there is none.
  """
  if not path or not pathlib.Path(path).expanduser().is_file():
    raise InputError(field, 'a file', repr(path))
