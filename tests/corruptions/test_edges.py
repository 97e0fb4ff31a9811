import jax
import jax.numpy as jnp
import numpy as np
import skimage.feature

from robustjax.corruptions import edges

KEY = jax.random.key(0)
canny_edges = jax.jit(edges.canny_edges)


def test_published_edges_are_met_pixel_for_pixel(mnist_c):
  clean, published = mnist_c('canny_edges', 500)
  found = canny_edges(KEY, jnp.asarray(clean))
  np.testing.assert_array_equal(255 * np.asarray(found), published)


def test_equals_scikit_image_on_other_sizes(rng):
  """A blurred noise has weak edges that hang on strong ones."""
  noise = rng.uniform(size=(6, 33, 47))
  smooth = sum(
    np.roll(noise, (i, j), (1, 2)) for i in (0, 1) for j in (0, 1, 2)
  )
  images = (smooth - smooth.min()) / np.ptp(smooth)
  found = canny_edges(KEY, jnp.asarray(images[..., None], jnp.float32))
  expected = np.stack([skimage.feature.canny(image) for image in images])
  assert expected.any()
  differ = np.asarray(found[..., 0]) != expected
  # The same but where float32 decides a comparison the other way.
  assert differ.mean() < 1e-3


def test_colours_count_by_their_luminance(rng):
  images = rng.uniform(size=(1, 20, 20, 3)).astype(np.float32)
  grey = images @ np.array([[0.2125], [0.7154], [0.0721]], np.float32)
  found = canny_edges(KEY, jnp.asarray(images))
  expected = canny_edges(KEY, jnp.asarray(grey))
  np.testing.assert_array_equal(found, np.repeat(expected, 3, axis=-1))
