import functools
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from PIL import ImageOps
import pytest

from robustjax import errors
from robustjax.augmentation import operations

NAMES = operations.OPERATIONS
WARPS = NAMES[4:]
SHAPE = (23, 40, 3)
AMOUNTS = (0.1, -0.7, 1.3, -2.6, 4.9, -5.2, 9.9)


def _affine(image, matrix):
  return image.transform(
    image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
  )


def _pillow(levels, name, amount):
  """What Pillow makes of uint8 [H, W, C]."""
  image = Image.fromarray(levels if levels.shape[-1] > 1 else levels[..., 0])
  width, height = image.size
  size = abs(amount)
  result = {
    'autocontrast': lambda: ImageOps.autocontrast(image),
    'equalize': lambda: ImageOps.equalize(image),
    'posterize': lambda: ImageOps.posterize(image, 4 - int(size * 4 / 10)),
    'solarize': lambda: ImageOps.solarize(image, 256 - size * 256 / 10),
    'rotate': lambda: image.rotate(amount * 30 / 10, Image.Resampling.BILINEAR),
    'shear_x': lambda: _affine(image, (1, amount * 0.3 / 10, 0, 0, 1, 0)),
    'shear_y': lambda: _affine(image, (1, 0, 0, amount * 0.3 / 10, 1, 0)),
    'translate_x': lambda: _affine(
      image, (1, 0, amount * width / 3 / 10, 0, 1, 0)
    ),
    'translate_y': lambda: _affine(
      image, (1, 0, 0, 0, 1, amount * height / 3 / 10)
    ),
  }[name]()
  return np.asarray(result, np.int32).reshape(levels.shape)


_apply = jax.jit(jax.vmap(operations.apply_chain))


def _apply_each(images, names, amounts):
  """One operation on each image, as int32: 72 at once, for one compilation."""
  rest = 72 - len(names)
  places = [NAMES.index(name) for name in names] + [len(NAMES)] * rest
  amounts = np.float32([*amounts, *[0] * rest])
  images = np.stack([*images, *[images[0]] * rest])
  found = _apply(images, np.array(places)[:, None], amounts[:, None])
  return np.asarray(found, np.int32)[: len(names)]


def _assert_near_pillow(images, names, amounts):
  found = _apply_each(images, names, amounts)
  for image, name, amount, one in zip(
    images, names, amounts, found, strict=True
  ):
    off = np.abs(one - _pillow(image, name, amount))
    if name in ('equalize', 'posterize', 'solarize'):
      assert off.max() == 0, (name, amount)
    # Pillow cuts off fractions in float64, where a whole number may be just
    # missed. Here they are cut exactly, and weights have 12 bits.
    assert off.max() <= 1, (name, amount)
    if name in WARPS:
      # 255 levels * 2 axes * 2^-13 is the most a weight's rounding moves a
      # value, and so the share of values that can cross a whole number.
      assert (off > 0).mean() < 255 * 2 * 2**-13, (name, amount)


def _synthetic(rng, shape):
  """Smooth and rough, bright and dark: uint8 [H, W, C]."""
  height, width, channels = shape
  row, column = np.mgrid[:height, :width][..., None]
  waves = np.sin(row / 3 + np.arange(channels)) * np.cos(column / 5)
  noise = rng.normal(size=shape) * (column > width / 2)
  return np.clip(110 + 90 * waves + 40 * noise, 20, 235).astype(np.uint8)


@pytest.mark.parametrize('shape', [SHAPE, (40, 23, 1)])
def test_each_operation_equals_pillow_on_a_synthetic_image(rng, shape):
  cases = [(name, amount) for name in NAMES for amount in AMOUNTS]
  names, amounts = zip(*cases, strict=True)
  image = _synthetic(rng, shape)
  _assert_near_pillow([image] * len(cases), names, amounts)


def test_each_operation_equals_pillow_on_photographs(rng):
  folder = os.environ.get('TFDS_DATA_DIR', '')
  if not (pathlib.Path(folder) / 'imagenet2012').is_dir():
    pytest.skip('needs imagenet2012 in $TFDS_DATA_DIR')
  tfds = pytest.importorskip('tensorflow_datasets')
  source = tfds.data_source('imagenet2012', split='validation', data_dir=folder)
  images = [source[i]['image'][80:144, 100:180] for i in range(8)]
  images = [image for image in images for _ in NAMES]
  amounts = rng.uniform(0.1, 9.9, len(images)).astype(np.float32)
  amounts *= rng.choice([-1, 1], len(images)).astype(np.float32)
  _assert_near_pillow(images, NAMES * 8, amounts.tolist())


