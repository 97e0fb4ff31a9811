"""What papers say of their results, and whether it holds of ours.

A statement is judged over seeds, by the mean of a difference and its 95 %
interval: it holds if the interval is where the statement says, does not hold if
it is all outside, and cannot be told otherwise, nor from one seed.

Two kinds of statement must not be mixed up, and have names of their own here. A
statement on the mean of several cells, `mean_higher` and its like, may hold
although some of the cells are far on the other side. One on `every` one of them
does not hold as soon as one part does not.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import itertools
import math
from typing import NamedTuple

from robustjax.evaluation import statistics
from robustjax.evaluation import tables

Place = tuple[str, str]  # row and column of a table
# A share in [0, 1] by seed, for each (row, column) measured so far.
Found = Mapping[Place, Mapping[int, float]]

HOLDS = 'holds'
FAILS = 'does not hold'
OPEN = 'cannot be told'
MISSING = 'not measured'
# What "similar" allows where the paper prints no deviation, in points.
ONE_POINT = 1.0
_CONFIDENCE = 0.95
_SHOWN = 4  # parts of a statement whose figures are printed


class Verdict(NamedTuple):
  """What our runs say of a statement.

  Attributes:
    answer: holds, does not hold, cannot be told, or not measured.
    figures: what that rests on.
  """

  answer: str
  figures: str = ''


# (found, confidence of the interval, by default .95) -> verdict
Judge = Callable[..., Verdict]


class Claim(NamedTuple):
  """A statement of a paper.

  Attributes:
    text: in our words; says whether it is on every row or on their mean.
    where: in the paper.
    judge: from what was found to the verdict.
  """

  text: str
  where: str
  judge: Judge


def judge_all(
  statements: Iterable[Claim], found: Found
) -> list[dict[str, str]]:
  """Statements with their verdicts, as plain values."""
  return [
    {
      'text': claim.text,
      'where': claim.where,
      **claim.judge(found)._asdict(),
    }
    for claim in statements
  ]


def to_markdown(statements: Iterable[Claim], found: Found) -> str:
  """A table of statements and verdicts, with a line break at its end."""
  names = ('text', 'answer', 'figures', 'where')
  lines = [
    [judged[name] for name in names] for judged in judge_all(statements, found)
  ]
  head = ('the paper says', 'of ours it', 'difference, 95 %', 'where')
  return tables.markdown([head, *lines])


def mean_higher(more: Iterable[Place], less: Iterable[Place]) -> Judge:
  """Judges whether the mean over some cells is above that over others."""
  return contrast(mean_of(more), mean_of(less))


def mean_similar(
  some: Iterable[Place], others: Iterable[Place], *, within: float = ONE_POINT
) -> Judge:
  """Judges whether two means are alike: an equivalence test.

  That no difference is seen does not make things alike. They are if the whole
  interval of the difference is within a bound, and differ if it is all beyond.

  Args:
    some: cells.
    others: cells.
    within: largest difference that still counts as similar, in points.

  Returns:
    The `judge` of a `Claim`.
  """
  return _between(mean_of(some), mean_of(others), -within, within)


def mean_not_lower(
  some: Iterable[Place], others: Iterable[Place], *, within: float = ONE_POINT
) -> Judge:
  """Judges "higher or the same": not lower by more than what "same" allows.

  Args:
    some: cells whose mean is not to be lower.
    others: than that of these.
    within: largest difference that still counts as the same, in points.

  Returns:
    The `judge` of a `Claim`.
  """
  return _between(mean_of(some), mean_of(others), -within, math.inf)


def mean_of(places: Iterable[Place]) -> dict[Place, float]:
  """The weights of a plain mean."""
  places = list(places)
  return dict.fromkeys(places, 1 / len(places))


def contrast(more: Mapping[Place, float], less: Mapping[Place, float]) -> Judge:
  """Judges whether one weighted sum of cells is above another, seed by seed.

  Args:
    more: weights, by cell.
    less: weights of what is taken away.

  Returns:
    The `judge` of a `Claim`.
  """
  return _between(more, less, 0.0, math.inf)


def positive(place: Place) -> Judge:
  """Judges whether a number of one cell, which is no share, is above 0."""
  return _between({place: 1.0}, {}, 0.0, math.inf, is_share=False)


def difference(
  found: Found, more: Mapping[Place, float], less: Mapping[Place, float]
) -> dict[int, float]:
  """One weighted sum minus another, by seed that all their cells have."""
  return {
    seed: sum(weight * found[place][seed] for place, weight in more.items())
    - sum(weight * found[place][seed] for place, weight in less.items())
    for seed in _common_seeds(found, (*more, *less))
  }


def _common_seeds(found: Found, places: Iterable[Place]) -> list[int]:
  return sorted(
    set.intersection(*(set(found.get(place, ())) for place in places))
  )


def _between(
  more, less, low: float, high: float, *, is_share: bool = True
) -> Judge:
  """Judges whether a difference is between two bounds, of shares in points."""
  factor, unit = (100, ' points') if is_share else (1, '')

  def judge(found: Found, confidence: float = _CONFIDENCE) -> Verdict:
    values = difference(found, more, less)
    if not values:
      return Verdict(MISSING)
    # Rounded, so that sums of equal numbers in another order are equal.
    rounded = [round(factor * value, 9) for value in values.values()]
    summary = statistics.summarize(rounded, confidence)
    return Verdict(_answer(summary, low, high), _shown(summary, low, unit))

  return judge


def _answer(summary: statistics.Summary, low: float, high: float) -> str:
  if summary.n == 1:
    return OPEN
  least = summary.mean - summary.half_width
  most = summary.mean + summary.half_width
  if low < least and most < high:
    return HOLDS
  return FAILS if most < low or high < least else OPEN


def _shown(summary: statistics.Summary, low: float, unit: str) -> str:
  half_width = summary.half_width
  interval = '' if math.isnan(half_width) else f' ±{half_width:.2f}'
  bound = f', same within {-low:g}' if low else ''
  return f'{summary.mean:+.2f}{interval}{unit}, n {summary.n}{bound}'


def every(parts: Mapping[str, Judge]) -> Judge:
  """Judges whether each of several statements holds.

  It holds if every part does, which needs no correction for their number: one
  part that is not shown is enough. It does not hold if one part does not, with
  Bonferroni's interval, as that part was chosen among several.

  Args:
    parts: by name, such as that of the row a part is on.

  Returns:
    The `judge` of a `Claim`. Its figures say for how many parts it holds, and
    show those for which it does not.
  """
  return _of_parts(parts, FAILS, HOLDS, is_shown=lambda one: one != HOLDS)


def any_of(parts: Mapping[str, Judge]) -> Judge:
  """Judges whether at least one of several statements holds.

  It holds if one part does, with Bonferroni's interval, as that part was chosen
  among several. It does not hold if no part does.

  Args:
    parts: by name, such as that of the row a part is on.

  Returns:
    The `judge` of a `Claim`. Its figures say for how many parts it holds, and
    show these.
  """
  return _of_parts(parts, HOLDS, FAILS, is_shown=lambda one: one == HOLDS)


def _of_parts(
  parts: Mapping[str, Judge], by_one: str, by_all: str, is_shown
) -> Judge:
  """One answer is given by a single part, the other by all of them.

  A single part was chosen among several: its interval is Bonferroni's.
  """

  def judge(found: Found, confidence: float = _CONFIDENCE) -> Verdict:
    verdicts = {name: part(found, confidence) for name, part in parts.items()}
    answers = {verdict.answer for verdict in verdicts.values()}
    if by_one in _answers(parts, found, confidence):
      answer = by_one
    elif MISSING in answers:
      answer = MISSING
    else:
      answer = by_all if answers == {by_all} else OPEN
    return Verdict(answer, _counted(verdicts, is_shown))

  return judge


def _answers(parts: Mapping[str, Judge], found: Found, confidence) -> set[str]:
  """The answers of all parts with Bonferroni's intervals."""
  corrected = 1 - (1 - confidence) / len(parts)
  return {part(found, corrected).answer for part in parts.values()}


