"""Corruption errors: errors as multiples of a reference's, in per cent.

Corruptions are not equally hard, so a plain mean of errors is governed by the
hard ones. Hendrycks and Dietterich divide by what AlexNet gets wrong of the
same corruption, summed over the five severities:

  CE_c = sum_s E_sc / sum_s E^AlexNet_sc
  relative CE_c = sum_s (E_sc - E_0) / sum_s (E^AlexNet_sc - E^AlexNet_0)

with E_0 the error on clean images. mCE is the mean of CE_c over the 15
corruptions. All are given in per cent, as published; 100 is AlexNet.

AlexNet's errors are those on ImageNet-C. On any other benchmark, or other
images, another classifier takes its place: one that was measured on the very
same sets.

Errors are given as a mapping from corruption to error rates in [0, 1]: of the
severities 1 to 5, in that order or by severity, where the reference is given as
means over these; else of the strengths the reference has. Corruptions the
reference lacks, such as ImageNet-C's four further ones, do not count.

References:
  Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common
  Corruptions and Perturbations, 2019, arXiv:1903.12261.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import math
import numbers
from typing import Any
from typing import NamedTuple

from robustjax import errors as errors_lib
from robustjax.evaluation import checks

NUM_SEVERITIES = 5
_SEVERITIES = range(1, NUM_SEVERITIES + 1)

ErrorRates = Mapping[str, Sequence[float] | Mapping[float, float]]
# Means over the severities 1 to 5, or the error rate at every strength.
ReferenceRates = Mapping[str, float | Sequence[float] | Mapping[float, float]]
# Between sums of error rates; far below one image among any number of them.
_NOTHING = 1e-12

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


class Reference(NamedTuple):
  """The classifier whose corruption errors are 100.

  Attributes:
    name: what reports call it.
    errors: its error rates by corruption: one per strength, or the mean of the
      five severities.
    clean_error: its error rate on the clean images; None if that is not known.
  """

  name: str
  errors: ReferenceRates
  clean_error: float | None


OF_ALEXNET = Reference('AlexNet', ALEXNET, ALEXNET_CLEAN)


def corruption_errors(
  errors: ErrorRates, reference: ReferenceRates = ALEXNET
) -> dict[str, float]:
  """CE of every corruption of the reference, in per cent.

  Args:
    errors: error rates in [0, 1] by corruption; see above.
    reference: the reference's by corruption: the mean over the five severities,
      or one per strength.

  Returns:
    CE by corruption, in the reference's order.

  Raises:
    errors.InputError: if a corruption or severity is missing, an error rate
      lies outside [0, 1], or the reference makes no errors.
  """
  found = {}
  for name, (sum_, of_reference, _) in _sums(errors, reference).items():
    if not of_reference:
      expected = 'errors above 0, to divide by'
      raise errors_lib.InputError(f'reference[{name}]', expected, '0')
    found[name] = 100 * (sum_ / of_reference)
  return found


def mean_corruption_error(
  errors: ErrorRates, reference: ReferenceRates = ALEXNET
) -> float:
  """mCE, in per cent.

  Args:
    errors: error rates in [0, 1] by corruption; see above.
    reference: the reference's; as for `corruption_errors`.

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
  reference: ReferenceRates = ALEXNET,
  reference_clean: float = ALEXNET_CLEAN,
) -> dict[str, float]:
  """Relative CE of every corruption: what it adds to the clean error.

  Args:
    errors: error rates in [0, 1] by corruption; see above.
    clean_error: error rate on the clean images, in [0, 1].
    reference: the reference's; as for `corruption_errors`.
    reference_clean: the reference's error rate on the clean images; below its
      mean error on every corruption.

  Returns:
    Relative CE by corruption in per cent, in the reference's order.

  Raises:
    errors.InputError: as `corruption_errors`; also on a clean error outside
      [0, 1], or a corruption that adds nothing to the reference's.
  """
  clean = _rate('clean_error', clean_error)
  reference_clean = _rate('reference_clean', reference_clean)
  found = {}
  for name, (sum_, of_reference, count) in _sums(errors, reference).items():
    added = of_reference - count * reference_clean
    if added <= _NOTHING:
      expected = f'errors above {reference_clean:g}, those on clean images'
      got = f'{of_reference / count:g}'
      raise errors_lib.InputError(f'reference[{name}]', expected, got)
    found[name] = 100 * ((sum_ - count * clean) / added)
  return found