@pytest.mark.parametrize('shape', [(1, 1, 3), SHAPE])
def test_images_of_few_levels_equal_pillow(rng, shape):
  images = [
    np.full(shape, 77, np.uint8),
    rng.choice(np.array([3, 200], np.uint8), shape),
    rng.choice(np.array([0, 255, 128], np.uint8), shape),
  ]
  tones = NAMES[:4]
  images = [image for image in images for _ in tones]
  _assert_near_pillow(images, tones * 3, [2.6] * len(images))


def test_equalize_reaches_white_where_its_table_goes_beyond(rng):
  # 508 pixels below the lightest: steps of 1, and a table up to 508.
  levels = np.full(SHAPE, 201, np.uint8)
  levels.reshape(-1, 3)[:508] = rng.integers(0, 200, (508, 3))
  found = _apply_each([levels], ['equalize'], [1.0])
  np.testing.assert_array_equal(found[0], _pillow(levels, 'equalize', 1.0))
  assert found.max() == 255


def test_operations_of_a_chain_follow_one_another(rng):
  image = _synthetic(rng, SHAPE)
  names = ('rotate', 'equalize', 'shear_x', 'autocontrast', 'translate_y')
  amounts = np.float32([-3.1, 1, 4.2, 1, 6.3])
  places = np.array([NAMES.index(name) for name in names])
  run = jax.jit(operations.apply_chain)

  def after(count):
    chain = np.where(np.arange(5) < count, places, len(NAMES))
    return np.asarray(run(image, chain, amounts))

  np.testing.assert_array_equal(after(0), image)
  for i, name in enumerate(names):
    # From our own levels on, for those off by one may be spread further.
    expected = _pillow(after(i), name, float(amounts[i]))
    assert np.abs(after(i + 1) - expected).max() <= 1


def test_no_amount_of_a_warp_leaves_the_image_as_it_is(rng):
  images = [_synthetic(rng, SHAPE)] * len(WARPS)
  found = _apply_each(images, WARPS, [0.0] * len(WARPS))
  np.testing.assert_array_equal(found, images)


def test_both_signs_warp_in_opposite_directions(rng):
  image = _synthetic(rng, SHAPE)
  found = _apply_each([image, image[:, ::-1]], ['rotate'] * 2, [2.0, -2.0])
  # Mirrored; a value just below a whole number may be cut to the one before.
  assert np.abs(found[0] - found[1][:, ::-1]).max() <= 1
  assert np.abs(found[0] - image).max() > 1


def test_tone_operations_read_the_magnitude_only(rng):
  image = _synthetic(rng, SHAPE)
  tones = NAMES[:4]
  one, other = (
    _apply_each([image] * 4, tones, [sign * 3.0] * 4) for sign in (1, -1)
  )
  np.testing.assert_array_equal(one, other)
  assert (one != image).any(axis=(1, 2, 3)).all()


@pytest.mark.slow  # Two programs for one thing.
def test_the_same_under_x64(rng):
  image = _synthetic(rng, (12, 9, 3))
  chain = np.arange(9, dtype=np.int32)
  amounts = np.linspace(-3, 3, 9)
  run = functools.partial(jax.jit(operations.apply_chain), image, chain)
  expected = run(amounts.astype(np.float32))
  with jax.enable_x64(True):
    np.testing.assert_array_equal(run(amounts), expected)


def test_bad_input_is_named():
  levels = jnp.ones((4, 4, 3), jnp.uint8)
  none = jnp.zeros(0, jnp.int32), jnp.zeros(0)
  for bad in (levels[0], levels.astype(jnp.int32), levels.astype(jnp.float32)):
    with pytest.raises(errors.InputError, match='levels: expected uint8'):
      operations.apply_chain(bad, *none)
  np.testing.assert_array_equal(operations.apply_chain(levels, *none), levels)


@pytest.mark.parametrize(
  ('chain', 'amounts', 'field'),
  [
    (np.array([10]), np.ones(1), 'operations'),
    (np.array([-1]), np.ones(1), 'operations'),
    (np.array([1.0]), np.ones(1), 'operations'),
    (np.array([1, 2]), np.ones(1), 'operations'),
    (np.array([1]), np.array([1]), 'amounts'),
    (np.array([1]), 1.0, 'amounts'),
  ],
)
def test_what_is_no_chain_is_named(chain, amounts, field):
  levels = jnp.ones((4, 4, 3), jnp.uint8)
  with pytest.raises(errors.InputError, match=f'{field}: '):
    operations.apply_chain(levels, chain, amounts)
