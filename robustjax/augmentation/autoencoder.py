"""A small convolutional autoencoder, and the file its weights are kept in.

What `deep_augment` distorts unless it is given another network. Its weights are
trained here, on images of one's own: the EDSR and CAE weights of the paper are
third-party, and are neither used nor read.
"""

import os
import pathlib
import zipfile
import zlib

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors

_MOST = 10_000  # channels, or blocks
_BLOCK = 4  # side of the squares of pixels that one code stands for
# What NumPy raises on a file that is no intact archive of arrays.
_UNREADABLE = (
  EOFError,
  NotImplementedError,
  OSError,
  ValueError,
  zipfile.BadZipFile,
  zlib.error,
)


def _convolve_rows(x, kernel):
  """A 3x3 convolution, stride 1, zeros around, as one matrix product.

  Three shifted copies side by side meet all three rows of the kernel at once;
  the products are then shifted and added.
  """
  height, width = x.shape[1:3]
  padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  columns = [padded[:, :, step : step + width] for step in range(3)]
  matrix = jnp.moveaxis(kernel, 0, 2).reshape(3 * kernel.shape[2], -1)
  rows = jnp.split(jnp.concatenate(columns, axis=-1) @ matrix, 3, axis=-1)
  return sum(row[:, step : step + height] for step, row in enumerate(rows))


def _convolve(lhs, rhs, strides, padding, **options):
  """What `nn.Conv` calls; on CPU fast with other weights for each batch too.

  Under `vmap` over kernels XLA's own is a grouped convolution, which takes
  three times as long there.
  """

  def plain(lhs, rhs):
    return jax.lax.conv_general_dilated(lhs, rhs, strides, padding, **options)

  return jax.lax.platform_dependent(lhs, rhs, cpu=_convolve_rows, default=plain)


def _conv(features, dtype, name=None):
  return nn.Conv(
    features, (3, 3), dtype=dtype, name=name, conv_general_dilated=_convolve
  )