def _counted(verdicts: Mapping[str, Verdict], is_telling) -> str:
  """For how many it holds; the figures of few, or of those that tell."""
  count = sum(verdict.answer == HOLDS for verdict in verdicts.values())
  shown = {k: v for k, v in verdicts.items() if v.figures}
  if not shown:
    return ''  # Nothing is measured.
  if len(shown) > _SHOWN:
    shown = {k: v for k, v in shown.items() if is_telling(v.answer)}
  named = [f'{name}: {one.figures}' for name, one in shown.items()][:_SHOWN]
  more = ['...'] if len(shown) > _SHOWN else []
  head = f'holds for {count} of {len(verdicts)}'
  return '; '.join([head, *named, *more])


def in_most(chains: Sequence[Sequence[Sequence[Place]]]) -> Judge:
  """Judges whether means fall in order in more than half of several cases.

  Args:
    chains: for each case groups of cells, that of the highest mean first.

  Returns:
    The `judge` of a `Claim`: on the share of the cases, seed by seed.
  """

  def judge(found: Found, confidence: float = _CONFIDENCE) -> Verdict:
    groups = [group for chain in chains for group in chain]
    seeds = _common_seeds(found, (place for group in groups for place in group))
    if not seeds:
      return Verdict(MISSING)
    counts = [
      sum(_falls(found, chain, seed) for chain in chains) for seed in seeds
    ]
    summary = statistics.summarize(counts, confidence)
    each = ', '.join(map(str, counts))
    figures = f'in {summary.mean:.3g} of {len(chains)} (by seed {each})'
    return Verdict(_answer(summary, len(chains) / 2, math.inf), figures)

  return judge


