"""Seeded splits of a data set, by class."""

from collections.abc import Sequence

import numpy as np

from robustjax import errors
from robustjax import random_keys

_DECIMALS = 9  # of a number of images; what is beyond is rounding of a share


def split_by_class(
  labels: np.ndarray, shares: Sequence[float], *, seed: int
) -> tuple[np.ndarray, ...]:
  """Splits the images of every class in the same shares.

  The images of a class are put in an order that depends on the seed and on the
  places of these images only, and cut into consecutive parts. So with the same
  seed the first part grows with its share: that of .2 holds that of .1.

  How many images of a class a part gets is rounded by largest remainders: every
  part the whole number below its quota, share times the images of the class;
  what is then left of the class goes, one image each, to the parts whose quotas
  were cut most, of equals to the earlier. Where shares add to less than 1, the
  rest, which no part gets, counts as one more part, the last. So a part is less
  than one image of a class away from its quota.

  Args:
    labels: class of each image, integers [N] of at least 0.
    shares: of the parts, each in (0, 1], together at most 1.
    seed: an integer in [0, 2^32).

  Returns:
    Of each part the places of its images in 0..N-1: disjoint, sorted, int64.

  Raises:
    errors.InputError: on other labels, shares or seeds, or if a class has too
      few images for one in every part.

  Example:
    >>> import numpy as np
    >>> labels = np.repeat([0, 1], [10, 20])
    >>> parts = split_by_class(labels, (0.7, 0.2, 0.1), seed=0)
    >>> [np.bincount(labels[part]).tolist() for part in parts]
    [[7, 14], [2, 4], [1, 2]]
  """
  try:
    labels = np.asarray(labels)
  except (TypeError, ValueError) as error:  # Such as rows of several lengths.
    got = type(labels).__name__
    raise errors.InputError('labels', 'integers [N]', got) from error
  _check_labels(labels)
  _check_shares(shares)
  random_keys.check_seed('seed', seed)
  parts = [[] for _ in shares]
  for label in np.unique(labels).tolist():
    order = _order(np.flatnonzero(labels == label), label, seed)
    counts = _counts(len(order), shares)
    _check_counts(counts, label, len(order))
    ends = np.cumsum(counts)
    for part, one in zip(parts, np.split(order, ends), strict=False):
      part.append(one)
  return tuple(np.sort(np.concatenate(part)) for part in parts)


def _order(places: np.ndarray, label: int, seed: int) -> np.ndarray:
  """The places of a class, shuffled; no other class has a say in it."""
  return np.random.default_rng((seed, label)).permutation(places)


def _counts(total: int, shares: Sequence[float]) -> np.ndarray:
  """Images of each part, of a class of `total`, by largest remainders."""
  quotas = total * np.asarray(shares, np.float64)
  quotas = np.append(quotas, total - quotas.sum()).round(_DECIMALS)
  counts = np.floor(quotas).astype(int)
  remainders = (quotas - counts).round(_DECIMALS)
  by_remainder = np.argsort(-remainders, kind='stable')
  counts[by_remainder[: total - counts.sum()]] += 1
  return counts[:-1]


def _check_labels(labels: np.ndarray) -> None:
  is_fit = labels.ndim == 1 and labels.dtype.kind in 'iu' and len(labels)
  if not is_fit or labels.min() < 0:
    least = f', least {labels.min()}' if is_fit else ''
    got = f'shape {labels.shape}, dtype {labels.dtype}{least}'
    raise errors.InputError('labels', 'integers [N] of at least 0', got)


def _check_shares(shares: Sequence[float]) -> None:
  if not isinstance(shares, Sequence) or isinstance(shares, str):
    got = type(shares).__name__
    raise errors.InputError('shares', 'a sequence of numbers', got)
  if not len(shares):
    raise errors.InputError('shares', 'at least one', 'none')
  for share in shares:
    errors.check_number('shares', share, high=1.0, open_low=True)
  if sum(shares) > 1 + 10**-_DECIMALS:
    expected = 'shares that add to at most 1'
    raise errors.InputError('shares', expected, f'{sum(shares):g}')


def _check_counts(counts: np.ndarray, label: int, total: int) -> None:
  if not counts.all():
    sizes = ', '.join(map(str, counts))
    expected = 'an image of every class in every part'
    got = f'{total} images of class {label}, which make parts of {sizes}'
    raise errors.InputError('shares', expected, got)
