r"""Grad-CAM: where in an image a classifier finds its reasons for a class.

The last maps with a place in the image are weighted by how much, in the mean
over places, the class's score rises with them:

.. math::
  CAM = ReLU\Big(\sum_k w_k A_k\Big), \quad
  w_k = \frac{1}{h w} \sum_{ij} \frac{\partial F_{target}}{\partial A_{kij}}

Everything here takes functions and arrays and is computed and returned in
float32, or float64 if its input is. Where a map is 0, a gradient that is not
finite counts as 0.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors
from robustjax.attribution import checks

MapsFn = Callable[[array_types.Array], array_types.Array]


def grad_cam(
  feature_maps_fn: MapsFn,
  score_fn: MapsFn,
  x: array_types.Array,
  target: array_types.Array,
) -> array_types.Array:
  """Grad-CAM of each image, as large as the image.

  The maps are of the size of the score: they are not normalised, so that they
  can be compared between images. To draw one from 0 to 1, divide it by its
  largest value, `maps.max(axis=(1, 2), keepdims=True)`, unless that is 0: then
  nothing in the image speaks for the class.

  Args:
    feature_maps_fn: images [B, H, W, C] -> the last spatial layer's maps
      [B, h, w, K], after its nonlinearity.
    score_fn: such maps -> scores [B, C], C the classes, each row of its own
      example only. The paper's are logits: with probabilities, whose gradient
      vanishes where the classifier is sure, maps do.
    x: images, float [B, H, W, C].
    target: int [B] in [0, C), by custom the predicted class; checked unless
      traced.

  Returns:
    [B, H, W], at least 0: the map at h x w enlarged bilinearly, half-pixel
    centres, edges repeated.

  Raises:
    errors.InputError: on x that are no float images, maps that are no floats
      [B, h, w, K], a score function that does not return floats [B, C] or
      cannot be differentiated, or targets that are no classes, integers [B].

  Example:
    >>> import jax.numpy as jnp
    >>> maps_of = lambda images: images
    >>> score = lambda maps: maps.mean(axis=(1, 2))  # class k reads map k
    >>> images = jnp.array([[[[1.0, 5.0], [3.0, 7.0]]]])  # [1, 1, 2, 2]
    >>> grad_cam(maps_of, score, images, jnp.array([1]))
    Array([[[2.5, 3.5]]], dtype=float32)

  References:
    Selvaraju et al. Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization. 2017, Eq. 1 and 2. Weight map layers, Figure 5.
  """
  errors.check_floats('x', x, '[B, H, W, C]')
  x = checks.as_input(x)
  maps = _maps(feature_maps_fn, x)
  num_classes = checks.check_scores(score_fn, maps, ndim=2)
  errors.check_labels('target', target, size=len(x), num_classes=num_classes)

  def target_score(maps):
    scores = checks.at_least_float32(score_fn(maps))
    return jnp.take_along_axis(scores, target[:, None], axis=1).sum()

  gradient = checks.drop_unmoved(jax.grad(target_score)(maps), maps == 0)
  weights = gradient.mean(axis=(1, 2), keepdims=True)
  found = jax.nn.relu((weights * maps).sum(axis=-1))
  return jax.image.resize(found, x.shape[:3], 'bilinear')


def _maps(feature_maps_fn, x):
  """The maps, checked, in at least float32."""
  expected = f'maps [{len(x)}, h, w, K]'
  shape = checks.shape_of('feature_maps_fn', feature_maps_fn, x, expected)
  if len(shape) != 4:
    raise errors.InputError('feature_maps_fn', expected, f'shape {shape}')
  return checks.at_least_float32(feature_maps_fn(x))


def background_share(
  maps: array_types.Array,
  images: array_types.Array,
  *,
  threshold: array_types.ArrayLike = 0.0,
) -> array_types.Array:
  """The share of a map's mass that lies off what is drawn in the image.

  Off it is where no channel of the image is above the threshold: on MNIST the
  pixels without ink. Where a map's mass is spread evenly, the share is that of
  the image's background, so compare with that: it is what maps of ones give.

  Args:
    maps: float [B, H, W], at least 0, as `grad_cam` gives; checked unless
      traced.
    images: float [B, H, W, C], what the maps are of, clean.
    threshold: largest value of the background, in the unit of the images; may
      be traced. Above 0 for photographs and for images with noise.

  Returns:
    [B], in [0, 1]; nan for a map that is 0 all over: leave these out of a mean
    (`jnp.nanmean`) and say how many there are.

  Raises:
    errors.InputError: on arrays that do not fit or are no floats, or maps with
      values that are negative or nan.

  Example:
    >>> import jax.numpy as jnp
    >>> maps = jnp.array([[[3.0, 1.0]]])
    >>> images = jnp.array([[[[0.9], [0.0]]]])
    >>> background_share(maps, images)
    Array([0.25], dtype=float32)

  References:
    Weight map layers, section 5, which reads off Figure 5 that a CNN is active
    on much of the background and weight maps are hardly: as a number, ours.
  """
  errors.check_number('threshold', threshold)
  errors.check_floats('maps', maps, '[B, H, W]')
  errors.check_floats('images', images, '[B, H, W, C]')
  maps, images = checks.as_input(maps, 'maps'), jnp.asarray(images)
  if images.shape[:3] != maps.shape:
    expected = 'maps [B, H, W] of images [B, H, W, C]'
    got = f'shapes {maps.shape} and {images.shape}'
    raise errors.InputError('maps', expected, got)
  # Not `< 0`, which is False of nan.
  if not isinstance(maps, jax.core.Tracer) and not np.min(maps) >= 0:
    raise errors.InputError('maps', 'values of at least 0', f'{np.min(maps):g}')
  is_background = (images <= jnp.asarray(threshold, images.dtype)).all(axis=-1)
  off = jnp.where(is_background, maps, 0).sum(axis=(1, 2))
  return off / maps.sum(axis=(1, 2))
