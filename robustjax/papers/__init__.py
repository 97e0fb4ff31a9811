"""The papers' tables as data, and running them again."""

from robustjax.papers.catalog import TABLES
from robustjax.papers.tables import Cell
from robustjax.papers.tables import Table

__all__ = ('TABLES', 'Cell', 'Table')
