"""What papers say of their results, and whether it holds of ours.

A statement is judged over seeds, by the mean of a difference and its 95 %
interval: it holds if the interval is above 0, does not hold if it is below, and
cannot be told otherwise, nor from one seed.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import math
from typing import NamedTuple

from robustjax.evaluation import statistics

Place = tuple[str, str]  # row and column of a table
# A share in [0, 1] by seed, for each (row, column) measured so far.
Found = Mapping[Place, Mapping[int, float]]

HOLDS = 'holds'
FAILS = 'does not hold'
OPEN = 'cannot be told'
MISSING = 'not measured'
_CONFIDENCE = 0.95


class Verdict(NamedTuple):
  """What our runs say of a statement.

  Attributes:
    answer: holds, does not hold, cannot be told, or not measured.
    figures: what that rests on.
  """

  answer: str
  figures: str = ''


class Claim(NamedTuple):
  """A statement of a paper.

  Attributes:
    text: in our words.
    where: in the paper.
    judge: from what was found to the verdict.
  """

  text: str
  where: str
  judge: Callable[[Found], Verdict]


def higher(more: Iterable[Place], less: Iterable[Place]):
  """Judges whether the mean over some cells is above that over others."""
  return contrast(mean_of(more), mean_of(less))


def mean_of(places: Iterable[Place]) -> dict[Place, float]:
  """The weights of a plain mean."""
  places = list(places)
  return dict.fromkeys(places, 1 / len(places))


def contrast(more: Mapping[Place, float], less: Mapping[Place, float]):
  """Judges whether one weighted sum of cells is above another, seed by seed.

  Args:
    more: weights, by cell.
    less: weights of what is taken away.

  Returns:
    The `judge` of a `Claim`.
  """

  def judge(found: Found) -> Verdict:
    values = difference(found, more, less)
    if not values:
      return Verdict(MISSING)
    one = statistics.summarize(values.values())
    return Verdict(_answer(one), _shown(one))

  return judge


def difference(
  found: Found, more: Mapping[Place, float], less: Mapping[Place, float]
) -> dict[int, float]:
  """One weighted sum minus another, by seed that all their cells have."""
  seeds = set.intersection(
    *(set(found.get(place, ())) for place in (*more, *less))
  )
  return {
    seed: sum(weight * found[place][seed] for place, weight in more.items())
    - sum(weight * found[place][seed] for place, weight in less.items())
    for seed in sorted(seeds)
  }


def _answer(one: statistics.Summary) -> str:
  if one.n == 1 or abs(one.mean) <= one.half_width:
    return OPEN
  return HOLDS if one.mean > 0 else FAILS


def _shown(one: statistics.Summary) -> str:
  interval = (
    '' if math.isnan(one.half_width) else f' ±{100 * one.half_width:.2f}'
  )
  return f'{100 * one.mean:+.2f}{interval} points, n {one.n}'


def interior_maximum(places: Sequence[Place], amounts: Sequence[float]):
  """Judges whether a curve is highest inside its range.

  The best inner amount by the mean over seeds has to be above both ends. As it
  was chosen among several, its two intervals are those of Bonferroni.

  Args:
    places: the cells of the curve.
    amounts: what is on its axis, in the same order, increasing.

  Returns:
    The `judge` of a `Claim`. Its figures also hold the best amount of each
    seed, with its spread and how often it lies inside.
  """

  def judge(found: Found) -> Verdict:
    curves = _curves(found, places)
    if not curves:
      return Verdict(MISSING)
    best = [amounts[_argmax(curve)] for curve in curves]
    return Verdict(_inner_answer(curves), _best_shown(best, amounts))

  return judge


def _curves(found: Found, places: Sequence[Place]) -> list[list[float]]:
  """The values along the curve of every seed that has all of them."""
  seeds = set.intersection(*(set(found.get(place, ())) for place in places))
  return [[found[place][seed] for place in places] for seed in sorted(seeds)]


def _argmax(values: Sequence[float]) -> int:
  return max(range(len(values)), key=values.__getitem__)


def _inner_answer(curves: list[list[float]]) -> str:
  if len(curves) == 1:
    return OPEN
  means = [sum(values) for values in zip(*curves, strict=True)]
  inner = 1 + _argmax(means[1:-1])
  confidence = 1 - (1 - _CONFIDENCE) / (2 * (len(means) - 2))
  gains = [
    statistics.summarize(
      [curve[inner] - curve[end] for curve in curves], confidence
    )
    for end in (0, -1)
  ]
  if all(one.mean > one.half_width for one in gains):
    return HOLDS
  is_below = any(one.mean < -one.half_width for one in gains)
  return FAILS if is_below else OPEN


def _best_shown(best: Sequence[float], amounts: Sequence[float]) -> str:
  one = statistics.summarize(best)
  spread = '' if one.n == 1 else f' ± {one.deviation:.2g}'
  inside = sum(amounts[0] < amount < amounts[-1] for amount in best)
  each = ', '.join(f'{amount:g}' for amount in best)
  return (
    f'highest at {one.mean:.2g}{spread} (by seed {each}),'
    f' inside the range for {inside} of {one.n}'
  )