def relative_mean_corruption_error(
  errors: ErrorRates,
  clean_error: float,
  reference: ReferenceRates = ALEXNET,
  reference_clean: float = ALEXNET_CLEAN,
) -> float:
  """Relative mCE, in per cent.

  Args:
    errors: error rates in [0, 1] by corruption; see above.
    clean_error: error rate on the clean images, in [0, 1].
    reference: the reference's; as for `corruption_errors`.
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
  errors: ErrorRates, reference: ReferenceRates = ALEXNET
) -> float:
  """The unnormalised mean error rate, in [0, 1].

  Args:
    errors: error rates in [0, 1] by corruption; see above.
    reference: its corruptions count, its values do not.

  Returns:
    The mean over corruptions of the mean over severities.

  Raises:
    errors.InputError: as `corruption_errors`.
  """
  sums = _sums(errors, reference)
  return _mean({name: sum_ / count for name, (sum_, _, count) in sums.items()})


def _sums(errors, reference) -> dict[str, tuple[float, float, int]]:
  """By corruption of the reference: sums of both over as many strengths."""
  for field, value in (('errors', errors), ('reference', reference)):
    if not isinstance(value, Mapping) or not value:
      expected = 'error rates by name of a corruption'
      raise errors_lib.InputError(field, expected, checks.shown(value))
  missing = [str(name) for name in reference if name not in errors]
  if missing:
    expected = f'error rates of {len(reference)} corruptions'
    raise errors_lib.InputError('errors', expected, _without(missing))
  sums = {}
  for name, value in reference.items():
    field = f'reference[{name}]'
    if _is_number(value):
      of_reference = dict.fromkeys(_SEVERITIES, _rate(field, value))
    else:
      of_reference = _rates(field, value)
    ours = _rates(f'errors[{name}]', errors[name], of_reference)
    # Correctly rounded, so that a reference has exactly 100 of its own.
    sums[name] = (
      math.fsum(ours.values()),
      math.fsum(of_reference.values()),
      len(of_reference),
    )
  return sums


def _rates(field: str, values, strengths=None) -> dict[Any, float]:
  """Error rates by strength, checked; those of `strengths`, if given."""
  if isinstance(values, list | tuple) or getattr(values, 'ndim', 0) == 1:
    values = dict(enumerate(values, start=1))
  if not isinstance(values, Mapping) or not values:
    expected = 'error rates, one per severity'
    raise errors_lib.InputError(field, expected, checks.shown(values))
  if strengths is not None:
    _check_strengths(field, values, strengths)
  return {
    one: _rate(f'{field}, severity {one}', values[one])
    for one in strengths or values
  }


def _check_strengths(field: str, values, strengths) -> None:
  names = [str(one) for one in strengths]
  expected = f'error rates of severities {names[0]} to {names[-1]}'
  missing = [str(one) for one in strengths if one not in values]
  if missing:
    raise errors_lib.InputError(field, expected, _without(missing))
  superfluous = [str(one) for one in values if one not in strengths]
  if superfluous:
    got = f'also severity {", ".join(superfluous)}'
    raise errors_lib.InputError(field, expected, got)


def _rate(field: str, value) -> float:
  """An error rate as a plain number, checked."""
  if not _is_number(value):
    raise errors_lib.InputError(
      field, 'a number in [0, 1]', checks.shown(value)
    )
  errors_lib.check_range(field, value, high=1.0)
  return float(value)


def _is_number(value) -> bool:
  return isinstance(value, numbers.Real) or getattr(value, 'shape', None) == ()


def _without(missing: list[str]) -> str:
  return f'none of {", ".join(missing)}'


def _mean(values: Mapping[str, float]) -> float:
  return math.fsum(values.values()) / len(values)
