"""Ctrl-C and SIGTERM as a question the loop can ask between steps."""

import signal
import threading

from robustjax.training import processes


class Interruption:
  """While entered, remembers signals instead of dying of them.

  A second Ctrl-C raises KeyboardInterrupt as usual. An outer one is told what
  an inner one remembers. Outside the main thread,
  where Python delivers no signals, this does nothing.
  """

  def __init__(self):
    self.signal: signal.Signals | None = None
    self._previous = {}

  def __bool__(self) -> bool:
    return self.signal is not None

  def agreed(self) -> bool:
    """Whether any process is interrupted; then this one is, too.

    All processes call it together.
    """
    if processes.any_says(bool(self)) and self.signal is None:
      self.signal = signal.SIGTERM
    return bool(self)

  def __enter__(self) -> 'Interruption':
    if threading.current_thread() is threading.main_thread():
      for number in (signal.SIGINT, signal.SIGTERM):
        self._previous[number] = signal.signal(number, self._remember)
    return self

  def __exit__(self, *unused_exception) -> None:
    for number, handler in self._previous.items():
      signal.signal(number, handler)

  def _remember(self, number: int, unused_frame) -> None:
    if self.signal is not None and number == signal.SIGINT:
      raise KeyboardInterrupt
    self.signal = signal.Signals(number)
    outer = getattr(self._previous[number], '__self__', None)
    if isinstance(outer, Interruption):
      outer.signal = self.signal
