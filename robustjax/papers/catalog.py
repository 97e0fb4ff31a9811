"""Every published table and figure by `PAPER/NUMBER`."""

from robustjax.papers import figures
from robustjax.papers import noise_progression
from robustjax.papers import noiseout
from robustjax.papers import noiseout_hosts
from robustjax.papers import noisy_dropout
from robustjax.papers import noisy_dropout_grid
from robustjax.papers import weight_map
from robustjax.papers import weight_map_curves


def _named(paper: str, *parts: dict) -> dict:
  return {
    f'{paper}/{number}': entry
    for numbered in parts
    for number, entry in numbered.items()
  }


TABLES = {
  **_named('noiseout', noiseout.TABLES, noiseout_hosts.TABLES),
  **_named('noisy_dropout', noisy_dropout_grid.TABLES),
  **_named('weight_map', weight_map.TABLES),
}
# Figures of many runs.
CURVES = {
  **_named('noiseout', noiseout.CURVES),
  **_named('noise_progression', noise_progression.FIGURES),
  **_named('noisy_dropout', noisy_dropout.FIGURES, noisy_dropout_grid.FIGURES),
  **_named('weight_map', weight_map_curves.FIGURES),
}
FIGURES = figures.FIGURES  # Figures that explain single classifiers.
