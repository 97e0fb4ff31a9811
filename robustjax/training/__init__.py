"""Training, resuming and restoring."""

from robustjax.training.restoring import keep_noise
from robustjax.training.restoring import restore
from robustjax.training.restoring import Restored
from robustjax.training.runs import gains_from_seeds_at_once
from robustjax.training.runs import train

__all__ = (
  'Restored',
  'gains_from_seeds_at_once',
  'keep_noise',
  'restore',
  'train',
)
