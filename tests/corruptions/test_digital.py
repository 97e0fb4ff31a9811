import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
import skimage.color

from robustjax import errors
from robustjax.corruptions import digital

KEY = jax.random.key(3)
# Half a grey level, since the reference is rounded, and some float32 roundings
# of values up to 2.
GREY_LEVEL = 0.5 + 255 * 2**-20
SATURATE = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))
RATIOS = (0.6, 0.5, 0.4, 0.3, 0.25)
NAMES = {
  'contrast': {'amount': 0.2},
  'saturate': {'scale': 5.0, 'shift': 0.1},
  'saturate_grey': {'scale': 20.0, 'shift': 0.2},
  'pixelate': {'ratio': 0.4},
  'quantize': {'bits': 3.0},
}


@pytest.fixture
def reference():
  """The generator's port in TensorFlow Datasets."""
  return pytest.importorskip(
    'tensorflow_datasets.image_classification.corruptions'
  )


@pytest.fixture
def photograph(rng):
  """uint8 [33, 47, 3] with black, white, grey and pure pixels."""
  image = rng.integers(0, 256, (33, 47, 3), np.uint8)
  image[0, :5] = [[0] * 3, [255] * 3, [77] * 3, [0, 0, 9], [200, 200, 0]]
  return image


def _as_batch(image):
  return jnp.asarray(image[None] / np.float32(255), jnp.float32)


def _off(found, expected):
  """Largest difference in grey levels."""
  return np.abs(255 * np.asarray(found, np.float64) - expected).max()


@pytest.mark.parametrize('severity', [1, 5])
def test_contrast_equals_the_reference(photograph, reference, severity):
  amount = (0.4, 0.3, 0.2, 0.1, 0.05)[severity - 1]
  found = digital.contrast(KEY, _as_batch(photograph), amount=amount)
  expected = reference.contrast(photograph, severity)
  assert _off(found[0], expected) < GREY_LEVEL


def test_contrast_is_about_each_channels_mean():
  image = jnp.stack([jnp.full((4, 6), v) for v in (0.1, 0.5, 0.8)], axis=-1)
  found = digital.contrast(KEY, image[None], amount=0.0)
  np.testing.assert_allclose(found[0], image, atol=2**-23)


@pytest.mark.parametrize('severity', [1, 2, 3, 4, 5])
def test_saturate_equals_the_reference(photograph, reference, severity):
  scale, shift = SATURATE[severity - 1]
  found = digital.saturate(KEY, _as_batch(photograph), scale=scale, shift=shift)
  expected = reference.saturate(photograph, severity)
  assert _off(found[0], expected) < GREY_LEVEL


def _grey_by_hsv(levels, change):
  """Grey levels [H, W] through HSV and back, `change` applied between."""
  hsv = skimage.color.rgb2hsv(skimage.color.gray2rgb(levels / 255))
  return skimage.color.rgb2gray(skimage.color.hsv2rgb(change(hsv)))


@pytest.mark.parametrize(
  ('scale', 'shift'), [*SATURATE, (0.5, 0.5), (1.0, 0.9)]
)
def test_saturate_of_grey_images_equals_skimage(photograph, scale, shift):
  levels = photograph[..., 0]

  def saturation_only(hsv):
    hsv[..., 1] = np.clip(hsv[..., 1] * scale + shift, 0, 1)
    return hsv

  def all_three(hsv):
    return np.clip(hsv * scale + shift, 0, 1)

  for function, change in (
    (digital.saturate, saturation_only),
    (digital.saturate_grey, all_three),
  ):
    images = _as_batch(levels[..., None])
    found = function(KEY, images, scale=scale, shift=shift)
    expected = _grey_by_hsv(levels, change)
    # A dozen float32 roundings of values up to 6 (the hue's sixths).
    np.testing.assert_allclose(found[0, ..., 0], expected, atol=2**-19)


@pytest.fixture(scope='module')
def pixelate():
  """`digital.pixelate`, compiled once per size."""
  compiled = jax.jit(digital.pixelate)

  def call(images, ratio):
    return compiled(KEY, images, ratio=jnp.float32(ratio))

  return call


