"""Fog, snow and brightness on images float [B, H, W, C] in [0, 1]."""

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax.corruptions import draws
from robustjax.corruptions import fractal
from robustjax.images import filters
from robustjax.images import resizing

_MOST_TERMS = 1000  # of a sum that is written out
_LARGEST_MAP = 4096  # points a side
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114  # of luminance, Rec. 601


def _brightness(image, amount):
  """Adds to HSV's value, at the hue and saturation there are.

  All channels are then proportional to the value, and black turns grey.
  """
  value = image.max(axis=-1, keepdims=True)
  brighter = jnp.minimum(value + amount, 1.0)
  is_black = value == 0
  scale = brighter / jnp.where(is_black, 1.0, value)
  return jnp.where(is_black, brighter, image * scale)


def brightness(
  key: array_types.Key,
  images: array_types.Array,
  *,
  amount: array_types.ArrayLike,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Brightens; nothing about it is random.

  Args:
    key: not used; all corruptions take one.
    images: float [B, H, W, C] in [0, 1].
    amount: added to the largest channel, in [0, 1]; the others keep their
      ratio to it. May be traced.
    index: not used.

  Returns:
    The brighter images, same shape and dtype, in [0, 1].

  Raises:
    errors.InputError: on another amount or other images.

  References:
    MNIST-C and ImageNet-C generators, `brightness`: added to the value in HSV.
  """
  errors.check_number('amount', amount, high=1.0)

  def corrupt(key, image):
    del key
    added = jnp.asarray(amount, image.dtype)
    if image.shape[-1] == 1:
      return image + added
    return _brightness(image, added)

  return draws.per_image(corrupt, key, images, index)


def _fog(images, haze, thickness):
  """Mixes images [B, H, W, C] with haze [B, H, W] in [0, 1]."""
  thickness = jnp.asarray(thickness, images.dtype)
  brightest = images.max(axis=(1, 2, 3), keepdims=True)
  foggy = images + thickness * haze[..., None].astype(images.dtype)
  return jnp.clip(foggy * (brightest / (brightest + thickness)), 0.0, 1.0)


def fog(
  key: array_types.Key,
  images: array_types.Array,
  *,
  thickness: array_types.ArrayLike,
  wibble_decay: array_types.ArrayLike,
  least_map_size: int = 256,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Fog: a plasma fractal, added.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    thickness: of the fog, above 0; may be traced.
    wibble_decay: how much smoother than on a large scale the fog is on a small
      one, at least 1.4; may be traced.
    least_map_size: points a side of the fractal; static. It has as many, or the
      next power of two that is at least H and W.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The foggy images, same shape and dtype, in [0, 1].

  Raises:
    errors.InputError: on other parameters or images.

  References:
    MNIST-C and ImageNet-C generators, `fog`; both took 256 points, that of
    CIFAR-10-C 32, TensorFlow Datasets' port takes 512. As there, the fog's
    range is that of the whole fractal, of which the image shows a corner, and
    black images stay black.
  """
  errors.check_number('thickness', thickness, open_low=True)
  errors.check_integer(
    'least_map_size', least_map_size, low=2, high=_LARGEST_MAP
  )
  keys = draws.image_keys(key, images, index)
  shape = images.shape[1:3]
  size = fractal.map_size(shape, least_map_size)
  images = jnp.asarray(images)
  haze = fractal.plasma(keys, shape, wibble_decay=wibble_decay, size=size)
  dtype = array_types.at_least_float32(images.dtype)
  return _fog(images.astype(dtype), haze, thickness).astype(images.dtype)


def _flakes(noise, zoom, threshold):
  """Grey levels [H, W] of flakes: enlarged noise where it is high enough."""
  layer = resizing.clipped_zoom(noise, zoom)
  layer = jnp.where(layer < threshold, 0.0, layer)
  return jnp.floor(255 * jnp.clip(layer, 0.0, 1.0)) / 255


def _whiten(image, image_weight):
  """An image towards white: one channel is its own grey."""
  grey = image
  if image.shape[-1] == 3:
    red, green, blue = jnp.split(image, 3, axis=-1)
    grey = _RED * red + _GREEN * green + _BLUE * blue
  white = jnp.maximum(image, 1.5 * grey + 0.5)
  return image_weight * image + (1 - image_weight) * white


def _snow(image, flakes, angle, image_weight, **motion):
  flying = filters.motion_blur(flakes, angle, **motion)
  falling = (flying + flying[::-1, ::-1])[..., None].astype(image.dtype)
  weight = jnp.asarray(image_weight, image.dtype)
  return _whiten(image, weight) + falling


def snow(
  key: array_types.Key,
  images: array_types.Array,
  *,
  mean: array_types.ArrayLike,
  deviation: array_types.ArrayLike,
  zoom: array_types.ArrayLike,
  threshold: array_types.ArrayLike,
  radius: array_types.ArrayLike,
  sigma: array_types.ArrayLike,
  image_weight: array_types.ArrayLike,
  max_radius: int = 12,
  index: array_types.Array | None = None,
) -> array_types.Array:
  """Snow that falls at a random angle, on an image whitened by it.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1].
    mean: of the normal noise that flakes are made from; may be traced, as all.
    deviation: of that noise, at least 0.
    zoom: size of the flakes in pixels, at least 1.
    threshold: what the noise must reach to be a flake.
    radius: half the length of the flakes' motion in pixels.
    sigma: standard deviation of the weights along it, above 0.
    image_weight: of the image against its whitened self, in [0, 1].
    max_radius: largest radius, static; the time taken is proportional to it.
    index: int [B], place of each image in its set; 0..B-1 by default.

  Returns:
    The snowy images, same shape and dtype, in [0, 1].

  Raises:
    errors.InputError: on other parameters or images.

  References:
    MNIST-C and ImageNet-C generators, `snow`: flakes are cut to 255 grey
    levels, blurred as ImageMagick does at 45 to 135 degrees, and added with
    themselves turned by half a circle.
  """
  for name, value in (('mean', mean), ('threshold', threshold)):
    errors.check_number(name, value, low=-errors.LARGEST)
  errors.check_number('deviation', deviation)
  errors.check_number('zoom', zoom, low=1.0)
  errors.check_integer('max_radius', max_radius, low=1, high=_MOST_TERMS)
  errors.check_number('radius', radius, high=max_radius)
  errors.check_number('sigma', sigma, open_low=True)
  errors.check_number('image_weight', image_weight, high=1.0)

  def corrupt(key, image):
    layer, turn = jax.random.split(key)
    noise = mean + deviation * draws.normal(layer, image.shape[:2])
    angle = -135 + 90 * draws.uniform(turn, (1,))[0]
    flakes = _flakes(noise, zoom, threshold)
    motion = {'radius': radius, 'sigma': sigma, 'max_radius': max_radius}
    return _snow(image, flakes, angle, image_weight, **motion)

  return draws.per_image(corrupt, key, images, index)
