import json

import numpy as np
import pytest

from robustjax import data
from robustjax.data import sources
from robustjax.papers import explanations
from robustjax.papers import figures


def test_images_are_the_first_sevens_of_each_set(monkeypatch):
  labels = np.array([1, 7, 7, 0, 7])
  loaded = []

  def load(name, split, data_dir=None):
    loaded.append((name, split))
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None]
    return data.from_arrays(np.broadcast_to(pixels, (5, 6, 6, 1)), labels)

  monkeypatch.setattr(sources, 'load', load)
  figure = figures.FIGURES['noiseout/1']._replace(num_images=2)
  found = figures.corrupted_images(figure)
  assert loaded == [
    ('mnist_corrupted/identity', 'test'),
    ('mnist_corrupted/brightness', 'test'),
  ]
  assert list(found) == ['clean', 'brightness']
  images, chosen = found['clean']
  np.testing.assert_array_equal(chosen, [7, 7])
  np.testing.assert_allclose(images[:, 0, 0, 0], [1 / 255, 2 / 255])


@pytest.mark.parametrize('name', figures.FIGURES)
def test_a_figure_is_drawn_with_its_numbers(name, monkeypatch, tmp_path, rng):
  hidden = rng.normal(size=(2, 64 * 4)).astype(np.float32)
  images = rng.uniform(size=(2, 8, 8, 1)).astype(np.float32)
  one = explanations.Explained(
    images, np.array([7, 7]), np.array([7, 2]), images - 0.5, hidden, hidden,
    {'input': 0.1},
  )  # fmt: skip
  monkeypatch.setattr(explanations, 'explain', lambda *arguments: one)
  pairs = {'clean': (images, one.labels), 'fog': (images, one.labels)}
  paths = figures.draw(name, None, pairs, tmp_path, {'devices': 'x'})
  stem = name.replace('/', '-figure-')
  assert [path.name for path in paths] == [f'{stem}.png', f'{stem}.json']
  assert paths[0].read_bytes().startswith(b'\x89PNG')
  content = json.loads(paths[1].read_text())
  assert content['images']['fog']['accuracy'] == 0.5
