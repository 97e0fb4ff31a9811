import os
import signal
import threading
import time

import pytest

from robustjax.training import interruption


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_remembered_and_the_handlers_are_put_back(number):
  before = signal.getsignal(number)
  with interruption.Interruption() as interrupted:
    assert not interrupted
    os.kill(os.getpid(), number)
    assert interrupted
    assert interrupted.signal == number
  assert signal.getsignal(number) is before


def test_a_second_ctrl_c_interrupts_at_once():
  with interruption.Interruption(), pytest.raises(KeyboardInterrupt):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


def test_does_nothing_outside_the_main_thread():
  found = []

  def enter():
    with interruption.Interruption() as interrupted:
      found.append(bool(interrupted))

  thread = threading.Thread(target=enter)
  thread.start()
  thread.join()
  assert found == [False]


def test_an_outer_one_learns_what_an_inner_one_was_told():
  with interruption.Interruption() as outer:
    with interruption.Interruption() as inner:
      os.kill(os.getpid(), signal.SIGTERM)
      time.sleep(0.01)
    assert inner
    assert outer
