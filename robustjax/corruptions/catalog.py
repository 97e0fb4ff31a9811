"""Corruptions by name, with the amounts the papers test."""

from collections.abc import Callable
from typing import NamedTuple

from robustjax import array_types
from robustjax.corruptions import blur
from robustjax.corruptions import pixel_noise


class Degradation(NamedTuple):
  """A corruption whose strength is a number.

  Attributes:
    name: as in `DEGRADATIONS`.
    function: the function behind `__call__`; may be jitted, with `amount`
    traced.
    amounts: the strengths a sweep tests; 0 is the identity.
    unit: what an amount measures.
    source: where definition and amounts come from.
  """

  name: str
  function: Callable[..., array_types.Array]
  amounts: tuple[float, ...]
  unit: str
  source: str

  def __call__(
    self,
    key: array_types.Key,
    images: array_types.Array,
    *,
    amount: array_types.ArrayLike,
    index: array_types.Array | None = None,
  ) -> array_types.Array:
    """Corrupts images float [B, H, W, C] in [0, 1]; same shape and range."""
    return self.function(key, images, amount=amount, index=index)


_PROGRESSION = 'noise progression; noisy dropout'

DEGRADATIONS = {
  degradation.name: degradation
  for degradation in (
    Degradation(
      'gaussian_noise',
      pixel_noise.gaussian_noise,
      (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
      'standard deviation',
      _PROGRESSION,
    ),
    Degradation(
      'salt_and_pepper',
      pixel_noise.salt_and_pepper,
      (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3),
      'share of pixels',
      _PROGRESSION,
    ),
    Degradation(
      'uniform_noise',
      pixel_noise.uniform_noise,
      (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
      'largest noise',
      'weight map layers, MNIST',
    ),
    Degradation(
      'gaussian_blur',
      blur.gaussian_blur,
      (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
      'pixels',
      'noise progression; amounts are ours',
    ),
  )
}
