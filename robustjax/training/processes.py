"""What several JAX processes say to one another beside their arrays.

A run on several hosts is one program on each. Arrays meet in collective
operations, in which a process waits until all others take part; one that stops
for a reason of its own would leave them waiting. So processes compare what they
found before the first of these, and one that fails later says so to the others,
which then end with its message.

All of it goes through JAX's coordination service, as `jax.distributed` starts
it. With a single process nothing here does anything.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import itertools
import json
import os
import sys
import threading
import time
from typing import Any
from typing import NoReturn
from typing import TypeVar

import jax
from jax._src import distributed  # JAX has no public way to the service.

from robustjax import errors

Result = TypeVar('Result')

_PATIENCE = 600.0  # seconds: others may still be decoding a data set
_FAREWELL = 10.0  # seconds for another one to end when one has failed
_GLANCE = 1.0  # seconds between two looks whether another one failed
_FAILURE = 'robustjax/failure'
_LEFT = 'robustjax/left'
_exchanges = itertools.count()


class _AgreedError(errors.InputError):
  """Bad input that every process knows of."""


def are_several() -> bool:
  """Whether this is one of several processes."""
  return jax.process_count() > 1


def is_first() -> bool:
  """Whether this is the process that writes and prints for all."""
  return jax.process_index() == 0


def _service():
  return distributed.global_state.client


def exchange(text: str) -> list[str]:
  """Every process's text, by process; waits for all.

  Args:
    text: what this process has to say. All processes must call this the same
      number of times.

  Returns:
    One text per process.
  """
  if not are_several():
    return [text]
  number = next(_exchanges)
  mine = jax.process_index()
  _service().key_value_set(f'robustjax/{number}/{mine}', text)
  found = [
    _service().blocking_key_value_get(
      f'robustjax/{number}/{index}', int(1000 * _PATIENCE)
    )
    for index in range(jax.process_count())
  ]
  if number:  # All have read the last exchange, since all are in this one.
    _service().key_value_delete(f'robustjax/{number - 1}/{mine}')
  return found


def agree(check: Callable[[], Result]) -> Result:
  """Does something that bad input can stop; if it stops one, it stops all.

  Args:
    check: called once on each process.

  Returns:
    What it returned here.

  Raises:
    errors.InputError: the same on every process, that of the first one on which
      it was raised.
  """
  if not are_several():
    return check()
  result, said = None, ''
  try:
    result = check()
  except errors.InputError as error:
    said = json.dumps(error.args)
  for index, text in enumerate(exchange(said)):
    if text:
      field, expected, got, hint = json.loads(text)
      raise _AgreedError(field, expected, f'{got} (process {index})', hint)
  return result


def check_same(field: str, values: dict[str, Any]) -> None:
  """Raises errors.InputError unless all processes have the same values.

  Args:
    field: what the values are, for the message.
    values: by name; what JSON can hold.

  Raises:
    errors.InputError: on every process, naming the first value that differs.
  """
  if not are_several():
    return
  every = [json.loads(text) for text in exchange(json.dumps(values))]
  for index, others in enumerate(every):
    for name in every[0] | others:
      first, other = (one.get(name, 'none') for one in (every[0], others))
      if first != other:
        expected = f'the same on every process ({name}={first} on process 0)'
        got = f'{name}={other} on process {index}'
        raise _AgreedError(field, expected, got)


def any_says(truth: bool) -> bool:
  """Whether it is true on any process."""
  return any(exchange('yes' if truth else '')) if are_several() else truth


@contextlib.contextmanager
def fail_together() -> Iterator[None]:
  """While entered, a process that fails takes the others with it.

  They print its message and end with code 2, wherever they are: a process that
  waits in a collective operation cannot be reached by an exception.

  Yields:
    None.
  """
  if not are_several():
    yield
    return
  is_over = threading.Event()
  watch = threading.Thread(target=_watch, args=(is_over,), daemon=True)
  watch.start()
  try:
    yield
  except _AgreedError:  # The others raise it, too.
    _stop(watch, is_over)
    raise
  except BaseException as error:
    _stop(watch, is_over)
    _say_failure(error)
    raise
  _stop(watch, is_over)


def _stop(watch: threading.Thread, is_over: threading.Event) -> None:
  is_over.set()
  watch.join()


def _say_failure(error: BaseException) -> None:
  text = f'process {jax.process_index()}: {error or type(error).__name__}'
  with contextlib.suppress(Exception):  # Another one failed first.
    _service().key_value_set(_FAILURE, text)


def _watch(is_over: threading.Event) -> None:
  """Ends this process when another one has failed."""
  while not is_over.wait(_GLANCE):
    try:
      said = _service().key_value_try_get(_FAILURE)
    except Exception:  # No failure so far.
      continue
    print(f'error: {said}', file=sys.stderr)
    leave(2)


def leave(code: int) -> NoReturn:
  """Ends this process; one of several, without the others' agreement."""
  if not are_several():
    sys.exit(code)
  sys.stdout.flush()
  sys.stderr.flush()
  _service().key_value_set(f'{_LEFT}/{jax.process_index()}', 'yes')
  if is_first():
    _wait_for_the_others()
  # At a usual exit JAX waits for processes that may be gone.
  os._exit(code)


def _wait_for_the_others() -> None:
  """The first process is the service: without it, the others are torn down."""
  for index in range(1, jax.process_count()):
    with contextlib.suppress(Exception):  # It is gone, or does not answer.
      _service().blocking_key_value_get(
        f'{_LEFT}/{index}', int(1000 * _FAREWELL)
      )
  time.sleep(_GLANCE)
