"""The one exception for bad input, and the checks that raise it."""

from collections.abc import Iterable
import difflib
import numbers
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LARGEST_COUNT = 2**31 - 1  # of anything that JAX is to count


class InputError(ValueError):
  """Bad input, told in one line: the field, what was expected, what came.

  Attributes:
    field: name of the argument, config field or flag at fault.
    expected: what would have been accepted.
    got: what came instead.
    hint: what was probably meant; '' where nothing comes close.
  """

  def __init__(self, field: str, expected: str, got: str, hint: str = ''):
    super().__init__(field, expected, got, hint)
    self.field = field
    self.expected = expected
    self.got = got
    self.hint = hint

  def __str__(self) -> str:
    hint = f'did you mean {self.hint!r}? ' if self.hint else ''
    return f'{self.field}: {hint}expected {self.expected}, got {self.got}'


class DivergedError(FloatingPointError):
  """A training whose loss or parameters are no longer finite, in one line."""


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
  if isinstance(value, str) and value in choices:
    return
  close = difflib.get_close_matches(str(value), choices, n=1)
  expected = f'one of {" | ".join(choices)}'
  raise InputError(field, expected, repr(value), *close)


def _is_traced(value: Any) -> bool:
  return isinstance(value, jax.core.Tracer)


def _is_float(dtype: Any) -> bool:
  return jnp.issubdtype(dtype, jnp.floating)


def check_range(
  field: str,
  value: Any,
  *,
  low: float = 0.0,
  high: float = np.inf,
  open_low: bool = False,
) -> None:
  """Raises InputError unless a number, or all of an array, is in [low, high].

  What is being traced passes unchecked, since its value is not known; every
  other array is read, which waits for its device.

  Args:
    field: name to report.
    value: a number, or an array of numbers.
    low: smallest accepted value.
    high: largest accepted value.
    open_low: whether `low` itself is refused.

  Raises:
    InputError: if a value is outside the range, not finite, or no number.
  """
  if _is_traced(value):
    return
  bracket = '(' if open_low else '['
  end = ']' if np.isfinite(high) else ')'
  expected = f'a number in {bracket}{low:g}, {high:g}{end}'
  extremes = _extremes(value)
  if not extremes:
    is_array = hasattr(value, 'dtype')
    got = f'{value.dtype} {value.shape}' if is_array else repr(value)
    raise InputError(field, expected, got)
  for number in extremes:
    # Compared, not np.isfinite, which takes no integer beyond 64 bits.
    is_within = -np.inf < number < np.inf and low <= number <= high
    if not is_within or (open_low and number == low):
      raise InputError(field, expected, repr(number))


def _extremes(value: Any) -> tuple[float, ...]:
  """Smallest and largest of a number or array; none of what has no numbers."""
  if not hasattr(value, 'dtype'):
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return (value,) if is_number else ()
  is_integer = jnp.issubdtype(value.dtype, jnp.integer)
  if not (is_integer or _is_float(value.dtype)) or not value.size:
    return ()
  # On the host: within a trace, JAX would trace these as well.
  values = np.asarray(value).astype(np.float64)
  return float(values.min()), float(values.max())


def check_flag(field: str, value: Any) -> None:
  """Raises InputError unless `value` is True or False."""
  if not isinstance(value, bool | np.bool_):
    raise InputError(field, 'True or False', repr(value))


def check_integer(
  field: str, value: Any, *, low: int = 0, high: int = LARGEST_COUNT
) -> None:
  """Raises InputError unless `value` is an integer in [low, high]."""
  expected = f'an integer of at least {low} and at most {high}'
  is_integer = isinstance(value, numbers.Integral)
  is_integer = is_integer and not isinstance(value, bool)
  if not is_integer or not low <= value <= high:
    raise InputError(field, expected, repr(value))


def check_images(field: str, images: Any) -> None:
  """Raises InputError unless `images` are float [B, H, W, C], C 1 or 3.

  Their values are checked too, to be in [0, 1], unless they are being traced.
  """
  expected = 'float images [B, H, W, C] with 1 or 3 channels'
  if getattr(images, 'ndim', None) != 4 or images.shape[-1] not in (1, 3):
    raise InputError(field, expected, f'shape {np.shape(images)}')
  if not _is_float(images.dtype):
    raise InputError(field, expected, f'dtype {images.dtype}')
  if _is_traced(images) or not images.size:
    return
  # On the host: within a trace, JAX would trace these as well.
  values = np.asarray(images)
  low, high = float(values.min()), float(values.max())
  if not (low >= 0 and high <= 1):  # Nor if one of them is nan.
    got = f'values from {low:g} to {high:g}'
    raise InputError(field, 'images with values in [0, 1]', got)


def check_states(field: str, states: Any, *, min_ndim: int = 2) -> None:
  """Raises InputError unless `states` are floats [B, ...], B at least 1.

  Args:
    field: name to report.
    states: what came; its values are not looked at.
    min_ndim: smallest number of axes; 0 takes any array of floats.

  Raises:
    InputError: on another dtype, too few axes, or a batch of none.
  """
  dtype, shape = getattr(states, 'dtype', None), getattr(states, 'shape', None)
  if dtype is None or shape is None:
    raise InputError(field, 'an array of floats', type(states).__name__)
  if not _is_float(dtype):
    raise InputError(field, 'floats', f'dtype {dtype}')
  if len(shape) < min_ndim:
    raise InputError(field, '[B, ...]', f'shape {shape}')
  if min_ndim and not shape[0]:
    raise InputError(field, '[B, ...] with B at least 1', f'shape {shape}')


def check_labels(
  field: str, labels: Any, *, size: int, num_classes: int | None = None
) -> None:
  """Raises InputError unless `labels` are integers [size] in [0, num_classes).

  Args:
    field: name to report.
    labels: what came; their values are not looked at while being traced.
    size: how many there must be.
    num_classes: C; None where it is not known, and only negative ones are bad.

  Raises:
    InputError: on another dtype or shape, or a label outside the range.
  """
  dtype, shape = getattr(labels, 'dtype', None), getattr(labels, 'shape', None)
  if dtype is None or not jnp.issubdtype(dtype, jnp.integer):
    got = type(labels).__name__ if dtype is None else f'dtype {dtype}'
    raise InputError(field, f'integers [{size}]', got)
  if tuple(shape) != (size,):
    raise InputError(field, f'integers [{size}]', f'shape {tuple(shape)}')
  if _is_traced(labels) or not size:
    return
  values = np.asarray(labels)
  low, high = int(values.min()), int(values.max())
  last = high if num_classes is None else num_classes - 1
  if low < 0 or high > last:
    end = ', ...' if num_classes is None else f' to {last}'
    expected = f'integers from 0{end}'
    if num_classes is not None:
      expected += f' ({num_classes} classes)'
    raise InputError(field, expected, f'{low if low < 0 else high}')


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
