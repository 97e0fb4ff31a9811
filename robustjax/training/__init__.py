"""Training, resuming and restoring."""

from robustjax.training.preparing import gains_from_seeds_at_once
from robustjax.training.restoring import keep_noise
from robustjax.training.restoring import restore
from robustjax.training.restoring import Restored
from robustjax.training.run_data import load_test
from robustjax.training.runs import train
from robustjax.training.sharding import Rule

__all__ = (
  'Restored',
  'Rule',
  'gains_from_seeds_at_once',
  'keep_noise',
  'load_test',
  'restore',
  'train',
)
