"""Images of a set too large for memory, decoded when they are asked for."""

from collections.abc import Callable
from collections.abc import Sequence
from concurrent import futures
import os
import pathlib

import numpy as np

from robustjax import errors
from robustjax.data import photographs

NUM_THREADS = min(16, os.cpu_count() or 1)  # Pillow decodes in parallel.

_START, _END = b'\xff\xd8', b'\xff\xd9'  # of every JPEG file
_TAIL = 64  # bytes from the end among which a JPEG file has to end


class LazyImages:
  """Stands for an array uint8 [N, H, W, C] where it is read in parts.

  Attributes:
    shape: (N, H, W, C).
    dtype: uint8.
  """

  dtype = np.dtype(np.uint8)

  def __init__(
    self,
    read: Callable[[Sequence[int]], Sequence[np.ndarray]],
    shape: tuple[int, int, int, int],
  ):
    """Wraps a reader.

    Args:
      read: places in 0..N-1 to images uint8 [H, W, C].
      shape: (N, H, W, C).
    """
    self.shape = shape
    self._read = read

  def __len__(self) -> int:
    return self.shape[0]

  def __getitem__(self, key: int | slice | np.ndarray) -> np.ndarray:
    places = np.arange(len(self))[key]
    if places.ndim == 0:
      return np.asarray(self._read([places.item()])[0])
    if not len(places):
      return np.empty((0, *self.shape[1:]), self.dtype)
    return np.stack(self._read(places.tolist()))


def one_by_one(
  read: Callable[[int], np.ndarray], shape: tuple[int, int, int, int]
) -> LazyImages:
  """Images that are read one by one, several at a time in threads.

  Args:
    read: a place in 0..N-1 to an image uint8 [H, W, C]; what it raises reaches
      who asked for the slice.
    shape: (N, H, W, C).

  Returns:
    The images.
  """

  def read_all(places):
    with futures.ThreadPoolExecutor(NUM_THREADS) as pool:
      return list(pool.map(read, places))

  return LazyImages(read_all, shape)


def from_files(paths: Sequence[pathlib.Path], side: int) -> LazyImages:
  """The centres of image files, in colour.

  Args:
    paths: the files; each at least `side` high and wide.
    side: H and W of the square cut out.

  Returns:
    The images; reading one that is too small or damaged raises
    errors.InputError with the file's name.
  """
  read = lambda place: decode(paths[place], side)
  return one_by_one(read, (len(paths), side, side, 3))


def decode(path: pathlib.Path, side: int) -> np.ndarray:
  """The centre of an image file.

  Args:
    path: the file.
    side: H and W of the square cut out.

  Returns:
    uint8 [side, side, 3].

  Raises:
    errors.InputError: if the file is damaged, or too small.
  """
  from PIL import Image  # pylint: disable=g-import-not-at-top

  expected = f'an intact image: {path}'
  try:
    with Image.open(path) as file:
      if file.mode.startswith(photographs.DEEP_MODES):
        raise ValueError('more than 8 bits per channel')  # Would be cut.
      image = np.asarray(file.convert('RGB'))
  except (OSError, SyntaxError, ValueError) as error:
    raise errors.InputError('folder', expected, str(error)) from error
  height, width = image.shape[:2]
  if min(height, width) < side:
    expected = f'an image of at least {side} x {side}: {path}'
    raise errors.InputError('folder', expected, f'{height} x {width}')
  top, left = (height - side) // 2, (width - side) // 2
  return image[top : top + side, left : left + side]


def check_jpeg(path: pathlib.Path) -> None:
  """Raises errors.InputError unless a file begins and ends as JPEG does.

  Reads some bytes only: it finds files that are empty, cut off or of another
  kind, long before a sweep would decode them.

  Args:
    path: the file.
  """
  try:
    with path.open('rb') as file:
      start = file.read(len(_START))
      file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
      is_whole = start == _START and _END in file.read()
  except OSError as error:
    raise errors.InputError('folder', str(path), str(error)) from error
  if not is_whole:
    expected = f'a whole JPEG file: {path}'
    raise errors.InputError('folder', expected, 'one that is cut off or none')


def check_jpegs(paths: Sequence[pathlib.Path]) -> None:
  """`check_jpeg` for every file."""
  with futures.ThreadPoolExecutor(NUM_THREADS) as pool:
    list(pool.map(check_jpeg, paths))