def _pillow_box(levels, ratio):
  """uint8 [H, W, C], shrunk and enlarged by Pillow."""
  height, width, channels = levels.shape
  small = int(width * ratio), int(height * ratio)
  image = PIL.Image.fromarray(levels if channels == 3 else levels[..., 0])
  for size in (small, (width, height)):
    image = image.resize(size, PIL.Image.Resampling.BOX)
  return np.asarray(image).reshape(levels.shape)


@pytest.mark.parametrize('shape', [(28, 28, 1), (224, 224, 3), (34, 30, 3)])
def test_pixelate_is_pillows_bit_for_bit(rng, pixelate, shape):
  levels = rng.integers(0, 256, shape, np.uint8)
  for ratio in RATIOS:
    if shape[0] == 34 and ratio == 0.6:
      continue  # Boxes meet in the centre of a pixel: see the next test.
    found = pixelate(_as_batch(levels), ratio)[0]
    found = np.rint(255 * np.asarray(found))
    np.testing.assert_array_equal(found, _pillow_box(levels, ratio))


def test_pixelate_differs_from_pillow_only_where_boxes_meet_in_a_pixel(
  rng, pixelate
):
  # 17 pixels in 10 boxes: the edge after the fifth is at 8.5.
  levels = rng.integers(0, 256, (17, 17, 1), np.uint8)
  found = pixelate(_as_batch(levels), 0.6)[0]
  is_same = np.rint(255 * np.asarray(found)) == _pillow_box(levels, 0.6)
  # Pixels that show box 4 or 5, on either axis, may have another value.
  shown = (2 * np.arange(17) + 1) * 10 // 34
  is_clear = ~np.isin(shown, (4, 5))
  assert is_same[is_clear][:, is_clear].all()


def test_pixelate_of_tiny_images_keeps_one_pixel(pixelate):
  images = jnp.arange(6.0).reshape(1, 2, 3, 1) / 255
  found = pixelate(images, 0.25)
  np.testing.assert_allclose(255 * found, jnp.full((1, 2, 3, 1), 3), atol=1e-5)


@pytest.mark.parametrize('bits', [1, 2, 3, 4, 5])
def test_quantize_equals_the_generators_formula(photograph, bits):
  found = digital.quantize(KEY, _as_batch(photograph), bits=float(bits))
  steps = 2**bits - 1
  expected = np.rint(photograph * (steps / 255)) * (255 / steps)
  np.testing.assert_allclose(255 * found[0], expected, atol=255 * 2**-23)
  assert len(np.unique(found)) == 2**bits


@pytest.mark.parametrize('name', NAMES)
def test_one_program_serves_every_strength_and_batch_alike(rng, name):
  function = getattr(digital, name)
  compiled = jax.jit(
    lambda images, parameters: function(KEY, images, **parameters)
  )
  images = jnp.asarray(rng.uniform(size=(3, 12, 15, 3)), jnp.float32)
  parameters = {k: jnp.float32(v) for k, v in NAMES[name].items()}
  together = compiled(images, parameters)
  for weaker in (1.0, 0.7):
    compiled(images, {k: weaker * v for k, v in parameters.items()})
  assert compiled._cache_size() == 1
  np.testing.assert_allclose(
    function(KEY, images, **NAMES[name]), together, atol=2**-21
  )
  alone = compiled(images[1:2], parameters)
  np.testing.assert_array_equal(alone, together[1:2])


def test_bad_input_is_named():
  images = jnp.zeros((1, 5, 5, 3))
  with pytest.raises(errors.InputError, match='amount: .* got -1'):
    digital.contrast(KEY, images, amount=-1)
  for function in (digital.saturate, digital.saturate_grey):
    with pytest.raises(errors.InputError, match='scale: '):
      function(KEY, images, scale=-1.0, shift=0.0)
    with pytest.raises(errors.InputError, match='shift: '):
      function(KEY, images, scale=1.0, shift=-1.0)
  with pytest.raises(errors.InputError, match=r'ratio: .*\[0.25, 1\]'):
    digital.pixelate(KEY, images, ratio=0.2)
  with pytest.raises(errors.InputError, match=r'bits: .*\[1, 8\]'):
    digital.quantize(KEY, images, bits=9)
  with pytest.raises(errors.InputError, match='images: '):
    digital.contrast(KEY, images[0], amount=0.5)
