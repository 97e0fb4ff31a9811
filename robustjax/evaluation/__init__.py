"""Measuring classifiers; they may be any function from images to logits."""

from robustjax.evaluation.gate_activity import gate_activity
from robustjax.evaluation.gate_activity import GateActivity
from robustjax.evaluation.results import Results
from robustjax.evaluation.results import Row
from robustjax.evaluation.sweep import BENCHMARKS
from robustjax.evaluation.sweep import compare
from robustjax.evaluation.sweep import evaluate
from robustjax.evaluation.sweep import examples
from robustjax.evaluation.sweep import MNIST_C
from robustjax.evaluation.tables import to_markdown

__all__ = (
  'BENCHMARKS',
  'MNIST_C',
  'GateActivity',
  'Results',
  'Row',
  'compare',
  'evaluate',
  'examples',
  'gate_activity',
  'to_markdown',
)
