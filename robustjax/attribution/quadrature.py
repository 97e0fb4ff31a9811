"""Rules for an integral over [0, 1]: where to look, and how much it counts.

The error of a rule of order p falls as m^-p in the number of steps m, as long
as the integrand is smooth. Where a ReLU switches along the path it is not, and
no rule is better than order 1.
"""

from collections.abc import Callable

import numpy as np

from robustjax import errors

_MOST_STEPS = 10_000


def _right(num_steps):
  nodes = np.arange(1, num_steps + 1) / num_steps
  return nodes, np.full(num_steps, 1 / num_steps)


def _midpoint(num_steps):
  nodes = (np.arange(num_steps) + 0.5) / num_steps
  return nodes, np.full(num_steps, 1 / num_steps)


def _trapezoid(num_steps):
  nodes = np.arange(num_steps + 1) / num_steps
  weights = np.full(num_steps + 1, 1 / num_steps)
  weights[[0, -1]] /= 2
  return nodes, weights


def _gauss_legendre(num_steps):
  nodes, weights = np.polynomial.legendre.leggauss(num_steps)
  return (nodes + 1) / 2, weights / 2


_RULES: dict[str, Callable[[int], tuple[np.ndarray, np.ndarray]]] = {
  'right': _right,
  'midpoint': _midpoint,
  'trapezoid': _trapezoid,
  'gauss_legendre': _gauss_legendre,
}

RULES = tuple(_RULES)


def nodes_and_weights(
  rule: str, num_steps: int
) -> tuple[np.ndarray, np.ndarray]:
  """Nodes in [0, 1] and their weights, which sum to 1.

  Args:
    rule: `right` (k/m, k = 1..m; order 1), `midpoint` (order 2), `trapezoid`
      (both ends included, so m + 1 nodes; order 2), `gauss_legendre` (exact for
      polynomials of degree 2m - 1).
    num_steps: m, 1 to 10000.

  Returns:
    Nodes and weights, float64 [m], or [m + 1] for `trapezoid`.

  Raises:
    errors.InputError: on an unknown rule or another number of steps.
  """
  errors.check_choice('rule', rule, RULES)
  errors.check_integer('num_steps', num_steps, low=1, high=_MOST_STEPS)
  return _RULES[rule](num_steps)
