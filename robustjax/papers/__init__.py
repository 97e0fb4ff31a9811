"""The papers' tables and figures as data, and running them again."""

from robustjax.papers.catalog import CURVES
from robustjax.papers.catalog import FIGURES
from robustjax.papers.catalog import TABLES
from robustjax.papers.explanations import explain
from robustjax.papers.explanations import Explained
from robustjax.papers.tables import Cell
from robustjax.papers.tables import Table

__all__ = (
  'CURVES',
  'FIGURES',
  'TABLES',
  'Cell',
  'Explained',
  'Table',
  'explain',
)
