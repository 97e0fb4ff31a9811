"""Noise2Net: every image through a small network of random weights of its own.

Hendrycks et al., The Many Faces of Robustness, 2021: the form of DeepAugment
that needs no trained network. Images are distorted by convolutions nobody has
chosen, and keep what they show because what a network gives is added to what it
read.

Images are float [B, H, W, C] in [0, 1], C 1 or 3, in and out; computed in at
least float32.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from robustjax import array_types
from robustjax import errors
from robustjax import random_keys

NUM_BLOCKS = 4
NUM_PARTS = 4  # that the hidden channels of a block are split into
PART_SIZE = 16  # channels in a part
MAX_DILATION = 3
EPSILON = (0.375, 0.75)
# Of ImageNet's pixels. Their mean is not needed: a block does not see it.
_DEVIATION = {1: (0.226,), 3: (0.229, 0.224, 0.225)}
_VARIANCE_FLOOR = 1e-5  # as in every batch norm


class Network(NamedTuple):
  """Weights of B networks, one for each image.

  Biases are missing: the normalisation that follows would take them off again.

  Attributes:
    expand: [B, blocks, C, parts * part size].
    convolve: [B, blocks, parts - 1, 3, 3, part size, part size].
    contract: [B, blocks, parts * part size, C].
  """

  expand: array_types.Array
  convolve: array_types.Array
  contract: array_types.Array


def draw_network(keys: array_types.Key, channels: int) -> Network:
  """Random weights for images of so many channels: U(-s, s), fan-in s^-2.

  The limits are those of 3x3 kernels throughout. Under normalisation their size
  does not matter.

  Args:
    keys: [B].
    channels: C.

  Returns:
    A float32 `Network`.
  """
  width = NUM_PARTS * PART_SIZE
  shapes = Network(
    expand=(NUM_BLOCKS, channels, width),
    convolve=(NUM_BLOCKS, NUM_PARTS - 1, 3, 3, PART_SIZE, PART_SIZE),
    contract=(NUM_BLOCKS, width, channels),
  )
  fan_ins = Network(channels, 9 * PART_SIZE, width)
  sizes = [math.prod(shape) for shape in shapes]
  starts = [sum(sizes[:i]) for i in range(1, len(sizes))]

  def draw_one(key):
    # All at once, since every draw takes seconds to compile.
    drawn = jax.random.uniform(
      key, (sum(sizes),), jnp.float32, minval=-1.0, maxval=1.0
    )
    parts = zip(jnp.split(drawn, starts), shapes, fan_ins, strict=True)
    return Network(
      *(part.reshape(shape) * fan_in**-0.5 for part, shape, fan_in in parts)
    )

  return jax.vmap(draw_one)(keys)


def draw_reaches(epoch_key: array_types.Key) -> array_types.Array:
  """How far the kernels of an epoch reach, int32 [blocks, parts - 1].

  Args:
    epoch_key: the key of an epoch; may be traced.

  Returns:
    0 for a kernel of size 1, with probability 1/2, else the dilation of a 3x3
    kernel: 1, 2 or 3.
  """
  shape = (NUM_BLOCKS, NUM_PARTS - 1)
  drawn = jax.random.randint(epoch_key, shape, 0, 2 * MAX_DILATION)
  return jnp.maximum(drawn - (MAX_DILATION - 1), 0)


def _multiply(x, matrix):
  """[B, H, W, I] times [B, I, O], image by image."""
  return jnp.einsum('bhwi,bio->bhwo', x, matrix)


def _convolve_wide(x, kernel, dilation):
  """3x3 convolutions, one kernel [3, 3, I, O] per image, zeros around.

  The dilation may be traced. Three shifted copies side by side are multiplied
  by all three rows of the kernel at once, and the products shifted: XLA has no
  fast code on CPU for a convolution with other weights for every image.
  """
  batch, height, width, channels = x.shape
  margin = MAX_DILATION
  padded = jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
  size = (batch, height + 2 * margin, width, channels)
  columns = [
    jax.lax.dynamic_slice(padded, (0, 0, margin + step * dilation, 0), size)
    for step in (-1, 0, 1)
  ]
  matrix = jnp.moveaxis(kernel, 1, 3).reshape(batch, 3 * channels, -1)
  rows = _multiply(jnp.concatenate(columns, axis=-1), matrix)
  rows = jnp.split(rows, 3, axis=-1)
  size = (batch, height, width, rows[0].shape[-1])
  return sum(
    jax.lax.dynamic_slice(row, (0, margin + step * dilation, 0, 0), size)
    for step, row in zip((-1, 0, 1), rows, strict=True)
  )


def _convolve(x, kernel, reach):
  """By the 3x3 kernel so dilated, or with reach 0 by its centre alone."""
  return jax.lax.cond(
    reach > 0,
    lambda: _convolve_wide(x, kernel, reach),
    lambda: _multiply(x, kernel[:, 1, 1]),
  )


def _normalize(x):
  """Each channel of each image to mean 0 and deviation 1."""
  # Exactly 0 where a channel is flat. Of what rounding leaves of a mean, the
  # five normalisations of a block would make an image of its own.
  x = x - x[:, :1, :1]
  centred = x - x.mean(axis=(1, 2), keepdims=True)
  variance = jnp.square(centred).mean(axis=(1, 2), keepdims=True)
  return centred * jax.lax.rsqrt(variance + _VARIANCE_FLOOR)


def _block(x, expand, convolve, contract, reaches):
  """A Res2Net block: each part also reads what the part before it gave."""
  hidden = jax.nn.relu(_normalize(_multiply(x, expand)))
  *parts, untouched = jnp.split(hidden, NUM_PARTS, axis=-1)
  given, found = 0, []
  for i, part in enumerate(parts):
    convolved = _convolve(part + given, convolve[:, i], reaches[i])
    given = jax.nn.relu(_normalize(convolved))
    found.append(given)
  hidden = jnp.concatenate([*found, untouched], axis=-1)
  return _normalize(_multiply(hidden, contract))


def apply_network(
  images: array_types.Array,
  network: Network,
  reaches: array_types.Array,
  epsilon: array_types.ArrayLike,
) -> array_types.Array:
  """Sends each image through its network; `noise2net` draws all of it.

  Args:
    images: float32 or float64 [B, H, W, C] in [0, 1].
    network: of the same dtype.
    reaches: int [blocks, parts - 1], as `draw_reaches` gives them.
    epsilon: how much of what a block gives is added to what it read.

  Returns:
    The distorted images, clipped to [0, 1].
  """
  deviation = jnp.asarray(_DEVIATION[images.shape[-1]], images.dtype)
  x = images / deviation[None, None, None]
  for i in range(NUM_BLOCKS):
    weights = (leaf[:, i] for leaf in network)
    x = x + epsilon * _block(x, *weights, reaches[i])
  return jnp.clip(x * deviation[None, None, None], 0.0, 1.0)


def noise2net(
  key: array_types.Key,
  images: array_types.Array,
  *,
  epoch_key: array_types.Key,
) -> array_types.Array:
  r"""Distorts each image by a network of random weights of its own.

  Four Res2Net blocks, one after the other, each

  .. math:: x \leftarrow x + \epsilon f_i(x), \quad \epsilon \sim U(.375, .75)

  in units of the deviation of ImageNet's pixels. A block expands the channels
  to four parts of 16 by a 1x1 convolution; the first three are convolved in
  turn, each after the result of the one before has been added, the fourth is
  left; a 1x1 convolution contracts them again. Every convolution is followed by
  a normalisation over the places of the one image and, but for the last, by
  ReLU, so that what a block adds has deviation 1 in every channel. Weights are
  U(-s, s), s the inverse root of the fan-in.

  Weights are drawn for every call and image; epsilon for every call. The size
  (1 or 3) and the dilation (1, 2 or 3) of each of the twelve inner convolutions
  are shared by all images and fixed for an epoch. What an image draws depends
  on the keys and its place in the batch only. The result is clipped to [0, 1],
  which is not done in the published code.

  No weights of anybody's are used: results are those of Noise2Net, not of the
  DeepAugment of the published tables, whose images come from trained EDSR and
  CAE networks. All images given are distorted; the published recipe gives the
  first half of each batch.

  Args:
    key: random key of the batch.
    images: float [B, H, W, C] in [0, 1], C 1 or 3.
    epoch_key: key of the epoch; may be traced, as `key` may.

  Returns:
    The distorted images, same shape and dtype, in [0, 1].

  Raises:
    errors.InputError: on what are no keys, or other images.

  Example:
    distorted = noise2net(key, images, epoch_key=epoch_key)

  References:
    Hendrycks et al., The Many Faces of Robustness: A Critical Analysis of
    Out-of-Distribution Generalization, ICCV 2021, appendix on Noise2Net, as in
    the authors' code. Gao et al., Res2Net, 2019.
  """
  random_keys.check_key('key', key)
  random_keys.check_key('epoch_key', epoch_key)
  errors.check_images('images', images)
  images = jnp.asarray(images)
  if not len(images):
    return images
  dtype = array_types.at_least_float32(images.dtype)
  epsilon_key, network_key = jax.random.split(key)
  low, high = EPSILON
  epsilon = jax.random.uniform(epsilon_key, (), jnp.float32, low, high)
  keys = random_keys.example_keys(network_key, jnp.arange(len(images)))
  network = draw_network(keys, images.shape[-1])
  network = jax.tree.map(lambda leaf: leaf.astype(dtype), network)
  distorted = apply_network(
    images.astype(dtype),
    network,
    draw_reaches(epoch_key),
    epsilon.astype(dtype),
  )
  return distorted.astype(images.dtype)
