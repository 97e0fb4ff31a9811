"""The corruptions of each benchmark, with their published parameters."""

import functools

from robustjax import array_types
from robustjax.corruptions import blur
from robustjax.corruptions import digital
from robustjax.corruptions import draws
from robustjax.corruptions import edges
from robustjax.corruptions import elastic
from robustjax.corruptions import frost
from robustjax.corruptions import geometry
from robustjax.corruptions import glass
from robustjax.corruptions import jpeg
from robustjax.corruptions import named
from robustjax.corruptions import pixel_noise
from robustjax.corruptions import spatter
from robustjax.corruptions import strokes
from robustjax.corruptions import weather

_MNIST_C_SOURCE = 'Mu and Gilmer (2019), MNIST-C'
_IMAGENET_C_SOURCE = 'Hendrycks and Dietterich (2019), ImageNet-C'


def _identity(
  key: array_types.Key,
  images: array_types.Array,
  *,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """The images as they are: the set of MNIST-C that is not corrupted."""
  draws.check(key, images, index)
  return images


MNIST_C = named.make_table(
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
MNIST_C_FURTHER = named.make_table(
  _MNIST_C_SOURCE,
  ('gaussian_noise', pixel_noise.gaussian_noise, {'amount': [0.38]}),
  ('speckle_noise', pixel_noise.speckle_noise, {'amount': [0.6]}),
  (
    'defocus_blur',
    blur.defocus_blur,
    {'radius': [3], 'alias_blur': [0.1]},
  ),
  ('zoom_blur', blur.zoom_blur, {'step': [0.03], 'count': [11]}),
  ('gaussian_blur', blur.gaussian_blur, {'amount': [2]}),
  (
    'snow',
    weather.snow,
    {
      'mean': [0.55],
      'deviation': [0.3],
      'zoom': [2.5],
      'threshold': [0.85],
      'radius': [12],
      'sigma': [12],
      'image_weight': [0.55],
    },
  ),
  (
    'frost',
    frost.frost,
    {'image_weight': [0.6], 'frost_weight': [0.75]},
  ),
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

IMAGENET_C = named.make_table(
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
    'snow',
    weather.snow,
    {
      'mean': [0.1, 0.2, 0.55, 0.55, 0.55],
      'deviation': [0.3, 0.3, 0.3, 0.3, 0.3],
      'zoom': [3.0, 2.0, 4.0, 4.5, 2.5],
      'threshold': [0.5, 0.5, 0.9, 0.85, 0.85],
      'radius': [10, 12, 12, 12, 12],
      'sigma': [4, 4, 8, 8, 12],
      'image_weight': [0.8, 0.7, 0.7, 0.65, 0.55],
    },
  ),
  (
    'frost',
    frost.frost,
    {
      'image_weight': [1.0, 0.8, 0.7, 0.65, 0.6],
      'frost_weight': [0.4, 0.6, 0.7, 0.7, 0.75],
    },
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
IMAGENET_C_EXTRA = named.make_table(
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

DEGRADATIONS = named.Table(
  (
    named.Degradation(
      'gaussian_noise',
      pixel_noise.gaussian_noise,
      (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
      'standard deviation',
      _PROGRESSION,
    ),
    named.Degradation(
      'salt_and_pepper',
      pixel_noise.salt_and_pepper,
      (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3),
      'share of pixels',
      _PROGRESSION,
    ),
    named.Degradation(
      'uniform_noise',
      pixel_noise.uniform_noise,
      (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
      'largest noise',
      'weight map layers, MNIST and CIFAR-10',
      (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    ),
    named.Degradation(
      'gaussian_blur',
      blur.gaussian_blur,
      (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
      'pixels',
      'noise progression; amounts are ours',
    ),
  )
)