def _gather(x):
  """Squares of 2 x 2 places to one place: [B, H, W, C] to [B, H/2, W/2, 4C]."""
  batch, height, width, channels = x.shape
  x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
  x = jnp.moveaxis(x, 3, 2)
  return x.reshape(batch, height // 2, width // 2, 4 * channels)


def _spread(x):
  """Undoes `_gather`."""
  batch, height, width, channels = x.shape
  x = x.reshape(batch, height, width, 2, 2, channels // 4)
  x = jnp.moveaxis(x, 2, 3)
  return x.reshape(batch, 2 * height, 2 * width, channels // 4)


class _ResidualBlock(nn.Module):
  """x + conv(relu(conv(relu(x)))): what it reads gets through undistorted."""

  dtype: jnp.dtype

  @nn.compact
  def __call__(self, x):
    features = x.shape[-1]
    hidden = _conv(features, self.dtype)(nn.relu(x))
    return x + _conv(features, self.dtype)(nn.relu(hidden))


class Autoencoder(nn.Module):
  """Images to codes of a quarter of their side, and back.

  Twice, squares of 2 x 2 are put into the channels and convolved, to `width`
  channels in the end; residual blocks and a convolution to `code_size` channels
  follow. The decoder mirrors this. As in the networks of the paper most layers
  sit in residual blocks: distorted, they change an image without losing what it
  shows. All kernels are 3x3.

  The architecture and the weights are our own: the paper's EDSR and CAE are not
  used, and a result should name this network.

  Attributes:
    channels: of the images, 1 or 3.
    width: channels inside, as all other numbers at most 10000.
    code_size: numbers for every 4 x 4 pixels, which hold 16 `channels`.
    num_blocks: residual blocks in the encoder, and in the decoder.
    dtype: that it computes in; parameters are float32.

  Raises:
    errors.InputError: on other sizes.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> images = jnp.zeros([2, 30, 32, 3])
    >>> init = Autoencoder(width=8).init_with_output
    >>> found, _ = jax.eval_shape(init, jax.random.key(0), images)
    >>> found.shape
    (2, 30, 32, 3)
  """

  channels: int = 3
  width: int = 48
  code_size: int = 24
  num_blocks: int = 2
  dtype: jnp.dtype = jnp.float32

  def __post_init__(self):
    for name in ('channels', 'width', 'code_size', 'num_blocks'):
      errors.check_integer(name, getattr(self, name), low=1, high=_MOST)
    errors.check_float_dtype('dtype', self.dtype)
    super().__post_init__()

  @nn.compact
  def __call__(self, images: array_types.Array) -> array_types.Array:
    """Sends images through the bottleneck.

    Args:
      images: float [B, H, W, channels] in [0, 1]. Where H or W is no multiple
        of four, edges are repeated, and cut off again.

    Returns:
      What is left of the images, same shape and dtype; not clipped.

    Raises:
      errors.InputError: on other images.
    """
    errors.check_images('images', images)
    if images.shape[-1] != self.channels:
      expected = f'images with {self.channels} channels'
      raise errors.InputError('images', expected, f'shape {images.shape}')
    images = jnp.asarray(images)
    height, width = images.shape[1:3]
    margin = ((0, 0), (0, -height % _BLOCK), (0, -width % _BLOCK), (0, 0))
    padded = jnp.pad(images, margin, mode='edge').astype(self.dtype)
    x = self._decode(self._encode(padded - 0.5)) + 0.5
    return x[:, :height, :width].astype(images.dtype)

  def _encode(self, x):
    x = _conv(self._half, self.dtype, 'encode_half')(_gather(x))
    x = _conv(self.width, self.dtype, 'encode_quarter')(_gather(x))
    for i in range(self.num_blocks):
      x = _ResidualBlock(self.dtype, name=f'encode_block{i}')(x)
    return _conv(self.code_size, self.dtype, 'encode_code')(x)

  def _decode(self, code):
    x = _conv(self.width, self.dtype, 'decode_code')(code)
    for i in range(self.num_blocks):
      x = _ResidualBlock(self.dtype, name=f'decode_block{i}')(x)
    x = _conv(4 * self._half, self.dtype, 'decode_quarter')(x)
    x = _conv(4 * self.channels, self.dtype, 'decode_half')(_spread(x))
    return _spread(x)

  @property
  def _half(self) -> int:
    """Channels at half the side of the image."""
    return -(-self.width // 2)


def _module_for(parameters) -> Autoencoder:
  """The module these flat parameters are of, by their names and shapes."""
  features = {
    name: parameters[f'{name}/kernel'].shape[-1]
    for name in ('encode_quarter', 'encode_code', 'decode_half')
  }
  names = {name.partition('/')[0] for name in parameters}
  return Autoencoder(
    channels=features['decode_half'] // 4,
    width=features['encode_quarter'],
    code_size=features['encode_code'],
    num_blocks=sum(name.startswith('encode_block') for name in names),
  )


def _checked(parameters) -> Autoencoder:
  """`_module_for`; raises ValueError unless they are all of such a module's."""
  try:
    module = _module_for(parameters)
  except (KeyError, IndexError, errors.InputError) as error:
    raise ValueError('other arrays') from error
  images = jax.ShapeDtypeStruct((1, 4, 4, module.channels), jnp.float32)
  wanted = jax.eval_shape(module.init, jax.random.key(0), images)['params']
  wanted = flax.traverse_util.flatten_dict(wanted, sep='/')
  for name in sorted({*wanted, *parameters}):
    if name not in wanted or name not in parameters:
      what = 'missing' if name in wanted else 'unknown'
      raise ValueError(f'{what} {name}')
    found = parameters[name]
    if found.shape != wanted[name].shape or found.dtype != np.float32:
      raise ValueError(f'{name} of shape {found.shape}, dtype {found.dtype}')
    if not np.isfinite(found).all():
      raise ValueError(f'{name} with values that are not finite')
  return module


def save_autoencoder(
  path: str | os.PathLike, variables: array_types.PyTree
) -> None:
  """Saves an autoencoder: an .npz that `load_autoencoder` and NumPy read.

  Args:
    path: of the file; one that is there is replaced, whole or not at all.
    variables: of an `Autoencoder`.

  Raises:
    errors.InputError: if they are another module's or not finite, or the file
      cannot be written.
  """
  path = errors.as_path('path', path)
  try:
    parameters = flax.traverse_util.flatten_dict(variables['params'], sep='/')
    parameters = {name: np.asarray(one) for name, one in parameters.items()}
  except (AssertionError, AttributeError, KeyError, TypeError, IndexError) as e:
    expected, got = "an Autoencoder's {'params': ...}", type(variables).__name__
    raise errors.InputError('variables', expected, got) from e
  try:
    _checked(parameters)
  except ValueError as error:
    expected = 'those of an Autoencoder'
    raise errors.InputError('variables', expected, f'{error}') from error
  path = pathlib.Path(path).expanduser()
  partial = path.with_name(f'{path.name}.partial')
  try:
    with partial.open('wb') as file:
      np.savez(file, **parameters)
    partial.replace(path)
  except OSError as error:
    expected = 'a file that can be written to'
    raise errors.InputError('path', expected, f'{error}') from error


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
  """The arrays of an archive."""
  with path.open('rb') as file:
    found = np.load(file, allow_pickle=False)
    if not isinstance(found, np.lib.npyio.NpzFile):
      raise ValueError('a lone array')
    with found:
      return {name: found[name] for name in found.files}


def load_autoencoder(path: str | os.PathLike) -> Autoencoder:
  """Loads what `save_autoencoder` saved.

  Args:
    path: of the file.

  Returns:
    The module bound to its weights, as `deep_augment` takes it; `.unbind()`
    gives module and variables. Its sizes are those the weights tell.

  Raises:
    errors.InputError: if there is no such file, or it is damaged or foreign.
  """
  path = errors.as_path('path', path)
  try:
    parameters = _read(path)
    module = _checked(parameters)
  except _UNREADABLE as error:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    expected = 'an intact file of save_autoencoder'
    raise errors.InputError('path', expected, f'{path}: {reason}') from error
  params = flax.traverse_util.unflatten_dict(parameters, sep='/')
  # Not yet on any device, so that it may be loaded while tracing.
  return module.bind({'params': params})
