"""Reads what the runs of a table did, as far as they are there."""

from collections.abc import Mapping
import pathlib
from typing import Any
from typing import NamedTuple

from robustjax.papers import claims
from robustjax.papers import measuring
from robustjax.papers import reproduction
from robustjax.papers import tables
from robustjax.training import run_files


class Collected(NamedTuple):
  """What has been measured of a table so far.

  Attributes:
    found: by cell and seed.
    others: the same for the table's other measures, by name.
    summaries: what training reported, of every run and seed.
  """

  found: claims.Found
  others: Mapping[str, claims.Found]
  summaries: tuple[Mapping[str, Any], ...]


def collect(
  table: tables.Table,
  runs: reproduction.Runs,
  out: pathlib.Path,
  scale: reproduction.Scale,
) -> Collected:
  """Reads what has been measured so far, by cell and seed."""
  known = {}  # Cells share runs: each file is read once.

  def read(config, seed, benchmark):
    folder = run_files.seed_folder(reproduction.run_folder(out, config), seed)
    key = folder, benchmark.label
    if key not in known:
      known[key] = measuring.read(folder, benchmark, config, scale.num_images)
    return known[key]

  def values(place, measure, benchmark):
    ones = {
      s: read(runs[place][1], s, benchmark) for s in range(scale.num_seeds)
    }
    found = {s: measure.of(one.results) for s, one in ones.items() if one}
    return {s: value for s, value in found.items() if value is not None}

  own = {place: table.cells[place].measure for place in runs}
  on = {place: scale.benchmark_of(measure) for place, measure in own.items()}
  found = {place: values(place, own[place], on[place]) for place in runs}
  others = {
    other.name: {place: values(place, other, on[place]) for place in runs}
    for other in table.others
  }
  summaries = {folder: one.summary for (folder, _), one in known.items() if one}
  return Collected(found, others, tuple(summaries.values()))
