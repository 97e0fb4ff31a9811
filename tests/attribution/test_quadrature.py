"""Weights, nodes and measured orders of the quadrature rules."""

import numpy as np
import pytest

from robustjax import attribution
from robustjax import errors
from robustjax.attribution import quadrature

every_rule = pytest.mark.parametrize('rule', attribution.RULES)


@every_rule
@pytest.mark.parametrize('num_steps', [1, 2, 7, 50, 300])
def test_weights_sum_to_one_and_nodes_lie_inside(rule, num_steps):
  nodes, weights = quadrature.nodes_and_weights(rule, num_steps)
  # n roundings of float64 in a sum of n terms.
  assert abs(weights.sum() - 1) <= len(weights) * np.finfo(float).eps
  assert nodes.min() >= 0
  assert nodes.max() <= 1
  assert (np.diff(nodes) > 0).all()


def test_the_papers_nodes_are_k_over_m():
  nodes, weights = quadrature.nodes_and_weights('right', 4)
  np.testing.assert_array_equal(nodes, [0.25, 0.5, 0.75, 1.0])
  np.testing.assert_array_equal(weights, [0.25] * 4)


@pytest.mark.parametrize(
  ('rule', 'order'), [('right', 1), ('midpoint', 2), ('trapezoid', 2)]
)
def test_measured_order_of_convergence(rule, order):
  steps = np.array([4, 8, 16, 32, 64])
  found = []
  for num_steps in steps:
    nodes, weights = quadrature.nodes_and_weights(rule, int(num_steps))
    found.append(abs(weights @ np.exp(nodes) - np.expm1(1)))
  slope = np.polyfit(np.log(steps), np.log(found), 1)[0]
  # The next term of the error is a factor 1/m, at most 1/4, below the first.
  assert abs(slope + order) < 0.1


@pytest.mark.parametrize('num_steps', [1, 3, 6])
def test_gauss_legendre_is_exact_up_to_degree_2m_minus_1(num_steps):
  nodes, weights = quadrature.nodes_and_weights('gauss_legendre', num_steps)
  for degree in range(2 * num_steps):
    exact = 1 / (degree + 1)
    np.testing.assert_allclose(weights @ nodes**degree, exact, rtol=1e-13)
  beyond = weights @ nodes ** (2 * num_steps)
  assert abs(beyond - 1 / (2 * num_steps + 1)) > 1e-9


@pytest.mark.parametrize(
  ('rule', 'num_steps', 'message'),
  [
    ('simpson', 5, 'rule: expected one of right'),
    ('right', 0, 'num_steps: expected an integer of at least 1 .*, got 0'),
    ('right', 2.5, 'num_steps: expected an integer of at least 1 .*, got 2.5'),
    ('right', 10**9, 'num_steps: .*at most 10000, got 1000000000'),
  ],
)
def test_bad_input_is_named(rule, num_steps, message):
  with pytest.raises(errors.InputError, match=message):
    quadrature.nodes_and_weights(rule, num_steps)
