"""DeepAugment: images through a network whose weights and maps are disturbed.

Hendrycks et al., The Many Faces of Robustness, 2021. A network that gives back
the images it reads, disturbed at random places, gives back images that still
show the same, in colours and textures that no hand-made corruption has.

Images are float [B, H, W, C] in [0, 1], C 1 or 3, in and out.
"""

from collections.abc import Callable
from collections.abc import Mapping
import itertools
from typing import NamedTuple

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys

IMAGES_PER_NETWORK = 16
_MOST_IMAGES = 1_000_000
NUM_WEIGHT_LAYERS = 2  # whose weights are distorted, in every network
NUM_OUTPUT_LAYERS = 1  # whose output is distorted, for every image
SHARE = 0.25  # of the features of a distorted layer
_NUM_SHIFTS = 9  # of a 3x3 filter

_Path = tuple[str, ...]


class Draw(NamedTuple):
  """What a network, or an image on its way through it, draws for one layer.

  Attributes:
    name: int [], the place in `DISTORTIONS`; -1 leaves the layer as it is.
    filter: [3, 3], not negative, of sum 1.
    features: uniform on [0, 1), [F].
  """

  name: array_types.Array
  filter: array_types.Array
  features: array_types.Array


# Each takes an array [..., F] of weights or of a layer's output, the first two
# axes rows and columns if there are at least three, and what a layer draws. It
# distorts all features; a share of them is then chosen.


def _zero(x, draw):
  del draw
  return jnp.zeros_like(x)


def _negate(x, draw):
  del draw
  return -x


def _flip(x, draw):
  del draw
  return jnp.flip(x, -1)


def _transpose(x, draw):
  del draw
  is_square = x.ndim > 2 and x.shape[0] == x.shape[1]
  return jnp.swapaxes(x, 0, 1) if is_square else x


def _scale(x, draw):
  # Those chosen are below SHARE: 0 to 3 times what it was.
  factor = 3 / SHARE * draw.features[: x.shape[-1]]
  return x * factor.reshape((1,) * (x.ndim - 1) + (-1,))


def _convolve(x, draw):
  if x.ndim < 3:
    return x
  padded = jnp.pad(x, ((1, 1), (1, 1)) + ((0, 0),) * (x.ndim - 2))
  height, width = x.shape[:2]
  shifts = itertools.product(range(3), range(3))
  return sum(
    draw.filter[i, j] * padded[i : i + height, j : j + width] for i, j in shifts
  )


def _activate(x, draw):
  del draw
  return -jax.nn.gelu(x)


DISTORTIONS: Mapping[str, Callable[..., array_types.Array]] = {
  'zero': _zero,
  'negate': _negate,
  'flip': _flip,
  'transpose': _transpose,
  'scale': _scale,
  'convolve': _convolve,
  'activate': _activate,
}


def distort(x: array_types.Array, draw: Draw) -> array_types.Array:
  """Distorts a share of the features of an array [..., F] as drawn."""
  draw = jax.tree.map(lambda leaf: _cast(leaf, x.dtype), draw)
  # All of them: these arrays are small beside what a network computes, and
  # `lax.switch` would run every branch too, under vmap.
  variants = [function(x, draw) for function in DISTORTIONS.values()]
  distorted = jax.lax.select_n(jnp.maximum(draw.name, 0), *variants)
  is_chosen = (draw.features[: x.shape[-1]] < SHARE) & (draw.name >= 0)
  return jnp.where(is_chosen.reshape((1,) * (x.ndim - 1) + (-1,)), distorted, x)


def _cast(leaf, dtype):
  is_float = jnp.issubdtype(leaf.dtype, jnp.floating)
  return leaf.astype(dtype) if is_float else leaf


