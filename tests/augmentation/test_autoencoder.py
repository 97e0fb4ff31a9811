import functools
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import augmentation
from robustjax import errors
from robustjax.augmentation import autoencoder

SMALL = augmentation.Autoencoder(channels=1, width=5, code_size=3, num_blocks=1)


@functools.cache
def _variables():
  return jax.jit(SMALL.init)(jax.random.key(0), jnp.zeros((1, 4, 4, 1)))


_apply = jax.jit(SMALL.apply)


def _count(variables):
  return sum(leaf.size for leaf in jax.tree.leaves(variables))


@pytest.mark.parametrize('size', [(8, 8), (7, 5)])
def test_images_keep_their_shape(rng, size):
  images = jnp.asarray(rng.uniform(size=(2, *size, 1)), jnp.float32)
  variables = _variables()
  found = _apply(variables, images)
  assert (found.shape, found.dtype) == (images.shape, jnp.float32)
  # What is added at the edges is their own value.
  padded = np.pad(
    images, ((0, 0), (0, -size[0] % 4), (0, -size[1] % 4), (0, 0)), mode='edge'
  )
  whole = _apply(variables, jnp.asarray(padded))
  np.testing.assert_allclose(found, whole[:, : size[0], : size[1]], atol=1e-6)


def test_the_number_of_parameters():
  # By hand, each kernel 3 x 3 and a bias: 4 C to 24, 96 to 48, two blocks on
  # each side of two convolutions each, 48 to 24 to 48, 48 to 96, 24 to 4 C.
  sizes = [(12, 24), (96, 48), *[(48, 48)] * 8, (48, 24), (24, 48), (48, 96)]
  sizes.append((24, 12))
  expected = sum(9 * read * given + given for read, given in sizes)
  images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
  module = augmentation.Autoencoder()
  shapes = jax.eval_shape(module.init, jax.random.key(0), images)
  assert _count(shapes) == expected


def test_convolutions_are_those_of_xla(rng):
  x = jnp.asarray(rng.normal(size=(2, 5, 4, 3)), jnp.float32)
  kernel = jnp.asarray(rng.normal(size=(3, 3, 3, 6)), jnp.float32)
  found = autoencoder._convolve_rows(x, kernel)
  expected = jax.lax.conv_general_dilated(
    x, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  # Sums of 27 products of order 1.
  np.testing.assert_allclose(found, expected, atol=1e-5)


def test_squares_go_into_the_channels_and_come_back(rng):
  x = rng.normal(size=(2, 4, 6, 3))
  gathered = autoencoder._gather(jnp.asarray(x, jnp.float32))
  assert gathered.shape == (2, 2, 3, 12)
  for row, column in np.ndindex(2, 3):
    square = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    expected = square.reshape(2, 12)
    np.testing.assert_allclose(gathered[:, row, column], expected, rtol=1e-6)
  np.testing.assert_allclose(autoencoder._spread(gathered), x, rtol=1e-6)


def test_a_saved_one_is_loaded_bit_for_bit(tmp_path):
  variables, path = _variables(), tmp_path / 'weights'
  augmentation.save_autoencoder(path, variables)
  assert [one.name for one in tmp_path.iterdir()] == ['weights']
  module, loaded = augmentation.load_autoencoder(path).unbind()
  assert module == SMALL
  jax.tree.map(np.testing.assert_array_equal, loaded, variables)


def test_it_may_be_loaded_while_tracing(tmp_path):
  path, kept = tmp_path / 'weights.npz', []
  augmentation.save_autoencoder(path, _variables())

  @jax.jit
  def apply(images):
    kept.append(augmentation.load_autoencoder(path))
    return kept[0](images)

  images = jnp.zeros((1, 4, 4, 1))
  found = apply(images)
  _, variables = kept[0].unbind()
  np.testing.assert_allclose(found, _apply(variables, images), atol=1e-6)


def _write(path, change):
  """An archive of the weights, changed."""
  augmentation.save_autoencoder(path, _variables())
  with np.load(path) as file:
    arrays = dict(file)
  change(arrays)
  np.savez(path, **arrays)


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (dict.clear, 'other arrays'),
    (lambda a: a.pop('encode_half/bias'), 'missing encode_half/bias'),
    (lambda a: a.update(more=np.zeros(3)), 'unknown more'),
    (
      lambda a: a.update({'encode_half/bias': np.zeros(9, np.float32)}),
      'encode_half/bias of shape .9,.',
    ),
    (
      lambda a: a.update({'encode_half/bias': np.zeros(3)}),
      'dtype float64',
    ),
    (
      lambda a: a.update({'encode_half/bias': np.full(3, np.nan, np.float32)}),
      'values that are not finite',
    ),
    (lambda a: a.update(more=np.array([{}])), 'allow_pickle=False'),
  ],
)
def test_a_foreign_archive_is_named(tmp_path, change, message):
  path = tmp_path / 'weights.npz'
  _write(path, change)
  with pytest.raises(errors.InputError, match=message) as caught:
    augmentation.load_autoencoder(path)
  assert str(caught.value).startswith('path: expected an intact file of')
  assert len(str(caught.value).splitlines()) == 1


def test_a_damaged_file_is_named(tmp_path):
  path = tmp_path / 'weights.npz'
  augmentation.save_autoencoder(path, _variables())
  whole = path.read_bytes()
  with zipfile.ZipFile(path) as archive:
    at = archive.infolist()[0].header_offset + 400  # within its values
  flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
  for content in (b'', b'text', whole[: len(whole) // 2], flipped):
    path.write_bytes(content)
    with pytest.raises(errors.InputError, match='path: expected an intact'):
      augmentation.load_autoencoder(path)
  with path.open('wb') as file:
    np.save(file, np.zeros(3))
  with pytest.raises(errors.InputError, match='path: expected an intact'):
    augmentation.load_autoencoder(path)
  with pytest.raises(errors.InputError, match='No such file'):
    augmentation.load_autoencoder(tmp_path / 'none.npz')


def test_what_cannot_be_saved_is_named(tmp_path):
  (tmp_path / 'folder').mkdir()
  with pytest.raises(errors.InputError, match='folder: expected a file'):
    augmentation.save_autoencoder(tmp_path / 'folder', _variables())
  (tmp_path / 'folder').rmdir()
  path = tmp_path / 'weights.npz'
  with pytest.raises(errors.InputError, match='variables: .*other arrays'):
    augmentation.save_autoencoder(path, {'params': {}})
  for variables in (None, {}, {'params': 3}, [1]):
    with pytest.raises(errors.InputError, match='variables: '):
      augmentation.save_autoencoder(path, variables)
  for path in (None, '', '~nobody-of-this-name/x'):
    with pytest.raises(errors.InputError, match='path: expected a path'):
      augmentation.save_autoencoder(path, _variables())
    with pytest.raises(errors.InputError, match='path: expected a path'):
      augmentation.load_autoencoder(path)
  assert not list(tmp_path.iterdir())


def test_bad_input_is_named():
  with pytest.raises(errors.InputError, match='width: expected an integer'):
    augmentation.Autoencoder(width=0)
  with pytest.raises(errors.InputError, match='images with 1 channels'):
    SMALL.apply(_variables(), jnp.zeros((1, 4, 4, 3)))
