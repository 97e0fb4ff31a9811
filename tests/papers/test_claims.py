"""Statements judged on values made by hand."""

import math

import pytest

from robustjax.papers import claims

A, B, C = ('a', 'x'), ('b', 'x'), ('c', 'x')


@pytest.mark.parametrize(
  ('ours', 'others', 'expected'),
  [
    # Differences .10, .12, .14: mean .12, deviation .02, half-width .05.
    ([0.6, 0.62, 0.64], [0.5, 0.5, 0.5], claims.HOLDS),
    ([0.5, 0.5, 0.5], [0.6, 0.62, 0.64], claims.FAILS),
    # Differences -.1, .1, .3: mean .1, half-width .5.
    ([0.4, 0.6, 0.8], [0.5, 0.5, 0.5], claims.OPEN),
    ([0.9], [0.1], claims.OPEN),
    ([0.5, 0.5], [0.5, 0.5], claims.OPEN),
    ([], [0.1], claims.MISSING),
  ],
)
def test_the_interval_decides(ours, others, expected):
  found = {A: dict(enumerate(ours)), B: dict(enumerate(others))}
  assert claims.higher([A], [B])(found).answer == expected


def test_figures_are_the_difference_with_its_interval():
  found = {A: {0: 0.6, 1: 0.62, 2: 0.64}, B: dict.fromkeys(range(3), 0.5)}
  verdict = claims.higher([A], [B])(found)
  # t(.975, 2) = 4.303; 4.303 * 2 / sqrt 3 = 4.97.
  assert verdict.figures == '+12.00 ±4.97 points, n 3'
  assert claims.higher([A], [B])({A: {0: 0.3}, B: {0: 0.1}}).figures == (
    '+20.00 points, n 1'
  )


def test_only_seeds_that_all_cells_have_count():
  found = {A: {0: 0.5, 1: 0.7, 2: 0.9}, B: {1: 0.3, 2: 0.1}, C: {2: 0.3}}
  assert claims.higher([A], [B])(found).figures.endswith('n 2')
  assert claims.higher([A], [B, C])(found).figures == '+70.00 points, n 1'
  assert claims.higher([A], [('d', 'x')])(found).answer == claims.MISSING


def test_a_contrast_is_a_weighted_sum():
  found = {A: {0: 0.5}, B: {0: 0.2}, C: {0: 0.1}}
  values = claims.difference(found, {A: 1.0, B: -0.5}, {C: 2.0})
  assert values == {0: pytest.approx(0.5 - 0.1 - 0.2)}
  assert claims.mean_of([A, B]) == {A: 0.5, B: 0.5}


def _curve(*seeds):
  places = [('r', str(i)) for i in range(len(seeds[0]))]
  found = {
    place: {seed: values[i] for seed, values in enumerate(seeds)}
    for i, place in enumerate(places)
  }
  return found, places


def test_a_clear_peak_inside_holds():
  found, places = _curve(
    [0.1, 0.5, 0.11], [0.1, 0.51, 0.1], [0.11, 0.5, 0.1], [0.1, 0.5, 0.1]
  )
  verdict = claims.interior_maximum(places, [0, 1.5, 3])(found)
  assert verdict.answer == claims.HOLDS
  assert verdict.figures == (
    'highest at 1.5 ± 0 (by seed 1.5, 1.5, 1.5, 1.5), inside the range for'
    ' 4 of 4'
  )


def test_a_slope_does_not_hold_and_noise_cannot_be_told():
  rising, places = _curve(
    [0.1, 0.2, 0.5], [0.1, 0.21, 0.5], [0.1, 0.2, 0.51], [0.1, 0.2, 0.5]
  )
  judge = claims.interior_maximum(places, [0, 1.5, 3])
  assert judge(rising).answer == claims.FAILS
  assert 'inside the range for 0 of 4' in judge(rising).figures
  noisy, _ = _curve([0.1, 0.3, 0.2], [0.3, 0.1, 0.2], [0.2, 0.3, 0.1])
  assert judge(noisy).answer == claims.OPEN
  one, _ = _curve([0.1, 0.3, 0.1])
  assert judge(one).answer == claims.OPEN
  assert judge({}).answer == claims.MISSING


def test_the_best_of_many_takes_a_wider_interval():
  # A gain of .1 with deviation .02 over 3 seeds: 95 % +-.0497 would do, the
  # 1 - .05 / 12 of six inner points, +-.18, does not.
  gains = [0.08, 0.1, 0.12]
  curves = [[0.5, 0.5, 0.5, 0.5 + gain, 0.5, 0.5, 0.5, 0.5] for gain in gains]
  found, places = _curve(*curves)
  judge = claims.interior_maximum(places, list(range(8)))
  assert judge(found).answer == claims.OPEN
  short, places = _curve(*([a[2], a[3], a[4]] for a in curves))
  # One inner point: 1 - .05 / 2, +-.072.
  judge = claims.interior_maximum(places, [0, 1, 2])
  assert judge(short).answer == claims.HOLDS
  assert math.isclose(sum(gains) / 3, 0.1)
