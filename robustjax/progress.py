"""A progress bar with the time left, for anything over a few seconds."""

import sys

import tqdm


def _is_watched() -> bool:
  return sys.stderr.isatty() or 'ipykernel' in sys.modules


def bar(total: int, description: str, *, initial: int = 0) -> tqdm.tqdm:
  """A bar on stderr with rate and time left; silent where nobody is looking.

  Args:
    total: number of units of work.
    description: what is being done.
    initial: units done by an earlier run.

  Returns:
    A tqdm bar: `with bar(...) as b: b.update(1)`. Where stderr is neither a
    terminal nor a notebook it prints nothing, so that logs are not filled with
    carriage returns.
  """
  return tqdm.tqdm(
    total=total,
    desc=description,
    initial=initial,
    dynamic_ncols=True,
    disable=not _is_watched(),
    leave=False,
  )
