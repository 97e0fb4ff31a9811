import functools

import jax
import numpy as np
import pytest

from robustjax import errors
from robustjax.corruptions import fractal

KEYS = jax.random.split(jax.random.key(3), 4)

_plasma = jax.jit(fractal.plasma, static_argnames=('shape', 'size'))


def _reference(drawn, decay):
  """The map point by point, unnormalised; a level's new points are by name."""
  heights = np.zeros((1, 1))
  amplitude = 1.0
  for middle, right, below in drawn:
    n = len(heights)
    finer = np.zeros((2 * n, 2 * n))
    finer[::2, ::2] = heights

    def mean(i, j, steps, finer=finer):
      size = len(finer)
      return np.mean([finer[(i + a) % size, (j + b) % size] for a, b in steps])

    for i in range(n):
      for j in range(n):
        around = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
        finer[2 * i + 1, 2 * j + 1] = (
          mean(2 * i + 1, 2 * j + 1, around) + amplitude * middle[i, j]
        )
    beside = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    for i in range(n):
      for j in range(n):
        finer[2 * i, 2 * j + 1] = (
          mean(2 * i, 2 * j + 1, beside) + amplitude * right[i, j]
        )
        finer[2 * i + 1, 2 * j] = (
          mean(2 * i + 1, 2 * j, beside) + amplitude * below[i, j]
        )
    heights = finer
    amplitude /= decay**2
  return heights


def test_heights_are_those_of_the_loop(rng):
  drawn = [
    tuple(rng.uniform(-1, 1, (n, n)).astype(np.float32) for _ in range(3))
    for n in (1, 2, 4, 8)
  ]
  whole = _reference(drawn, 1.7)
  expected = (whole - whole.min()) / np.ptp(whole)
  heights = jax.jit(fractal._heights, static_argnums=2)
  found = heights(drawn, 1.7, (11, 16))
  # Amplitudes carry four roundings of 2^-24; the range is about one.
  np.testing.assert_allclose(found, expected[:11], atol=2**-20)


def test_draws_are_uniform_and_independent():
  drawn = jax.jit(fractal._draw, static_argnums=1)(KEYS[0], 256)
  for level in drawn[2:]:
    flat = np.stack([one.ravel() for one in level])
    assert np.abs(flat).max() < 1
    # Means within 4 standard errors, 1 / sqrt(3) each; the variance of x^2 is
    # 4 / 45; correlations have error 1 / sqrt(n).
    error = 4 / np.sqrt(flat.shape[1])
    assert np.abs(flat.mean(axis=1)).max() < error / np.sqrt(3)
    assert np.abs((flat**2).mean(axis=1) - 1 / 3).max() < error * 0.3
    assert np.abs(np.corrcoef(flat) - np.eye(3)).max() < error


@pytest.mark.slow
def test_coarser_draws_move_the_map_less_than_stated(monkeypatch):
  """The same words as numbers of 10 bits and of more."""

  def exact(key, sides):
    # Anywhere in the step that a number of so few bits stands for.
    return [
      tuple(
        one + (jax.random.uniform(key, one.shape) - 0.5) * 2 / 2**fractal._BITS
        for one in level
      )
      for level in coarsen(key, sides)
    ]

  coarsen = fractal._fine_draws
  options = {'wibble_decay': fractal.LEAST_DECAY}
  plasma = lambda keys: fractal.plasma(keys, (256, 256), **options)
  coarse = jax.jit(plasma)(KEYS)
  monkeypatch.setattr(fractal, '_fine_draws', exact)
  fine = jax.jit(lambda keys: plasma(keys))(KEYS)  # Traced anew.
  assert 0 < np.abs(coarse - fine).max() < 4e-4


@pytest.mark.slow
def test_the_range_is_that_of_the_whole_map():
  whole = _plasma(KEYS, (32, 32), wibble_decay=2.0, size=32)
  np.testing.assert_array_equal(whole.min(axis=(1, 2)), np.zeros(4))
  np.testing.assert_allclose(whole.max(axis=(1, 2)), np.ones(4), atol=2**-23)
  corner = _plasma(KEYS, (28, 19), wibble_decay=2.0, size=32)
  np.testing.assert_array_equal(corner, whole[:, :28, :19])


@pytest.mark.slow
def test_maps_do_not_depend_on_their_batch():
  keys = jax.random.split(jax.random.key(5), 19)  # More than a chunk.
  plasma = functools.partial(_plasma, shape=(9, 9), wibble_decay=1.5, size=32)
  together = plasma(keys)
  np.testing.assert_array_equal(plasma(keys[17:18]), together[17:18])
  np.testing.assert_array_equal(plasma(keys[2:9]), together[2:9])


def test_size_of_the_map():
  assert fractal.map_size((28, 28)) == 256
  assert fractal.map_size((224, 257)) == 512
  assert fractal.map_size((512, 3)) == 512


def test_bad_input_is_named():
  with pytest.raises(errors.InputError, match='map_size: .*power of two.* 96'):
    fractal.plasma(KEYS, (28, 28), wibble_decay=2.0, size=96)
  with pytest.raises(errors.InputError, match='map_size: .*at least 300'):
    fractal.plasma(KEYS, (28, 300), wibble_decay=2.0, size=256)
  with pytest.raises(errors.InputError, match='wibble_decay: '):
    fractal.plasma(KEYS, (28, 28), wibble_decay=1.0)
