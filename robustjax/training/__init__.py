"""Training, resuming and restoring."""

from robustjax.training.restoring import restore
from robustjax.training.restoring import Restored
from robustjax.training.runs import train

__all__ = ('Restored', 'restore', 'train')
