"""Training, resuming and restoring."""

from robustjax.training.loop import train
from robustjax.training.restoring import restore
from robustjax.training.restoring import Restored

__all__ = ('Restored', 'restore', 'train')