def draw_layers(
  key: array_types.Key, num_layers: int, num_distorted: int, num_features: int
) -> Draw:
  """Which layers are distorted, and how.

  Args:
    key: random key.
    num_layers: L.
    num_distorted: number of different layers among them to be distorted.
    num_features: F, of the layer with the most.

  Returns:
    A `Draw` with a leading axis L.
  """
  # All at once, since every draw takes its time to compile.
  size = (num_layers, 2 + _NUM_SHIFTS + num_features)
  drawn = jax.random.uniform(key, size, jnp.float32)
  order, name = drawn[:, 0], drawn[:, 1]
  rank = (order[:, None] > order[None, :]).sum(axis=1)
  name = (name * len(DISTORTIONS)).astype(jnp.int32)
  # Exponential draws, divided by their sum: any filter as likely as any other.
  weights = -jnp.log1p(-drawn[:, 2 : 2 + _NUM_SHIFTS]) + 1e-6
  weights = weights / weights.sum(axis=1, keepdims=True)
  return Draw(
    jnp.where(rank < num_distorted, name, -1),
    weights.reshape(num_layers, 3, 3),
    drawn[:, 2 + _NUM_SHIFTS :],
  )


def _own_kernel(module: nn.Module) -> array_types.Array | None:
  parameters = module.variables.get('params', {})
  kernel = parameters.get('kernel') if isinstance(parameters, Mapping) else None
  return kernel if getattr(kernel, 'ndim', 0) >= 2 else None


def _inner_layers(module, variables, images) -> dict[_Path, int]:
  """Paths of all layers but the first and the last, and their features.

  A layer is a module with a kernel of its own; they are in the order in which
  they are called. Of two or less, all count.
  """
  found = {}

  def record(next_function, args, kwargs, context):
    is_call = context.method_name == '__call__'
    kernel = _own_kernel(context.module) if is_call else None
    if kernel is not None:
      found.setdefault(context.module.path, kernel.shape[-1])
    return next_function(*args, **kwargs)

  with nn.intercept_methods(record):
    given = jax.eval_shape(module.apply, variables, images)
  if not found:
    expected = 'a module with layers that have a kernel'
    raise errors.InputError('network', expected, type(module).__name__)
  if getattr(given, 'shape', None) != images.shape:
    expected = f'a module that gives images {images.shape}'
    raise errors.InputError('network', expected, f'{given}')
  return found if len(found) < 3 else dict(list(found.items())[1:-1])


def _distort_variables(variables, places, draw: Draw):
  """Distorts kernel and bias of the layers at these places of a `Draw`.

  Those of one shape together, which takes less time to compile.
  """
  flat = flax.traverse_util.flatten_dict(variables['params'])
  paths = [(*path, name) for path in places for name in ('kernel', 'bias')]
  by_shape = {}
  for path in paths:
    if path in flat:
      by_shape.setdefault(jnp.shape(flat[path]), []).append(path)
  for same in by_shape.values():
    index = jnp.asarray([places[path[:-1]] for path in same])
    of_layers = jax.tree.map(lambda leaf: leaf[index], draw)  # noqa: B023
    stacked = jnp.stack([flat[path] for path in same])
    flat |= dict(zip(same, jax.vmap(distort)(stacked, of_layers), strict=True))
  return {**variables, 'params': flax.traverse_util.unflatten_dict(flat)}


def _apply_distorted(module, variables, places, images, draws: Draw):
  """The network, the output of its layers distorted; draws [n, L, ...]."""

  def change(next_function, args, kwargs, context):
    output = next_function(*args, **kwargs)
    place = places.get(context.module.path)
    if place is None or context.method_name != '__call__':
      return output
    of_layer = jax.tree.map(lambda leaf: leaf[:, place], draws)
    return jax.vmap(distort)(output, of_layer)

  with nn.intercept_methods(change):
    return module.apply(variables, images)


def _check(key, images, network, images_per_network) -> None:
  random_keys.check_key('key', key)
  errors.check_images('images', images)
  errors.check_integer(
    'images_per_network', images_per_network, low=1, high=_MOST_IMAGES
  )
  if not isinstance(network, nn.Module) or network.scope is None:
    expected = 'a bound linen module, such as module.bind(variables)'
    raise errors.InputError('network', expected, type(network).__name__)


def _in_groups(x, size):
  """[B, ...] to [ceil(B / size), size, ...], the last one repeated."""
  padding = ((0, -len(x) % size),) + ((0, 0),) * (x.ndim - 1)
  return jnp.pad(x, padding, mode='edge').reshape(-1, size, *x.shape[1:])


