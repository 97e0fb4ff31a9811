"""Page faults of a process that keeps its memory, and of one that does not."""

import platform
import subprocess
import sys

import pytest

_FAULTS_OF_SECOND_USE = """
import resource
import sys
import threading

from robustjax import host_memory

def use():
  b'x' * 2**27

def faults():
  before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
  thread = threading.Thread(target=use)  # XLA's threads allocate, not ours.
  thread.start()
  thread.join()
  return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == 'keep':
  assert host_memory.keep_freed()
faults()
print(faults())
"""
_PAGES = 2**27 // 4096


def _faults_of_second_use(mode):
  done = subprocess.run(
    [sys.executable, '-c', _FAULTS_OF_SECOND_USE, mode],
    check=True,
    capture_output=True,
    text=True,
  )
  return int(done.stdout)


@pytest.mark.skipif(
  platform.libc_ver()[0] != 'glibc', reason='a setting of glibc'
)
def test_freed_memory_is_used_again_without_page_faults():
  # The first use of a page is a fault; a page kept is no fault again.
  assert _faults_of_second_use('keep') < _PAGES / 16


def test_where_there_is_no_such_setting_it_says_so(monkeypatch):
  from robustjax import host_memory

  monkeypatch.setattr(host_memory.ctypes, 'CDLL', lambda name: object())
  assert host_memory.keep_freed() is False
