import fractions

import numpy as np
import pytest

from robustjax import errors
from robustjax.data import splits


def _labels(sizes, rng):
  return rng.permutation(np.repeat(np.arange(len(sizes)), sizes))


def _exact_counts(total, shares):
  """Largest remainders in exact arithmetic, one image at a time."""
  parts = [fractions.Fraction(str(share)) * total for share in shares]
  parts.append(total - sum(parts))
  counts = [int(part) for part in parts]
  while sum(counts) < total:
    left = [part - count for part, count in zip(parts, counts, strict=True)]
    counts[left.index(max(left))] += 1
  return counts[:-1]


@pytest.mark.parametrize(
  'shares', [(0.9, 0.1), (0.7, 0.2, 0.1), (0.3, 0.3), (0.25,), (1.0,)]
)
def test_parts_are_disjoint_sorted_and_as_large_as_they_should_be(rng, shares):
  sizes = [*range(11, 40), 1000]
  labels = _labels(sizes, rng)
  parts = splits.split_by_class(labels, shares, seed=3)
  together = np.concatenate(parts)
  assert len(np.unique(together)) == len(together)
  if sum(shares) > 0.99:
    np.testing.assert_array_equal(np.sort(together), np.arange(len(labels)))
  found = np.array([np.bincount(labels[part]) for part in parts])
  for size, counts in zip(sizes, found.T, strict=True):
    assert counts.tolist() == _exact_counts(size, shares)
  for part in parts:
    assert (np.diff(part) > 0).all()


def test_a_thousand_images_are_split_without_rounding():
  labels = np.repeat(np.arange(10), 1000)
  parts = splits.split_by_class(labels, (0.7, 0.2, 0.1), seed=0)
  counts = [set(np.bincount(labels[part]).tolist()) for part in parts]
  assert counts == [{700}, {200}, {100}]


def test_the_seed_and_nothing_else_makes_the_split(rng):
  labels = _labels([50, 70], rng)
  first, same, other = (
    splits.split_by_class(labels, (0.5, 0.5), seed=seed) for seed in (1, 1, 2)
  )
  for one, again in zip(first, same, strict=True):
    np.testing.assert_array_equal(one, again)
  assert not np.array_equal(first[0], other[0])
  # Chance: half of what one seed picks, another picks; 4 standard deviations.
  shared = len(np.intersect1d(first[0], other[0]))
  assert abs(shared - 30) < 4 * np.sqrt(120 / 16)


def test_the_first_part_grows_with_its_share(rng):
  labels = _labels([30, 41], rng)
  small, large, followed = (
    set(splits.split_by_class(labels, shares, seed=5)[0].tolist())
    for shares in ((0.1,), (0.4,), (0.4, 0.6))
  )
  assert small < large
  assert large == followed


def test_a_class_is_split_the_same_whatever_the_others_are(rng):
  labels = _labels([20, 20, 20], rng)
  alone = np.where(labels == 2, 2, 0)
  parts = (
    splits.split_by_class(one, (0.5,), seed=0)[0] for one in (labels, alone)
  )
  found, expected = (part[labels[part] == 2] for part in parts)
  np.testing.assert_array_equal(found, expected)


def test_two_classes_of_one_size_are_shuffled_apart():
  labels = np.repeat([0, 1], 40)
  (part,) = splits.split_by_class(labels, (0.5,), seed=0)
  assert not np.array_equal(part[:20], part[20:] - 40)


@pytest.mark.parametrize(
  ('labels', 'shares', 'message'),
  [
    ([0, 1], (0.5, 0.6), 'shares: .*add to at most 1, got 1.1'),
    ([0, 1], (1.0, 0.0), r'shares: .*\(0, 1\], got 0.0'),
    ([0, 1], (-0.1,), r'shares: .*got -0.1'),
    ([0, 1], (), 'shares: expected at least one'),
    ([0] * 20 + [1] * 4, (0.9, 0.1), '4 images of class 1, .* parts of 4, 0'),
    ([0, -1], (1.0,), 'labels: .*least -1'),
    ([0.0, 1.0], (1.0,), 'labels: .*float64'),
    ([[0]], (1.0,), r'labels: .*shape \(1, 1\)'),
    (np.zeros(0, int), (1.0,), r'labels: .*shape \(0,\)'),
  ],
)
def test_bad_input_is_named(labels, shares, message):
  with pytest.raises(errors.InputError, match=message):
    splits.split_by_class(labels, shares, seed=0)


def test_a_bad_seed_is_named():
  with pytest.raises(errors.InputError, match='seed: .* got -1'):
    splits.split_by_class(np.zeros(3, int), (1.0,), seed=-1)
