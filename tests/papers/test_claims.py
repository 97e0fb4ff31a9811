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
  assert claims.mean_higher([A], [B])(found).answer == expected


def test_figures_are_the_difference_with_its_interval():
  found = {A: {0: 0.6, 1: 0.62, 2: 0.64}, B: dict.fromkeys(range(3), 0.5)}
  verdict = claims.mean_higher([A], [B])(found)
  # t(.975, 2) = 4.303; 4.303 * 2 / sqrt 3 = 4.97.
  assert verdict.figures == '+12.00 ±4.97 points, n 3'
  assert claims.mean_higher([A], [B])({A: {0: 0.3}, B: {0: 0.1}}).figures == (
    '+20.00 points, n 1'
  )


def test_only_seeds_that_all_cells_have_count():
  found = {A: {0: 0.5, 1: 0.7, 2: 0.9}, B: {1: 0.3, 2: 0.1}, C: {2: 0.3}}
  assert claims.mean_higher([A], [B])(found).figures.endswith('n 2')
  assert claims.mean_higher([A], [B, C])(found).figures == '+70.00 points, n 1'
  assert claims.mean_higher([A], [('d', 'x')])(found).answer == claims.MISSING


def test_a_contrast_is_a_weighted_sum():
  found = {A: {0: 0.5}, B: {0: 0.2}, C: {0: 0.1}}
  values = claims.difference(found, {A: 1.0, B: -0.5}, {C: 2.0})
  assert values == {0: pytest.approx(0.5 - 0.1 - 0.2)}
  assert claims.mean_of([A, B]) == {A: 0.5, B: 0.5}


def _rows(**rows):
  """Cells in column x, by name of the row, a value per seed."""
  return {(row, 'x'): dict(enumerate(values)) for row, values in rows.items()}


def _above(*rows, reference='conv'):
  return {
    row: claims.mean_higher([(row, 'x')], [(reference, 'x')]) for row in rows
  }


def test_every_row_is_not_their_mean():
  # Two rows 20 points above, one 30 points below: the mean is above.
  found = _rows(a=[0.7, 0.71], b=[0.7, 0.71], c=[0.2, 0.21], conv=[0.5, 0.51])
  places = [(row, 'x') for row in 'abc']
  assert claims.mean_higher(places, [('conv', 'x')])(found).answer == 'holds'
  verdict = claims.every(_above('a', 'b', 'c'))(found)
  assert verdict.answer == claims.FAILS
  assert verdict.figures == (
    'holds for 2 of 3; a: +20.00 ±0.00 points, n 2; b: +20.00 ±0.00 points,'
    ' n 2; c: -30.00 ±0.00 points, n 2'
  )
  assert claims.every(_above('a', 'b'))(found).answer == claims.HOLDS
  assert claims.any_of(_above('a', 'c'))(found).answer == claims.HOLDS
  assert claims.any_of(_above('c'))(found).answer == claims.FAILS


@pytest.mark.parametrize(
  ('rows', 'every', 'some'),
  [
    # a above, b open (one of its seeds is below), c below, d not measured.
    ('ab', claims.OPEN, claims.HOLDS),
    ('bc', claims.FAILS, claims.OPEN),
    ('ad', claims.MISSING, claims.HOLDS),
    ('cd', claims.FAILS, claims.MISSING),
    ('bd', claims.MISSING, claims.MISSING),
  ],
)
def test_parts_that_cannot_be_told_or_are_missing(rows, every, some):
  found = _rows(
    a=[0.7, 0.71], b=[0.4, 0.61], c=[0.2, 0.21], conv=[0.5, 0.51]
  )  # fmt: skip
  assert claims.every(_above(*rows))(found).answer == every
  assert claims.any_of(_above(*rows))(found).answer == some
  nothing = claims.Verdict(claims.MISSING, '')
  assert claims.every(_above(*rows))({}) == nothing
  assert claims.any_of(_above(*rows))({}) == nothing


def test_a_part_chosen_among_several_takes_a_wider_interval():
  # A loss of .1 with deviation .02 over 3 seeds: t(.975) 4.303, +-.050; of four
  # parts t(.99375) 8.86, +-.102.
  lower, same = [0.42, 0.4, 0.38], [0.5, 0.5, 0.5]
  found = _rows(a=lower, b=same, c=same, d=same, conv=same)
  assert claims.every(_above('a'))(found).answer == claims.FAILS
  assert claims.every(_above(*'abcd'))(found).answer == claims.OPEN
  gains = _rows(a=[0.58, 0.6, 0.62], b=same, c=same, d=same, conv=same)
  assert claims.any_of(_above('a'))(gains).answer == claims.HOLDS
  assert claims.any_of(_above(*'abcd'))(gains).answer == claims.OPEN


def test_many_parts_show_those_that_tell():
  row = {name: [0.7, 0.71] for name in 'abcdef'}
  found = _rows(**row, g=[0.2, 0.21], conv=[0.5, 0.51])
  parts = _above(*'abcdefg')
  assert claims.every(parts)(found).figures == (
    'holds for 6 of 7; g: -30.00 ±0.00 points, n 2'
  )
  figures = claims.any_of(parts)(found).figures
  assert figures.startswith('holds for 6 of 7; a: +20.00')
  assert figures.endswith('; ...')
  assert 'g:' not in figures


