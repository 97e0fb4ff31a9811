"""Memory of the process on Linux: kept between steps instead of returned.

XLA on CPU asks for the buffers of a step anew at every step. By default the C
library returns large ones to the system at once, and the system hands them out
again page by page, zeroed: 21,000 page faults in each step of the MNIST CNN at
batch 64, a third of its time.
"""

import ctypes

# Of glibc's malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
_ARENA_MAX = -8
_NEVER = -1  # as a size_t, the largest there is


def keep_freed() -> bool:
  """Keeps freed memory for the next allocation; for CPU training on Linux.

  A setting of the whole process, which the scripts in launch/ make and
  `import robustjax` does not: in a notebook, call it before anything else
  starts threads. The process then holds the most memory it ever used until it
  ends.

  Returns:
    Whether the setting was made: False where the C library is not glibc.
  """
  try:
    set_option = ctypes.CDLL(None).mallopt
  except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
    return False
  return all(
    (
      set_option(_MMAP_MAX, 0),
      set_option(_TRIM_THRESHOLD, _NEVER),
      # A thread's own arena cannot hold what is larger than 64 MB.
      set_option(_ARENA_MAX, 1),
    )
  )
