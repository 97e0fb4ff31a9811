"""Every published table and figure by `PAPER/NUMBER`."""

from robustjax.papers import figures
from robustjax.papers import noiseout


def _named(paper: str, numbered: dict) -> dict:
  return {f'{paper}/{number}': entry for number, entry in numbered.items()}


TABLES = _named('noiseout', noiseout.TABLES)
CURVES = _named('noiseout', noiseout.CURVES)  # Figures of many runs.
FIGURES = figures.FIGURES  # Figures of one run.