def _falls(found: Found, chain: Sequence[Sequence[Place]], seed: int) -> bool:
  means = [
    sum(found[place][seed] for place in group) / len(group) for group in chain
  ]
  return all(one > other for one, other in itertools.pairwise(means))


def crosses_below(
  ours: Sequence[Place], others: Sequence[Place], amounts: Sequence[float]
) -> Judge:
  """Judges whether one curve is above another at first, and then below it.

  At first is at the smallest amount, then is the mean over the larger half of
  the amounts: no place of a crossing is chosen after the fact.

  Args:
    ours: the cells of the curve.
    others: the cells of the other one.
    amounts: what is on their axis, in the same order, increasing.

  Returns:
    The `judge` of a `Claim`. Its figures also say where the means cross.
  """
  half = len(amounts) // 2
  both = every(
    {
      f'above at {amounts[0]:.3g}': mean_higher(ours[:1], others[:1]),
      f'below from {amounts[half]:.3g} on': mean_higher(
        others[half:], ours[half:]
      ),
    }
  )

  def judge(found: Found, confidence: float = _CONFIDENCE) -> Verdict:
    answer, figures = both(found, confidence)
    crossing = _crossing(found, ours, others, amounts)
    return Verdict(answer, f'{figures}; {crossing}' if crossing else figures)

  return judge


def _crossing(found: Found, ours, others, amounts) -> str:
  seeds = _common_seeds(found, (*ours, *others))
  if not seeds:
    return ''
  gaps = [
    sum(found[one][seed] - found[other][seed] for seed in seeds)
    for one, other in zip(ours, others, strict=True)
  ]
  for place in range(1, len(gaps)):
    if gaps[place - 1] >= 0 > gaps[place]:
      ends = f'{amounts[place - 1]:.3g} and {amounts[place]:.3g}'
      return f'the means cross between {ends}'
  return 'the means do not cross'


def interior_maximum(
  places: Sequence[Place],
  amounts: Sequence[float],
  *,
  published: float | None = None,
) -> Judge:
  """Judges whether a curve is highest inside its range.

  The best inner amount by the mean over seeds has to be above both ends. As it
  was chosen among several, its two intervals are those of Bonferroni.

  Args:
    places: the cells of the curve.
    amounts: what is on its axis, in the same order, increasing.
    published: the best amount the paper reports, to stand beside ours.

  Returns:
    The `judge` of a `Claim`. Its figures also hold the best amount of each
    seed, with its spread and how often it lies inside.
  """

  def judge(found: Found, confidence: float = _CONFIDENCE) -> Verdict:
    curves = _curves(found, places)
    if not curves:
      return Verdict(MISSING)
    best = [amounts[_argmax(curve)] for curve in curves]
    shown = _best_shown(best, amounts, published)
    return Verdict(_inner_answer(curves, confidence), shown)

  return judge


def _curves(found: Found, places: Sequence[Place]) -> list[list[float]]:
  """The values along the curve of every seed that has all of them."""
  return [
    [found[place][seed] for place in places]
    for seed in _common_seeds(found, places)
  ]


def _argmax(values: Sequence[float]) -> int:
  return max(range(len(values)), key=values.__getitem__)


def _inner_answer(curves: list[list[float]], confidence: float) -> str:
  if len(curves) == 1:
    return OPEN
  means = [sum(values) for values in zip(*curves, strict=True)]
  inner = 1 + _argmax(means[1:-1])
  corrected = 1 - (1 - confidence) / (2 * (len(means) - 2))
  gains = [
    statistics.summarize(
      [curve[inner] - curve[end] for curve in curves], corrected
    )
    for end in (0, -1)
  ]
  if all(gain.mean > gain.half_width for gain in gains):
    return HOLDS
  is_below = any(gain.mean < -gain.half_width for gain in gains)
  return FAILS if is_below else OPEN


def _best_shown(
  best: Sequence[float], amounts: Sequence[float], published: float | None
) -> str:
  summary = statistics.summarize(best)
  spread = '' if summary.n == 1 else f' ± {summary.deviation:.2g}'
  paper = '' if published is None else f', the paper at {published:g}'
  inside = sum(amounts[0] < amount < amounts[-1] for amount in best)
  each = ', '.join(f'{amount:g}' for amount in best)
  return (
    f'highest at {summary.mean:.2g}{spread} (by seed {each}){paper},'
    f' inside the range for {inside} of {summary.n}'
  )
