"""Corruptions by name, with the amounts the papers test."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
from typing import NamedTuple

import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import blur
from robustjax.corruptions import digital
from robustjax.corruptions import edges
from robustjax.corruptions import elastic
from robustjax.corruptions import geometry
from robustjax.corruptions import glass
from robustjax.corruptions import jpeg
from robustjax.corruptions import pixel_noise
from robustjax.corruptions import spatter
from robustjax.corruptions import strokes
from robustjax.corruptions import weather


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


class Corruption(NamedTuple):
  """A corruption with the strengths its benchmark tests.

  Attributes:
    name: as in `MNIST_C` or `IMAGENET_C`.
    function: (key, images, *, index, **parameters) -> images; may be jitted,
      with the parameters traced.
    severities: the parameters at each severity; one for MNIST-C, whose every
      corruption has one strength, five for ImageNet-C.
    source: where definition and parameters come from.
    is_exact: whether pixels do not depend on the batch at all; else they may
      by 2e-6, because the corruption is a matmul, or a sum as long, over the
      batch.
  """

  name: str
  function: Callable[..., array_types.Array]
  severities: tuple[Mapping[str, float], ...]
  source: str
  is_exact: bool = True

  def __call__(
    self,
    key: array_types.Key,
    images: array_types.Array,
    *,
    severity: array_types.ArrayLike | None = None,
    index: array_types.Array | None = None,
  ) -> array_types.Array:
    """Corrupts images.

    Args:
      key: random key.
      images: float [B, H, W, C] in [0, 1], C 1 or 3.
      severity: 1 to the number of severities; may be traced. Not given where
        there is but one.
      index: int [B], place of each image in its set; 0..B-1 by default. The
        draws of an image depend on `key` and its index only.

    Returns:
      The corrupted images, same shape and dtype, in [0, 1].

    Raises:
      errors.InputError: on another severity or other images.
    """
    parameters = self.parameters(severity)
    return self.function(key, images, index=index, **parameters)

  def parameters(self, severity: array_types.ArrayLike | None = None):
    """The function's parameters at a severity, traced if that is."""
    count = len(self.severities)
    if count == 1 and severity is None:
      severity = 1
    if not hasattr(severity, 'shape'):
      errors.check_integer('severity', severity, low=1, high=count)
      return dict(self.severities[severity - 1])
    return {
      name: jnp.asarray([one[name] for one in self.severities])[severity - 1]
      for name in self.severities[0]
    }


_MNIST_C_SOURCE = 'Mu and Gilmer (2019), MNIST-C'
_IMAGENET_C_SOURCE = 'Hendrycks and Dietterich (2019), ImageNet-C'
# Long sums, as of a matmul, which XLA may take in another order in another
# batch.
_SUMS = ('gaussian_blur', 'elastic_transform', 'zoom_blur')


