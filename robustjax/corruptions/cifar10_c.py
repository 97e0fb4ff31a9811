"""CIFAR-10-C: the corruptions of ImageNet-C, milder, for 32 x 32 pixels.

The functions are those of ImageNet-C. Beside the numbers below, its generator
differs in three ways, which are set here too: fog comes from a map of 32 points
a side, frost from photographs shrunk to a fifth, and elastic lengths are shares
of 32 pixels. All else is in pixels: images of another size are corrupted by
as many.

Two details are not the generator's: at severity 5 of snow, SciPy rounds the
zoomed size 32.5 to 32, here it is 33; and the evaluation rounds images to 256
levels, where the generator cut them.
"""

import functools

from robustjax.corruptions import blur
from robustjax.corruptions import digital
from robustjax.corruptions import elastic
from robustjax.corruptions import frost
from robustjax.corruptions import glass
from robustjax.corruptions import jpeg
from robustjax.corruptions import named
from robustjax.corruptions import pixel_noise
from robustjax.corruptions import spatter
from robustjax.corruptions import weather

_SOURCE = 'Hendrycks and Dietterich (2019), CIFAR-10-C'

CIFAR10_C = named.make_table(
  _SOURCE,
  (
    'gaussian_noise',
    pixel_noise.gaussian_noise,
    {'amount': [0.04, 0.06, 0.08, 0.09, 0.1]},
  ),
  ('shot_noise', pixel_noise.shot_noise, {'photons': [500, 250, 100, 75, 50]}),
  (
    'impulse_noise',
    pixel_noise.impulse_noise,
    {'amount': [0.01, 0.02, 0.03, 0.05, 0.07]},
  ),
  (
    'defocus_blur',
    blur.defocus_blur,
    {
      'radius': [0.3, 0.4, 0.5, 1, 1.5],
      'alias_blur': [0.4, 0.5, 0.6, 0.2, 0.1],
    },
  ),
  (
    'glass_blur',
    glass.glass_blur,
    {
      'sigma': [0.05, 0.25, 0.4, 0.25, 0.4],
      'max_delta': [1, 1, 1, 1, 1],
      'iterations': [1, 1, 1, 2, 2],
    },
  ),
  (
    'motion_blur',
    functools.partial(blur.motion_blur, max_radius=9),
    {'radius': [6, 6, 6, 8, 9], 'sigma': [1, 1.5, 2, 2, 2.5]},
  ),
  (
    'zoom_blur',
    functools.partial(blur.zoom_blur, max_count=26),
    {'step': [0.01, 0.01, 0.01, 0.01, 0.01], 'count': [7, 12, 16, 21, 26]},
  ),
  (
    'snow',
    functools.partial(weather.snow, max_radius=14),
    {
      'mean': [0.1, 0.1, 0.15, 0.25, 0.3],
      'deviation': [0.2, 0.2, 0.3, 0.3, 0.3],
      'zoom': [1, 1, 1.75, 2.25, 1.25],
      'threshold': [0.6, 0.5, 0.55, 0.6, 0.65],
      'radius': [8, 10, 10, 12, 14],
      'sigma': [3, 4, 4, 6, 12],
      'image_weight': [0.95, 0.9, 0.9, 0.85, 0.8],
    },
  ),
  (
    'frost',
    functools.partial(frost.frost, shrink=5),
    {
      'image_weight': [1, 1, 0.9, 0.85, 0.75],
      'frost_weight': [0.2, 0.3, 0.4, 0.4, 0.45],
    },
  ),
  (
    'fog',
    functools.partial(weather.fog, least_map_size=32),
    {
      'thickness': [0.2, 0.5, 0.75, 1, 1.5],
      'wibble_decay': [3, 3, 2.5, 2, 1.75],
    },
  ),
  ('brightness', weather.brightness, {'amount': [0.05, 0.1, 0.15, 0.2, 0.3]}),
  ('contrast', digital.contrast, {'amount': [0.75, 0.5, 0.4, 0.3, 0.15]}),
  (
    'elastic_transform',
    elastic.elastic_transform,
    {
      'alpha': [0.0, 0.05, 0.08, 0.1, 0.1],
      'sigma': [0.0, 0.2, 0.06, 0.04, 0.03],
      'shift': [0.08, 0.07, 0.06, 0.05, 0.03],
    },
  ),
  ('pixelate', digital.pixelate, {'ratio': [0.95, 0.9, 0.85, 0.75, 0.65]}),
  (
    'jpeg_compression',
    jpeg.jpeg_compression,
    {'quality': [80, 65, 58, 50, 40]},
  ),
)

# Published beside the fifteen, for validation.
CIFAR10_C_EXTRA = named.make_table(
  _SOURCE,
  (
    'speckle_noise',
    pixel_noise.speckle_noise,
    {'amount': [0.06, 0.1, 0.12, 0.16, 0.2]},
  ),
  ('gaussian_blur', blur.gaussian_blur, {'amount': [0.4, 0.6, 0.7, 0.8, 1]}),
  (
    'spatter',
    spatter.spatter,
    {
      'mean': [0.62, 0.65, 0.65, 0.65, 0.65],
      'deviation': [0.1, 0.1, 0.3, 0.1, 0.1],
      'smoothing': [0.7, 0.8, 1, 0.7, 0.5],
      'threshold': [0.7, 0.7, 0.69, 0.69, 0.68],
      'strength': [0.5, 0.5, 0.5, 0.6, 0.6],
      'is_mud': [0.0, 0.0, 0.0, 1.0, 1.0],
    },
  ),
  (
    'saturate',
    digital.saturate,
    {'scale': [0.3, 0.1, 1.5, 2, 2.5], 'shift': [0.0, 0.0, 0.0, 0.1, 0.2]},
  ),
)
