"""Every published table by `PAPER/NUMBER`."""

from robustjax.papers import noiseout

TABLES = {
  f'noiseout/{number}': table for number, table in noiseout.TABLES.items()
}
