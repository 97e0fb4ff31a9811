"""The one exception for bad input, and the checks that raise it."""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import difflib
import inspect
import numbers
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LARGEST_COUNT = 2**31 - 1  # of anything that JAX is to count
# Above all that has a meaning here, and its square still is a float32.
LARGEST = 1e6
_FLOATS = ('bfloat16', 'float16', 'float32', 'float64')
_LONGEST = 80  # characters of what came, in a message


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
  # Of an array, `in` would compare every element.
  if not _is_array(value) and value in choices:
    return
  choices = [str(choice) for choice in choices]
  close = difflib.get_close_matches(str(value), choices, n=1)
  expected = f'one of {" | ".join(choices)}'
  raise InputError(field, expected, _shown(value), *close)


def _is_traced(value: Any) -> bool:
  return isinstance(value, jax.core.Tracer)


def _is_array(value: Any) -> bool:
  """Whether it is an array of NumPy's or JAX's, traced or not."""
  return isinstance(value, jax.Array | np.ndarray)


def _is_float(dtype: Any) -> bool:
  return jnp.issubdtype(dtype, jnp.floating)


def _in_words(value: Any) -> str:
  """What came, without its numbers: dtype and shape, or the type."""
  if _is_array(value):
    return f'{value.dtype} {value.shape}'
  return type(value).__name__


def _shown(value: Any) -> str:
  """What came, in one line whatever it is."""
  if _is_array(value):
    return _in_words(value)
  shown = ' '.join(repr(value).split())
  return shown if len(shown) <= _LONGEST else f'{shown[:_LONGEST]}...'


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
    raise InputError(field, expected, _shown(value))
  for number in extremes:
    # Compared, not np.isfinite, which takes no integer beyond 64 bits.
    is_within = -np.inf < number < np.inf and low <= number <= high
    if not is_within or (open_low and number == low):
      raise InputError(field, expected, repr(number))


def _extremes(value: Any) -> tuple[float, ...]:
  """Smallest and largest of a number or array; none of what has no numbers."""
  if not isinstance(value, jax.Array | np.ndarray | np.generic):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and isinstance(value, int) and abs(value) > 2**1000:
      return (np.inf,)  # No float holds it.
    return (value,) if is_number else ()
  is_integer = jnp.issubdtype(value.dtype, jnp.integer)
  if not (is_integer or _is_float(value.dtype)) or not value.size:
    return ()
  # On the host: within a trace, JAX would trace these as well.
  values = np.asarray(value).astype(np.float64)
  return float(values.min()), float(values.max())


def check_number(
  field: str,
  value: Any,
  *,
  low: float = 0.0,
  high: float = LARGEST,
  open_low: bool = False,
) -> None:
  """`check_range` of one number: an array must be a scalar, traced or not.

  Args:
    field: name to report.
    value: a number, or an array [] of one.
    low: smallest accepted value.
    high: largest accepted value; unless there is a better one, `LARGEST`.
    open_low: whether `low` itself is refused.

  Raises:
    InputError: as `check_range`, and on an array of another shape, or a traced
      one of another dtype than an integer or float.
  """
  if _is_array(value):
    is_number = _is_float(value.dtype) or jnp.issubdtype(
      value.dtype, jnp.integer
    )
    if value.shape or not is_number:
      raise InputError(field, 'a single number', _in_words(value))
  check_range(field, value, low=low, high=high, open_low=open_low)


def check_flag(field: str, value: Any) -> None:
  """Raises InputError unless `value` is True or False."""
  if not isinstance(value, bool | np.bool_):
    raise InputError(field, 'True or False', _shown(value))


def check_integer(
  field: str, value: Any, *, low: int = 0, high: int = LARGEST_COUNT
) -> None:
  """Raises InputError unless `value` is an integer in [low, high]."""
  expected = f'an integer of at least {low} and at most {high}'
  is_integer = isinstance(value, numbers.Integral)
  is_integer = is_integer and not isinstance(value, bool)
  if not is_integer or not low <= value <= high:
    raise InputError(field, expected, _shown(value))


def check_whole(field: str, value: Any, *, low: int = 0, high: int) -> None:
  """`check_integer` that also takes an array [] of one; traced, any value."""
  if _is_array(value):
    if value.shape or not jnp.issubdtype(value.dtype, jnp.integer):
      raise InputError(field, 'a single integer', _in_words(value))
    if _is_traced(value):
      return
    value = int(value)
  check_integer(field, value, low=low, high=high)


def check_images(field: str, images: Any) -> None:
  """Raises InputError unless `images` are float [B, H, W, C], C 1 or 3.

  Their values are checked too, to be in [0, 1], unless they are being traced.
  """
  expected = 'float images [B, H, W, C] with 1 or 3 channels'
  if not _is_array(images):
    raise InputError(field, expected, type(images).__name__)
  if images.ndim != 4 or images.shape[-1] not in (1, 3):
    raise InputError(field, expected, f'shape {images.shape}')
  if 0 in images.shape[1:]:
    raise InputError(field, 'images with pixels', f'shape {images.shape}')
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