def deep_augment(
  key: array_types.Key,
  images: array_types.Array,
  network: nn.Module,
  *,
  images_per_network: int = IMAGES_PER_NETWORK,
) -> array_types.Array:
  r"""Distorts images by sending them through a disturbed network.

  In every network the weights of two of its layers are distorted, and on the
  way of every image through it the output of one; which layers, and how, is
  drawn. Of a layer each feature (a filter and its bias, or a channel of its
  output) is distorted with probability 1/4, in one of seven ways:

  * `zero`: it is set to 0;
  * `negate`: its sign is turned;
  * `flip`: that at the same distance from the other end of the layer takes its
    place;
  * `transpose`: rows and columns of the kernel, or of the map, change places;
    nothing where these differ in size;
  * `scale`: it is multiplied by a factor of its own, U(0, 3);
  * `convolve`: its kernel, or its map, is correlated with one random 3x3
    filter, not negative and of sum 1, zeros around: it is blurred and shifted;
  * `activate`: -gelu(x) takes the place of x.

  A layer is a module of which a parameter is called `kernel`. The first and the
  last are left alone, as in the published code, since there nothing that
  follows or went before makes up for it. `transpose` and `convolve` leave
  kernels and outputs without rows and columns as they are.

  This is our own selection of the distortions the authors wrote by hand for
  their two networks, made such that with an `Autoencoder` most images of
  CIFAR-10 can still be told. The weights of those networks (EDSR and CAE) are
  third-party and not used. Results should name the network that was.

  The authors distort all images before training, and draw another network with
  probability 1/20 at every image. Here images are distorted in the training
  step and a fixed number of neighbours in the batch share a network. What an
  image draws depends on the key and its place in the batch only.

  Args:
    key: random key.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    network: a bound linen module, `module.bind(variables)`, that takes float
      images and gives images of the same shape, such as `load_autoencoder`
      loads. All its networks are computed at once: their weights, and with them
      its convolutions, get an axis of B / images_per_network.
    images_per_network: how many neighbours share a network; static. 1 gives
      each image a network of its own.

  Returns:
    The distorted images, same shape and dtype, clipped to [0, 1].

  Raises:
    errors.InputError: on what is no key, other images, a module that is not
      bound, has no layers, or gives anything but such images.

  Example:
    network = augmentation.load_autoencoder('autoencoder.npz')
    distorted = augmentation.deep_augment(key, images, network)

  References:
    Hendrycks et al., The Many Faces of Robustness: A Critical Analysis of
    Out-of-Distribution Generalization, ICCV 2021, section 4 and the authors'
    code. The variant described above, not the published one.
  """
  _check(key, images, network, images_per_network)
  images = jnp.asarray(images)
  if not len(images):
    return images
  module, variables = network.unbind()
  size = min(images_per_network, len(images))
  dtype = array_types.at_least_float32(images.dtype)
  groups = _in_groups(images.astype(dtype), size)
  layers = _inner_layers(module, variables, groups[0])
  places = {path: i for i, path in enumerate(layers)}

  def draw(key, count, num_distorted):
    keys = random_keys.example_keys(key, jnp.arange(count))
    sizes = len(layers), num_distorted, max(layers.values())
    return jax.vmap(lambda key: draw_layers(key, *sizes))(keys)

  network_key, image_key = jax.random.split(key)
  of_networks = draw(network_key, len(groups), NUM_WEIGHT_LAYERS)
  of_images = draw(image_key, len(images), NUM_OUTPUT_LAYERS)
  of_images = jax.tree.map(lambda leaf: _in_groups(leaf, size), of_images)

  def send(images, of_network, of_images):
    distorted = _distort_variables(variables, places, of_network)
    return _apply_distorted(module, distorted, places, images, of_images)

  found = jax.vmap(send)(groups, of_networks, of_images)
  found = found.reshape(-1, *images.shape[1:])[: len(images)]
  return jnp.clip(found, 0.0, 1.0).astype(images.dtype)
