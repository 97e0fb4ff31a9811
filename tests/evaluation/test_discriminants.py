"""Planted classes, and scikit-learn in all dimensions as the oracle."""

import numpy as np
import pytest
from sklearn import covariance
from sklearn import discriminant_analysis

from robustjax import errors
from robustjax.evaluation import discriminants

NAMES = ('a', 'b', 'c')


def _planted(rng, count, dimensions, distance):
  """Points of three classes in turn, so far apart, away from the origin."""
  labels = np.arange(count) % 3
  centres = rng.normal(size=(3, dimensions))
  points = distance * centres[labels] + rng.normal(size=(count, dimensions))
  return points + 7.0, labels


def _scikit_learn(solver):
  return discriminant_analysis.LinearDiscriminantAnalysis(
    solver=solver, covariance_estimator=covariance.LedoitWolf()
  )


# Fewer points than dimensions, and more.
@pytest.mark.parametrize(('count', 'dimensions'), [(18, 50), (40, 6)])
def test_projects_as_scikit_learn_in_all_dimensions(rng, count, dimensions):
  points, labels = _planted(rng, count, dimensions, 0.7)
  found = discriminants.project(points, labels, NAMES, num_shuffles=1).points
  expected = _scikit_learn('eigen').fit(points, labels).transform(points)[:, :2]
  found, expected = (one - one.mean(axis=0) for one in (found, expected))
  expected *= np.sign(np.sum(found * expected, axis=0))  # Signs are free.
  # float64, and covariances of condition below 10^3.
  np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize(
  ('count', 'dimensions', 'distance'), [(19, 50, 0.2), (40, 6, 0.6)]
)
def test_leaves_out_as_scikit_learn_in_all_dimensions(
  rng, count, dimensions, distance
):
  points, labels = _planted(rng, 2 * count, dimensions, distance)
  # Of the last two classes only some, so that their priors count.
  places = np.flatnonzero((labels == 0) | (np.arange(2 * count) % 2 == 0))
  points, labels = points[places], labels[places]
  count = len(labels)
  model = _scikit_learn('lsqr')
  correct = []
  for place in range(count):
    others = np.arange(count) != place
    model.fit(points[others], labels[others])
    correct.append(model.predict(points[place : place + 1])[0] == labels[place])
  spanned = discriminants.span(points)
  found = discriminants.left_out_accuracy(spanned, labels, dimensions)
  assert 0.4 < found < 1  # Else much would go unnoticed.
  assert found == np.mean(correct)


def test_a_span_keeps_all_distances(rng):
  points = rng.normal(size=(9, 30)) + 100
  points[8] = points[0]
  spanned = discriminants.span(points)
  assert spanned.shape == (9, 7)
  np.testing.assert_allclose(spanned.mean(axis=0), 0, atol=1e-12)
  apart = points[:, None] - points[None]
  expected = np.linalg.norm(apart, axis=-1)
  found = np.linalg.norm(spanned[:, None] - spanned[None], axis=-1)
  np.testing.assert_allclose(found, expected, atol=1e-11)


def test_planted_classes_are_found_and_shuffled_ones_are_not(rng):
  points, labels = _planted(rng, 60, 300, 1.0)
  found = discriminants.project(points, labels, NAMES, num_shuffles=8)
  assert found.accuracy > 0.95
  assert found.points.shape == (60, 2)
  assert found.shuffled.shape == (8,)
  # Guesses: 1/3 of 8 x 60 points, 4.5 standard errors, if shuffles vary as
  # binomial numbers do; half as much again, as points of one shuffle share
  # nearly all of a classifier.
  error = np.sqrt(1 / 3 * 2 / 3 / (8 * 60))
  assert abs(found.shuffled.mean() - 1 / 3) < 1.5 * 4.5 * error
  centres = np.stack([found.points[labels == k].mean(axis=0) for k in range(3)])
  away = np.linalg.norm(found.points[:, None] - centres, axis=-1)
  np.testing.assert_array_equal(away.argmin(axis=1), labels)


def test_the_same_seed_shuffles_alike(rng):
  points, labels = _planted(rng, 12, 5, 1.0)
  once, again, other = (
    discriminants.project(points, labels, NAMES, num_shuffles=4, seed=seed)
    for seed in (0, 0, 1)
  )
  np.testing.assert_array_equal(once.shuffled, again.shuffled)
  assert not np.array_equal(once.shuffled, other.shuffled)


def test_points_that_are_all_the_same_are_named():
  with pytest.raises(errors.InputError, match='points: .*all the same'):
    discriminants.span(np.full((5, 4), 0.3))


@pytest.mark.parametrize(
  ('change', 'field'),
  [
    ({'points': np.full((9, 4), np.nan)}, 'points'),
    ({'points': np.ones(9)}, 'points'),
    ({'points': np.zeros((0, 4))}, 'points'),
    ({'points': None}, 'points'),
    ({'points': [[1.0]]}, 'points'),
    ({'labels': np.arange(8) % 3}, 'labels'),
    ({'labels': np.arange(9) % 3 - 1}, 'labels'),
    ({'labels': np.arange(9.0) % 3}, 'labels'),
    ({'labels': np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])}, 'labels'),
    ({'labels': None}, 'labels'),
    ({'names': ('a', 'b')}, 'names'),
    ({'names': None}, 'names'),
    ({'num_shuffles': 0}, 'num_shuffles'),
    ({'num_shuffles': 10**9}, 'num_shuffles'),
    ({'seed': -1}, 'seed'),
  ],
)
def test_other_points_labels_and_options_are_named(rng, change, field):
  given = {
    'points': rng.normal(size=(9, 4)),
    'labels': np.arange(9) % 3,
    'names': NAMES,
  }
  with pytest.raises(errors.InputError, match=f'{field}: expected'):
    discriminants.project(**given | change)
  with pytest.raises(errors.InputError, match='num_dimensions: '):
    discriminants.left_out_accuracy(given['points'], given['labels'], 3)