def check_floats(field: str, value: Any, axes: str) -> None:
  """Raises InputError unless `value` is an array of floats with these axes.

  Args:
    field: name to report.
    value: what came; its values are not looked at.
    axes: as docstrings have them, '[B, H, W, C]', or '[H, W, ...]' for at least
      those named.

  Raises:
    InputError: on another dtype or number of axes, or an axis of length 0 that
      is not B or L, the first.
  """
  names = axes.strip('[]').split(', ')
  is_open = names[-1] == '...'
  least = len(names) - is_open
  if not _is_array(value) or not _is_float(value.dtype):
    raise InputError(field, f'floats {axes}', _in_words(value))
  has_axes = value.ndim == least or (value.ndim > least and is_open)
  may_be_empty = names[0] in ('B', 'L', '...')
  if not has_axes or 0 in value.shape[may_be_empty:]:
    raise InputError(field, axes, f'shape {value.shape}')


def check_float_dtype(field: str, dtype: Any) -> None:
  """Raises InputError unless `dtype` is one of floats."""
  # NumPy also takes numbers, None and single letters for dtypes.
  is_dtype = isinstance(dtype, np.dtype | type)
  is_dtype = is_dtype or (isinstance(dtype, str) and dtype in _FLOATS)
  if not is_dtype or not _is_float(dtype):
    raise InputError(field, 'a dtype of floats', _shown(dtype))


def check_pixels(field: str, images: Any) -> None:
  """Raises InputError unless `images` are numbers [B, H, W, C], H, W, C > 0."""
  expected = 'images [B, H, W, C]'
  if not _is_array(images) or images.ndim != 4 or 0 in images.shape[1:]:
    raise InputError(field, expected, _in_words(images))
  if not any(jnp.issubdtype(images.dtype, k) for k in (jnp.number, jnp.bool_)):
    raise InputError(field, 'numbers', f'dtype {images.dtype}')


def check_states(field: str, states: Any, *, min_ndim: int = 2) -> None:
  """Raises InputError unless `states` are floats [B, ...], B at least 1.

  Args:
    field: name to report.
    states: what came; its values are not looked at.
    min_ndim: smallest number of axes; 0 takes any array of floats.

  Raises:
    InputError: on another dtype, too few axes, or a batch of none.
  """
  if not _is_array(states):
    raise InputError(field, 'an array of floats', type(states).__name__)
  dtype, shape = states.dtype, states.shape
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
  expected = f'integers [{size}]'
  if not _is_array(labels):
    raise InputError(field, expected, type(labels).__name__)
  if not jnp.issubdtype(labels.dtype, jnp.integer):
    raise InputError(field, expected, f'dtype {labels.dtype}')
  if labels.shape != (size,):
    raise InputError(field, expected, f'shape {labels.shape}')
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


def check_function(field: str, value: Any, num_arguments: int = 1) -> None:
  """Raises InputError unless `value` can be called with so many arguments."""
  expected = f'a function of {num_arguments} argument'
  expected += 's' if num_arguments > 1 else ''
  if not callable(value):
    raise InputError(field, expected, type(value).__name__)
  try:
    signature = inspect.signature(value)
  except (TypeError, ValueError):
    return  # It does not tell, as some that are built in.
  try:
    signature.bind(*range(num_arguments))
  except TypeError as error:
    raise InputError(field, expected, f'one of {signature}') from error


@contextlib.contextmanager
def tracing(field: str) -> Iterator[None]:
  """Raises InputError where a user's function cannot be traced by JAX.

  Args:
    field: name of the function to report.

  Yields:
    Nothing; the function is called within.

  Raises:
    InputError: if it reads values that are not known yet, as NumPy and `if` do.
  """
  try:
    yield
  except (
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.ConcretizationTypeError,
  ) as error:
    expected = 'a function that JAX can differentiate'
    got = 'one that reads values while they are traced, as NumPy does'
    raise InputError(field, expected, got) from error


def as_path(field: str, value: Any) -> pathlib.Path:
  """A path as one, `~` for the home folder.

  Args:
    field: name to report.
    value: what came.

  Returns:
    The path; nothing need be there.

  Raises:
    InputError: on an empty one, what is none, or the home of nobody known.
  """
  try:
    path = pathlib.Path(value).expanduser()
  except (TypeError, RuntimeError) as error:
    raise InputError(field, 'a path', _shown(value)) from error
  if not str(value) or '\0' in str(value):
    raise InputError(field, 'a path', _shown(value))
  return path


def check_file(field: str, path: str) -> None:
  """Raises InputError unless there is such a file.

  Args:
    field: name to report.
    path: what came.

  Raises:
    InputError: if there is none.
  """
  if not as_path(field, path).is_file():
    raise InputError(field, 'a file', _shown(path))