# Deviation .1 points over 3 seeds: half-width 4.303 x .1 / sqrt 3 = .248.
@pytest.mark.parametrize(
  ('gap', 'within', 'similar', 'not_lower'),
  [
    (0.0, 1.0, claims.HOLDS, claims.HOLDS),
    (0.7, 1.0, claims.HOLDS, claims.HOLDS),
    (0.8, 1.0, claims.OPEN, claims.HOLDS),
    (1.3, 1.0, claims.FAILS, claims.HOLDS),
    (-0.7, 1.0, claims.HOLDS, claims.HOLDS),
    (-0.8, 1.0, claims.OPEN, claims.OPEN),
    (-1.3, 1.0, claims.FAILS, claims.FAILS),
    # No difference can be seen, nor that there is none.
    (0.0, 0.2, claims.OPEN, claims.OPEN),
  ],
)
def test_alike_is_shown_not_presumed(gap, within, similar, not_lower):
  points = [gap - 0.1, gap, gap + 0.1]
  found = {A: {s: 0.5 + x / 100 for s, x in enumerate(points)}}
  found[B] = dict.fromkeys(range(3), 0.5)
  options = {'within': within}
  alike = claims.mean_similar([A], [B], **options)(found)
  assert alike.answer == similar
  assert alike.figures.endswith(f'points, n 3, same within {within:g}')
  assert claims.mean_not_lower([A], [B], **options)(found).answer == not_lower
  # One seed never tells.
  first = {place: {0: values[0]} for place, values in found.items()}
  assert claims.mean_similar([A], [B], **options)(first).answer == claims.OPEN


def test_most_cases_are_counted_seed_by_seed():
  # Three cases: in two of them the first is higher than the second, seed 2 has
  # one more.
  found = {
    ('one', str(case)): dict(enumerate(values))
    for case, values in enumerate(([0.6] * 3, [0.6] * 3, [0.4, 0.4, 0.6]))
  }
  found |= {('two', str(case)): dict.fromkeys(range(3), 0.5) for case in '012'}
  chains = [[[('one', case)], [('two', case)]] for case in '012']
  verdict = claims.in_most(chains)(found)
  assert verdict.figures == 'in 2.33 of 3 (by seed 2, 2, 3)'
  # 2.33 +- 4.303 x .577 / sqrt 3 = 1.43, half of the cases is 1.5.
  assert verdict.answer == claims.OPEN
  same = {k: {0: v[0], 1: v[0]} for k, v in found.items()}
  assert claims.in_most(chains)(same).answer == claims.HOLDS
  assert claims.in_most([[*reversed(c)] for c in chains])(same).answer == (
    claims.FAILS
  )
  # All of a chain has to fall.
  longer = [[*chain, [('one', '0')]] for chain in chains]
  assert claims.in_most(longer)(same).answer == claims.FAILS
  assert claims.in_most(chains)({}).answer == claims.MISSING


def test_numbers_that_are_no_shares_have_no_points():
  verdict = claims.positive(A)({A: {0: 0.4, 1: 0.5, 2: 0.6}})
  # 4.303 x .1 / sqrt 3 = .248.
  assert verdict == (claims.HOLDS, '+0.50 ±0.25, n 3')
  assert claims.positive(A)({A: {0: -0.4, 1: -0.4}}).answer == claims.FAILS
  assert claims.positive(A)({}).answer == claims.MISSING


def test_curves_that_cross():
  amounts = (0.1, 0.2, 0.3, 0.4)
  ours = [('ours', f'{one}') for one in amounts]
  others = [('others', f'{one}') for one in amounts]
  found = {place: {0: 0.5, 1: 0.51} for place in others}
  for place, gap in zip(ours, (0.2, 0.1, -0.1, -0.2), strict=True):
    found[place] = {0: 0.5 + gap, 1: 0.51 + gap}
  verdict = claims.crosses_below(ours, others, amounts)(found)
  assert verdict.answer == claims.HOLDS
  assert 'above at 0.1: +20.00' in verdict.figures
  assert 'below from 0.3 on: +15.00' in verdict.figures
  assert verdict.figures.endswith('the means cross between 0.2 and 0.3')
  above = found | {place: {0: 0.7, 1: 0.71} for place in ours}
  verdict = claims.crosses_below(ours, others, amounts)(above)
  assert verdict.answer == claims.FAILS
  assert verdict.figures.endswith('the means do not cross')
  assert claims.crosses_below(others, ours, amounts)(found).answer == (
    claims.FAILS
  )
  assert claims.crosses_below(ours, others, amounts)({}).answer == (
    claims.MISSING
  )


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


def test_the_paper_s_best_amount_stands_beside_ours():
  found, places = _curve([0.1, 0.5, 0.11], [0.1, 0.51, 0.6])
  judge = claims.interior_maximum(places, [0, 1.5, 3], published=4.5)
  assert judge(found).figures == (
    'highest at 2.2 ± 1.1 (by seed 1.5, 3), the paper at 4.5, inside the range'
    ' for 1 of 2'
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


def test_statements_stand_beside_their_verdicts():
  found = {A: {0: 0.6, 1: 0.62, 2: 0.64}, B: dict.fromkeys(range(3), 0.5)}
  statement = claims.Claim('a above b', 'p. 1', claims.mean_higher([A], [B]))
  figures = '+12.00 ±4.97 points, n 3'
  assert claims.judge_all([statement], found) == [
    {'text': 'a above b', 'where': 'p. 1', 'answer': 'holds',
     'figures': figures},
  ]  # fmt: skip
  assert claims.to_markdown([statement], found).splitlines()[2] == (
    f'| a above b | holds | {figures} | p. 1 |'
  )
