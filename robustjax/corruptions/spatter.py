"""Water or mud on the lens, on images float [B, H, W, C] in [0, 1].

Both begin as blurred noise, of which what exceeds a threshold is liquid.
"""

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws
from robustjax.corruptions import water
from robustjax.images import filters

MOST_SMOOTHING = 4.0  # pixels, of the mildest published severity
MOST_EDGE = 1.5  # pixels
_LEAST_MUD = 0.8  # where the mask counts
_MUD = (63 / 255, 42 / 255, 20 / 255)
_WATER = (175 / 255, 238 / 255, 238 / 255)  # pale turquoise


def _blur(plane, sigma, most):
  """Gaussian blur; `most` is the width's bound where it is traced.

  Not by a matmul: thresholds follow, and a pixel must not flip with the size
  of the batch.
  """
  most = most if hasattr(sigma, 'shape') else sigma
  return filters.short_gaussian_blur(plane, sigma, max_sigma=most)


def _mud(liquid, edge):
  """How much mud covers each pixel [H, W]."""
  mask = _blur((liquid > 0).astype(liquid.dtype), edge, MOST_EDGE)
  return jnp.where(mask < _LEAST_MUD, 0.0, mask)


def _liquid(noise, smoothing, threshold):
  """Blurred noise [H, W] where it reaches the threshold, else 0."""
  layer = _blur(noise, smoothing, MOST_SMOOTHING)
  return jnp.where(layer < threshold, 0.0, layer)


def _colour(colour, image):
  shape = (1, 1, image.shape[-1])
  return jnp.asarray(colour[: shape[-1]], image.dtype).reshape(shape)


def _splash(image, liquid, strength):
  shade = strength * water.shade(liquid)
  return image + shade[..., None] * _colour(_WATER, image)


def _soil(image, liquid, strength):
  mud = _mud(liquid, strength)[..., None]
  return image * (1 - mud) + _colour(_MUD, image) * mud


def spatter(
  key: array_types.Key,
  images: array_types.Array,
  *,
  mean: array_types.ArrayLike,
  deviation: array_types.ArrayLike,
  smoothing: array_types.ArrayLike,
  threshold: array_types.ArrayLike,
  strength: array_types.ArrayLike,
  is_mud: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Spatters water, which brightens, or mud, which covers.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1], H and W at least 2.
    mean: of the normal noise that liquid is made from; may be traced, as all.
    deviation: of that noise, at least 0.
    smoothing: standard deviation of its blur in pixels, in [0, 4].
    threshold: what the blurred noise must exceed to be liquid, above 0.
    strength: for water what its brightest pixel adds, for mud the blur of its
      mask in pixels; in [0, 1.5].
    is_mud: 1 or True for mud, 0 or False for water.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The spattered images, same shape and dtype, in [0, 1]. One channel gets the
    first of the colour's.

  Raises:
    errors.InputError: on other parameters or images.

  References:
    ImageNet-C generator, `spatter`, with OpenCV's edges, distances and
    roundings; MNIST-C generator, which knows mud only. Where no pixel is
    liquid the image is unchanged; the generator divides by zero there.
  """
  draws.check_size(images, 2)
  errors.check_number('mean', mean, low=-errors.LARGEST)
  errors.check_number('deviation', deviation)
  errors.check_number('smoothing', smoothing, high=MOST_SMOOTHING)
  errors.check_number('threshold', threshold, open_low=True)
  errors.check_number('strength', strength, high=MOST_EDGE)
  if not isinstance(is_mud, bool):
    errors.check_number('is_mud', is_mud, high=1.0)
    is_known = not isinstance(is_mud, jax.core.Tracer)
    if is_known and is_mud not in (0, 1):
      raise errors.InputError('is_mud', '0 or 1', f'{is_mud}')

  def spread(function):
    def corrupt(key, image):
      noise = mean + deviation * draws.normal(key, image.shape[:2])
      liquid = _liquid(noise, smoothing, threshold)
      return function(image, liquid.astype(image.dtype), strength)

    return lambda: draws.per_image(corrupt, key, images, index)

  soil, splash = spread(_soil), spread(_splash)
  if not hasattr(is_mud, 'shape'):
    return soil() if is_mud else splash()
  # A scalar for all images, so that only one of the two is computed.
  return jax.lax.cond(is_mud > 0, soil, splash)