def _identity(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """The images as they are: the set of MNIST-C that is not corrupted."""
  del key, index
  errors.check_images('images', images)
  return images


def _table(source: str, *entries) -> dict[str, Corruption]:
  """Corruptions by name, from (name, function, {parameter: values})."""
  table = {}
  for name, function, values in entries:
    count = max(map(len, values.values()), default=1)
    severities = tuple(
      {parameter: each[i] for parameter, each in values.items()}
      for i in range(count)
    )
    is_exact = name not in _SUMS
    table[name] = Corruption(name, function, severities, source, is_exact)
  return table


MNIST_C = _table(
  _MNIST_C_SOURCE,
  ('identity', _identity, {}),
  ('shot_noise', pixel_noise.shot_noise, {'photons': [3]}),
  ('impulse_noise', pixel_noise.impulse_noise, {'amount': [0.17]}),
  (
    'glass_blur',
    functools.partial(glass.glass_blur, variant='mnist_c'),
    {'sigma': [0.7], 'max_delta': [1], 'iterations': [2]},
  ),
  (
    'motion_blur',
    functools.partial(blur.motion_blur, max_radius=10),
    {'radius': [10], 'sigma': [3]},
  ),
  ('shear', geometry.shear, {'angle': [0.4]}),
  ('scale', geometry.scale, {'factor': [0.7]}),
  ('rotate', geometry.rotate, {'angle': [0.4]}),
  ('brightness', weather.brightness, {'amount': [0.5]}),
  ('translate', geometry.translate, {'distance': [3]}),
  ('stripe', strokes.stripe, {}),
  ('fog', weather.fog, {'thickness': [3.0], 'wibble_decay': [1.4]}),
  (
    'spatter',
    spatter.spatter,
    {
      'mean': [0.65],
      'deviation': [0.3],
      'smoothing': [1],
      'threshold': [0.65],
      'strength': [1.5],
      'is_mud': [1.0],
    },
  ),
  ('dotted_line', strokes.dotted_line, {}),
  ('zigzag', strokes.zigzag, {}),
  ('canny_edges', edges.canny_edges, {}),
)

# Further corruptions of its generator; no images of them were published.
MNIST_C_FURTHER = _table(
  _MNIST_C_SOURCE,
  ('gaussian_noise', pixel_noise.gaussian_noise, {'amount': [0.38]}),
  ('speckle_noise', pixel_noise.speckle_noise, {'amount': [0.6]}),
  (
    'defocus_blur',
    blur.defocus_blur,
    {'radius': [3], 'alias_blur': [0.1]},
  ),
  ('zoom_blur', blur.zoom_blur, {'step': [0.03], 'count': [11]}),
  ('contrast', digital.contrast, {'amount': [0.1]}),
  ('saturate', digital.saturate_grey, {'scale': [20], 'shift': [0.2]}),
  ('jpeg_compression', jpeg.jpeg_compression, {'quality': [7]}),
  ('pixelate', digital.pixelate, {'ratio': [0.4]}),
  (
    'elastic_transform',
    functools.partial(elastic.elastic_transform, border='constant'),
    {'alpha': [2], 'sigma': [0.7], 'shift': [0.1]},
  ),
  ('quantize', digital.quantize, {'bits': [1]}),
  ('line', strokes.line, {}),
  ('inverse', strokes.inverse, {}),
)

IMAGENET_C = _table(
  _IMAGENET_C_SOURCE,
  (
    'gaussian_noise',
    pixel_noise.gaussian_noise,
    {'amount': [0.08, 0.12, 0.18, 0.26, 0.38]},
  ),
  ('shot_noise', pixel_noise.shot_noise, {'photons': [60, 25, 12, 5, 3]}),
  (
    'impulse_noise',
    pixel_noise.impulse_noise,
    {'amount': [0.03, 0.06, 0.09, 0.17, 0.27]},
  ),
  (
    'defocus_blur',
    blur.defocus_blur,
    {'radius': [3, 4, 6, 8, 10], 'alias_blur': [0.1, 0.5, 0.5, 0.5, 0.5]},
  ),
  (
    'glass_blur',
    glass.glass_blur,
    {
      'sigma': [0.7, 0.9, 1.0, 1.1, 1.5],
      'max_delta': [1, 2, 2, 3, 4],
      'iterations': [2, 1, 3, 2, 2],
    },
  ),
  (
    'motion_blur',
    blur.motion_blur,
    {'radius': [10, 15, 15, 15, 20], 'sigma': [3, 5, 8, 12, 15]},
  ),
  (
    'zoom_blur',
    blur.zoom_blur,
    {'step': [0.01, 0.01, 0.02, 0.02, 0.03], 'count': [12, 16, 11, 13, 11]},
  ),
  (
    'fog',
    weather.fog,
    {
      'thickness': [1.5, 2.0, 2.5, 2.5, 3.0],
      'wibble_decay': [2.0, 2.0, 1.7, 1.5, 1.4],
    },
  ),
  ('brightness', weather.brightness, {'amount': [0.1, 0.2, 0.3, 0.4, 0.5]}),
  ('contrast', digital.contrast, {'amount': [0.4, 0.3, 0.2, 0.1, 0.05]}),
  (
    'elastic_transform',
    elastic.elastic_transform,
    {
      name: [244 / 224 * value for value in values]
      for name, values in (
        ('alpha', (2, 2, 0.05, 0.07, 0.12)),
        ('sigma', (0.7, 0.08, 0.01, 0.01, 0.01)),
        ('shift', (0.1, 0.2, 0.02, 0.02, 0.02)),
      )
    },
  ),
  ('pixelate', digital.pixelate, {'ratio': [0.6, 0.5, 0.4, 0.3, 0.25]}),
  ('jpeg_compression', jpeg.jpeg_compression, {'quality': [25, 18, 15, 10, 7]}),
)

# Published beside the fifteen, for validation.
IMAGENET_C_EXTRA = _table(
  _IMAGENET_C_SOURCE,
  (
    'speckle_noise',
    pixel_noise.speckle_noise,
    {'amount': [0.15, 0.2, 0.35, 0.45, 0.6]},
  ),
  ('gaussian_blur', blur.gaussian_blur, {'amount': [1, 2, 3, 4, 6]}),
  (
    'spatter',
    spatter.spatter,
    {
      'mean': [0.65, 0.65, 0.65, 0.65, 0.67],
      'deviation': [0.3, 0.3, 0.3, 0.3, 0.4],
      'smoothing': [4, 3, 2, 1, 1],
      'threshold': [0.69, 0.68, 0.68, 0.65, 0.65],
      'strength': [0.6, 0.6, 0.5, 1.5, 1.5],
      'is_mud': [0.0, 0.0, 0.0, 1.0, 1.0],
    },
  ),
  (
    'saturate',
    digital.saturate,
    {'scale': [0.3, 0.1, 2, 5, 20], 'shift': [0.0, 0.0, 0.0, 0.1, 0.2]},
  ),
)

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
