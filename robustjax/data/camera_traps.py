"""Photographs of animals by camera traps: ten classes of iWildCam2019.

They are read from the files of the Kaggle competition iwildcam-2019-fgvc6, as
they were published, in a folder `iwildcam`:

  train.csv      a line per photograph, with the columns file_name, category_id
  train_images/  the photographs, under these names

Only the competition's training photographs are used, since its test set has
other animals. An equal number of every class is chosen, split 70/20/10 by
class, turned to grey and reduced to 23 x 32 pixels.

A camera takes several photographs of one animal, and they are split like all
others, as the paper has it: many a test image has a near twin in the training
images, and accuracies are higher than they would be at a new place.

References:
  Weight map layers, section 4.3.
  Beery, Morris and Perona. The iWildCam 2019 Challenge Dataset. 2019,
  arXiv:1907.07617.
"""

import concurrent.futures
import csv
import os
import pathlib

import numpy as np
from PIL import Image

from robustjax import errors
from robustjax import progress
from robustjax import random_keys
from robustjax.data import array_cache
from robustjax.data import data_set
from robustjax.data import photographs
from robustjax.data import splits

NAME = 'iwildcam'
# From the competition's page, "Data": the ten classes of the paper, in its
# order, by their category_id.
CATEGORIES = {
  'deer': 1,
  'squirrel': 3,
  'rodent': 4,
  'fox': 10,
  'coyote': 11,
  'raccoon': 13,
  'skunk': 14,
  'cat': 17,
  'dog': 18,
  'opossum': 19,
}
CLASSES = tuple(CATEGORIES)
SHARES = {'train': 0.7, 'validation': 0.2, 'test': 0.1}
SIZE = (23, 32)  # height, width: 747 x 1024, as many of them are, by 32

_MOST_IMAGES = 1_000_000
_COLUMNS = ('file_name', 'category_id')
_FILES = 'the files of the Kaggle competition iwildcam-2019-fgvc6'
_CHOICE = 1  # sets these draws apart from those of the split


def load(
  split: str,
  *,
  data_dir: str | os.PathLike,
  images_per_class: int = 1000,
  seed: int = 0,
) -> data_set.DataSet:
  """Loads one part of the chosen photographs.

  A photograph is reduced with Pillow's box filter: a pixel is the mean of all
  pixels it covers. At a reduction by 32 that leaves nothing to alias, does not
  ring at edges and does not mix neighbours, as wider filters do.

  They are decoded the first time only. A photograph that is changed under its
  name is then not noticed, a new train.csv is.

  Args:
    split: 'train', 'validation' or 'test'.
    data_dir: the folder that `iwildcam` is in.
    images_per_class: how many photographs of each class are chosen.
    seed: of the choice and of the split, in [0, 2^32).

  Returns:
    A `DataSet`: images uint8 [N, 23, 32, 1], labels in the order of `CLASSES`.

  Raises:
    errors.InputError: if a file or a column is missing, a class has too few
      photographs, or one cannot be decoded.
  """
  errors.check_choice('split', split, SHARES)
  errors.check_integer(
    'images_per_class', images_per_class, low=1, high=_MOST_IMAGES
  )
  random_keys.check_seed('seed', seed)
  folder = errors.as_path('data_dir', data_dir) / NAME
  names, labels = _chosen(_photographs(folder), images_per_class, seed)
  parts = splits.split_by_class(labels, tuple(SHARES.values()), seed=seed)
  places = parts[list(SHARES).index(split)]
  kind = f'{split}-{images_per_class}-seed-{seed}'
  images, labels = array_cache.read_or_make(
    array_cache.folder_for(kind, folder),
    len(places),
    lambda: (_decode(folder, names[places], split), labels[places]),
  )
  return data_set.DataSet(NAME, split, images, labels, len(CLASSES))


def _photographs(folder: pathlib.Path) -> dict[int, list[str]]:
  """File names by category, sorted: their order in the file has no say."""
  path = folder / 'train.csv'
  try:
    with path.open(newline='', encoding='utf-8') as file:
      reader = csv.DictReader(file, strict=True)
      _check_columns(path, reader.fieldnames or ())
      pairs = {(int(row['category_id']), row['file_name']) for row in reader}
  except FileNotFoundError as error:
    got = f'{folder}, which has no train.csv'
    raise errors.InputError('data_dir', f'{_FILES} in {NAME}', got) from error
  except errors.InputError:
    raise
  except (OSError, ValueError, TypeError, csv.Error) as error:
    expected = f'an intact train.csv, with a whole number as {_COLUMNS[1]}'
    raise errors.InputError('data_dir', expected, f'{path}: {error}') from error
  found = {}
  for category, name in sorted(pairs):
    if pathlib.PurePath(name).name != name:  # It becomes a path.
      expected = 'names of files in train_images'
      raise errors.InputError('data_dir', expected, f'{path}: {name!r}')
    found.setdefault(category, []).append(name)
  return found


def _check_columns(path: pathlib.Path, names) -> None:
  if not set(_COLUMNS) <= set(names):
    expected = f'a train.csv with the columns {" and ".join(_COLUMNS)}'
    got = f'{path} with {", ".join(names) or "none"}'
    raise errors.InputError('data_dir', expected, got)


def _chosen(
  photographs: dict[int, list[str]], images_per_class: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
  """File names and labels of the photographs chosen at random, by class."""
  counts = {n: len(photographs.get(i, ())) for n, i in CATEGORIES.items()}
  short = {n: count for n, count in counts.items() if count < images_per_class}
  if short:
    expected = f'{images_per_class} photographs of each of ten classes'
    got = ', '.join(f'{count} of {name}' for name, count in short.items())
    raise errors.InputError('data_dir', expected, got)
  names = []
  for category in CATEGORIES.values():
    generator = np.random.default_rng((seed, category, _CHOICE))
    order = generator.permutation(photographs[category])
    names.append(order[:images_per_class])
  labels = np.repeat(np.arange(len(CLASSES), dtype=np.int32), images_per_class)
  return np.concatenate(names), labels


def _decode(folder: pathlib.Path, names: np.ndarray, split: str) -> np.ndarray:
  """The photographs, uint8 [N, 23, 32, 1], several at a time."""
  images = np.empty((len(names), *SIZE, 1), np.uint8)
  paths = [folder / 'train_images' / name for name in names]
  with (
    progress.bar(len(names), f'decoding {NAME} {split}') as shown,
    concurrent.futures.ThreadPoolExecutor() as pool,
  ):
    for image, one in zip(images, pool.map(_read, paths), strict=True):
      image[..., 0] = one
      shown.update(1)
  return images


def _read(path: pathlib.Path) -> np.ndarray:
  """One photograph, grey, uint8 [23, 32]."""
  height, width = SIZE
  try:
    with Image.open(path) as photograph:
      if photograph.mode.startswith(photographs.DEEP_MODES):
        raise ValueError('more than 8 bits per channel')  # Would be cut.
      # In floats: Pillow rounds bytes between rows and columns.
      grey = photograph.convert('L').convert('F')
    reduced = grey.resize((width, height), Image.Resampling.BOX)
    return np.rint(np.asarray(reduced)).astype(np.uint8)
  except FileNotFoundError as error:
    got = f'no file {path}'
    raise errors.InputError('data_dir', _FILES, got) from error
  # A damaged file raises one of many types, from Pillow's own readers.
  except Exception as error:
    expected = 'photographs that can be decoded'
    got = f'{path}: {type(error).__name__}'
    raise errors.InputError('data_dir', expected, got) from error
