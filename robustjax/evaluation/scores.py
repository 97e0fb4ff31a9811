"""Corruption errors: errors as multiples of AlexNet's, in per cent.

Corruptions are not equally hard, so a plain mean of errors is governed by the
hard ones. Hendrycks and Dietterich divide by what AlexNet gets wrong of the
same corruption, summed over the five severities:

  CE_c = sum_s E_sc / sum_s E^AlexNet_sc
  relative CE_c = sum_s (E_sc - E_0) / sum_s (E^AlexNet_sc - E^AlexNet_0)

with E_0 the error on clean images. mCE is the mean of CE_c over the 15
corruptions. All are given in per cent, as published; 100 is AlexNet.

Errors are given as a mapping from corruption to five error rates in [0, 1], of
the severities 1 to 5: in that order, or by severity. Corruptions the reference
lacks, such as ImageNet-C's four further ones, do not count.

References:
  Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common
  Corruptions and Perturbations, 2019, arXiv:1903.12261.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import math

from robustjax import errors as errors_lib

NUM_SEVERITIES = 5
_SEVERITIES = range(1, NUM_SEVERITIES + 1)

ErrorRates = Mapping[str, Sequence[float] | Mapping[int, float]]

# Top-1 error of AlexNet on ImageNet-C, the mean of the five severities, as
# published with the benchmark.
ALEXNET = {
  'gaussian_noise': 0.886428,
  'shot_noise': 0.894468,
  'impulse_noise': 0.922640,
  'defocus_blur': 0.819880,
  'glass_blur': 0.826268,
  'motion_blur': 0.785948,
  'zoom_blur': 0.798360,
  'snow': 0.866816,
  'frost': 0.826572,
  'fog': 0.819324,
  'brightness': 0.564592,
  'contrast': 0.853204,
  'elastic_transform': 0.646056,
  'pixelate': 0.717840,
  'jpeg_compression': 0.606500,
}
ALEXNET_CLEAN = 0.4348


def corruption_errors(
  errors: ErrorRates, reference: Mapping[str, float] = ALEXNET
) -> dict[str, float]:
  """CE of every corruption of the reference, in per cent.

  Args:
    errors: five error rates in [0, 1] by corruption; see above.
    reference: mean error rate over the five severities by corruption.

  Returns:
    CE by corruption, in the reference's order.

  Raises:
    errors.InputError: if a corruption or severity is missing, or an error rate
      lies outside [0, 1].
  """
  return {
    name: 100 * (sum_ / (NUM_SEVERITIES * reference[name]))
    for name, sum_ in _sums(errors, reference).items()
  }


def mean_corruption_error(
  errors: ErrorRates, reference: Mapping[str, float] = ALEXNET
) -> float:
  """mCE, in per cent.

  Args:
    errors: five error rates in [0, 1] by corruption; see above.
    reference: mean error rate over the five severities by corruption.

  Returns:
    The mean of `corruption_errors`.

  Raises:
    errors.InputError: as `corruption_errors`.

  Example:
    >>> alexnet = {name: [error] * 5 for name, error in ALEXNET.items()}
    >>> mean_corruption_error(alexnet)
    100.0
  """
  return _mean(corruption_errors(errors, reference))


def relative_corruption_errors(
  errors: ErrorRates,
  clean_error: float,
  reference: Mapping[str, float] = ALEXNET,
  reference_clean: float = ALEXNET_CLEAN,
) -> dict[str, float]:
  """Relative CE of every corruption: what it adds to the clean error.

  Args:
    errors: five error rates in [0, 1] by corruption; see above.
    clean_error: error rate on the clean images, in [0, 1].
    reference: mean error rate over the five severities by corruption.
    reference_clean: the reference's error rate on the clean images; below all
      of its errors.

  Returns:
    Relative CE by corruption in per cent, in the reference's order.

  Raises:
    errors.InputError: as `corruption_errors`; also on a clean error outside
      [0, 1].
  """
  errors_lib.check_range('clean_error', clean_error, high=1.0)
  clean = NUM_SEVERITIES * clean_error
  reference_clean *= NUM_SEVERITIES
  return {
    name: 100
    * ((sum_ - clean) / (NUM_SEVERITIES * reference[name] - reference_clean))
    for name, sum_ in _sums(errors, reference).items()
  }


def relative_mean_corruption_error(
  errors: ErrorRates,
  clean_error: float,
  reference: Mapping[str, float] = ALEXNET,
  reference_clean: float = ALEXNET_CLEAN,
) -> float:
  """Relative mCE, in per cent.

  Args:
    errors: five error rates in [0, 1] by corruption; see above.
    clean_error: error rate on the clean images, in [0, 1].
    reference: mean error rate over the five severities by corruption.
    reference_clean: the reference's error rate on the clean images.

  Returns:
    The mean of `relative_corruption_errors`.

  Raises:
    errors.InputError: as `relative_corruption_errors`.
  """
  return _mean(
    relative_corruption_errors(errors, clean_error, reference, reference_clean)
  )


def mean_error(
  errors: ErrorRates, reference: Mapping[str, float] = ALEXNET
) -> float:
  """The unnormalised mean error rate, in [0, 1].

  Args:
    errors: five error rates in [0, 1] by corruption; see above.
    reference: its corruptions count, its values do not.

  Returns:
    The mean over corruptions and severities.

  Raises:
    errors.InputError: as `corruption_errors`.
  """
  return _mean(_sums(errors, reference)) / NUM_SEVERITIES


def _sums(errors: ErrorRates, reference) -> dict[str, float]:
  """Sum over severities by corruption of the reference."""
  missing = [name for name in reference if name not in errors]
  if missing:
    expected = f'error rates of {len(reference)} corruptions'
    raise errors_lib.InputError('errors', expected, _without(missing))
  # Correctly rounded, so that a reference has exactly 100 of its own.
  return {name: math.fsum(_five(name, errors[name])) for name in reference}


def _five(name: str, values) -> list[float]:
  """The error rates at severities 1 to 5, checked."""
  if not isinstance(values, Mapping):
    values = dict(enumerate(values, start=1))
  field = f'errors[{name}]'
  expected = f'error rates of severities 1 to {NUM_SEVERITIES}'
  missing = [str(s) for s in _SEVERITIES if s not in values]
  if missing:
    raise errors_lib.InputError(field, expected, _without(missing))
  superfluous = [str(s) for s in values if s not in _SEVERITIES]
  if superfluous:
    got = f'also severity {", ".join(superfluous)}'
    raise errors_lib.InputError(field, expected, got)
  for severity in _SEVERITIES:
    errors_lib.check_range(
      f'{field}, severity {severity}', float(values[severity]), high=1.0
    )
  return [float(values[severity]) for severity in _SEVERITIES]


def _without(missing: list[str]) -> str:
  return f'none of {", ".join(missing)}'


def _mean(values: Mapping[str, float]) -> float:
  return math.fsum(values.values()) / len(values)
