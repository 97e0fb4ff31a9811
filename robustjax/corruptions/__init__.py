"""Test-time corruptions: batched, keyed, and traceable in their amounts."""

from robustjax.corruptions.catalog import Degradation
from robustjax.corruptions.catalog import DEGRADATIONS

__all__ = ('DEGRADATIONS', 'Degradation')
