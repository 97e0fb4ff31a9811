import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.corruptions import strokes

KEY = jax.random.key(0)
DRAWN = {
  name: jax.jit(getattr(strokes, name))
  for name in ('line', 'dotted_line', 'zigzag', 'stripe', 'inverse')
}
ENDS = {
  'dotted_line': [(a, b) for a in range(27) for b in range(27)],
  'zigzag': [(a, a + rise) for a in range(27) for rise in range(-5, 5)],
}


def _blank(count=200, height=28, width=28, channels=1):
  return jnp.zeros((count, height, width, channels))


@pytest.mark.parametrize('name', ENDS)
def test_published_images_are_met_with_their_rows(name, mnist_c):
  """Their rows are not known: one pair of all that can be drawn fits each."""
  clean, published = mnist_c(name, 12)
  rows = jnp.asarray(ENDS[name], jnp.float32)
  draw = jax.jit(
    jax.vmap(getattr(strokes, f'_{name}'), in_axes=(None, 0, 0)),
  )
  for image, expected in zip(clean, published, strict=True):
    found = np.round(255 * np.asarray(draw(image, rows[:, 0], rows[:, 1])))
    assert (found == expected).all(axis=(1, 2, 3)).sum() >= 1


@pytest.mark.parametrize('name', ENDS)
def test_every_pair_of_rows_is_drawn(name):
  """Images tell the rows: all that occur are possible, and most occur."""
  draw = jax.jit(jax.vmap(getattr(strokes, f'_{name}'), in_axes=(None, 0, 0)))
  rows = jnp.asarray(ENDS[name], jnp.float32)
  possible = np.asarray(draw(_blank(1)[0], rows[:, 0], rows[:, 1]))
  possible = {image.tobytes() for image in np.round(1e3 * possible)}
  drawn = DRAWN[name](KEY, _blank(1000))
  drawn = [image.tobytes() for image in np.round(1e3 * np.asarray(drawn))]
  assert set(drawn) <= possible
  # Of n equally likely pairs, 1000 draws miss n exp(-1000 / n) on average.
  expected = len(ENDS[name]) * (1 - np.exp(-1000 / len(ENDS[name])))
  assert len(set(drawn)) > 0.9 * expected


def test_a_line_spans_from_its_first_to_its_last_column():
  found = np.asarray(DRAWN['line'](KEY, _blank()))[..., 0]
  for image in found:
    columns = np.flatnonzero(image.any(axis=0))
    assert 0 <= columns[0] <= 4
    assert 21 <= columns[-1] <= 25
    assert (np.diff(columns) == 1).all()
    assert image.max() == pytest.approx(1, abs=0.25)


def test_stripes_are_the_published_ones(mnist_c):
  clean, published = mnist_c('stripe')
  found = strokes.stripe(KEY, jnp.asarray(clean))
  np.testing.assert_array_equal(np.round(255 * np.asarray(found)), published)


def test_the_inverse_inverts(rng):
  images = jnp.asarray(rng.uniform(size=(2, 5, 4, 3)), jnp.float32)
  np.testing.assert_array_equal(strokes.inverse(KEY, images), 1 - images)


@pytest.mark.parametrize('name', DRAWN)
@pytest.mark.parametrize('shape', [(33, 47, 3), (12, 9, 1)])
def test_any_size(name, shape):
  images = jnp.full((2, *shape), 0.25)
  found = np.asarray(DRAWN[name](KEY, images))
  assert found.shape == images.shape
  assert (found == found[..., :1]).all()
  assert 0 <= found.min() < found.max() <= 1 or name == 'inverse'


def test_images_too_small_for_a_zigzag_are_named():
  with pytest.raises(errors.InputError, match='images: expected at least 8'):
    strokes.zigzag(KEY, _blank(1, 8, 7))
