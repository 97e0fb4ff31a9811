import json

import numpy as np
import pytest

from robustjax import data
from robustjax.data import lazy_images
from robustjax.data import sources
from robustjax.evaluation import discriminants
from robustjax.papers import explanations
from robustjax.papers import figures
from robustjax.papers import gate_projection
from robustjax.papers import heat_maps
from robustjax.papers import variances

FIG = [f'noiseout/{number}' for number in (1, 2, 4)]
OTHERS = [name for name in figures.FIGURES if name not in FIG]


@pytest.fixture
def loaded(monkeypatch):
  """Five images, of brightness 0 to 4; the names of what is loaded."""
  names = []

  def load(name, split, data_dir=None, side=None):
    names.append((name, split))
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None]
    labels = np.array([1, 7, 7, 0, 7])
    return data.from_arrays(np.broadcast_to(pixels, (5, 6, 6, 1)), labels)

  monkeypatch.setattr(sources, 'load', load)
  monkeypatch.setattr(sources, 'is_photographs', lambda name, **options: False)
  return names


def test_photographs_are_cut_to_the_side_asked_for(monkeypatch):
  decoded = []

  def read(places):
    decoded.extend(places)
    return [np.full((6, 6, 3), place, np.uint8) for place in places]

  def load(name, split, data_dir=None, side=None):
    assert side == 6
    images = lazy_images.LazyImages(read, (5, 6, 6, 3))
    return sources.DataSet(name, split, images, np.arange(5), 5)

  monkeypatch.setattr(sources, 'load', load)
  monkeypatch.setattr(sources, 'is_photographs', lambda name, **options: True)
  figure = figures.FIGURES['noiseout/5']._replace(num_images=3)
  ((images, _),) = figures.images_of(figure, side=6).values()
  np.testing.assert_allclose(images[:, 0, 0, 0] * 255, [0, 1, 2], rtol=1e-6)
  assert decoded == [0, 1, 2]


def test_images_are_the_first_sevens_of_each_set(loaded):
  figure = figures.FIGURES['noiseout/1']._replace(num_images=2)
  found = figures.images_of(figure)
  assert loaded == [
    ('mnist_corrupted/identity', 'test'),
    ('mnist_corrupted/brightness', 'test'),
  ]
  assert list(found) == ['clean', 'brightness']
  images, chosen = found['clean']
  np.testing.assert_array_equal(chosen, [7, 7])
  np.testing.assert_allclose(images[:, 0, 0, 0], [1 / 255, 2 / 255])


def test_images_may_be_of_all_classes(loaded):
  figure = figures.FIGURES['weight_map/5']._replace(num_images=3)
  ((images, chosen),) = figures.images_of(figure).values()
  assert loaded == [('mnist', 'test')]
  np.testing.assert_array_equal(chosen, [1, 7, 7])
  np.testing.assert_allclose(images[:, 0, 0, 0], [0, 1 / 255, 2 / 255])


def _draw(name, one, images, monkeypatch, folder):
  figure = figures.FIGURES[name]
  explanation = figure.explanation._replace(explain=lambda *arguments: one)
  replaced = figure._replace(explanation=explanation)
  monkeypatch.setitem(figures.FIGURES, name, replaced)
  restored = {0: dict.fromkeys(figure.cells)}
  paths = figures.draw(name, restored, images, folder, {'devices': 'x'})
  stem = name.replace('/', '-figure-')
  ends = ('png', 'json', 'md') if figure.claims else ('png', 'json')
  assert [path.name for path in paths] == [f'{stem}.{end}' for end in ends]
  assert paths[0].read_bytes().startswith(b'\x89PNG')
  return json.loads(paths[1].read_text())['images']


@pytest.mark.parametrize('name', FIG)
def test_a_figure_is_drawn_with_its_numbers(name, monkeypatch, tmp_path, rng):
  hidden = rng.normal(size=(2, 64 * 4)).astype(np.float32)
  images = rng.uniform(size=(2, 8, 8, 1)).astype(np.float32)
  one = explanations.Explained(
    images, np.array([7, 7]), np.array([7, 2]), images - 0.5, hidden, hidden,
    {'input': 0.1},
  )  # fmt: skip
  pairs = {'clean': (images, one.labels), 'fog': (images, one.labels)}
  content = _draw(name, one, pairs, monkeypatch, tmp_path)
  assert content['fog']['accuracy'] == 0.5


@pytest.mark.parametrize('name', OTHERS)
def test_several_classifiers_are_drawn_side_by_side(
  name, monkeypatch, tmp_path, rng
):
  images = rng.uniform(size=(2, 8, 8, 1)).astype(np.float32)
  labels = np.array([7, 7])
  maps = images[..., 0]
  share = np.array([0.2, np.nan])
  points = discriminants.Projection(
    np.ones((2, 2)), np.array([0, 1]), ('a', 'b'), 0.5, np.array([0.2, 0.4])
  )
  axes = dict.fromkeys(('image', 'corruption', 'severity'), points)
  gates = gate_projection.Explained(axes, num_gates=4, num_correct=5)
  one = {
    'noiseout/5': gates,
    'noiseout/5-cifar10': gates,
    'noiseout/5-mnist': gates,
    'weight_map/5': heat_maps.HeatMaps(
      images, labels, np.array([7, 2]), maps, share, np.full(2, 0.7)
    ),
    'weight_map/amplification': {'layer': variances.Variances(2.0, 0.1, 0.5)},
  }[name]
  pairs = {'test': (images, labels)}
  content = _draw(name, one, pairs, monkeypatch, tmp_path)
  assert list(content) == list(figures.FIGURES[name].cells)


def _draw_seeds(name, explained, monkeypatch, folder):
  """Judges the statements of a figure: what is explained by seed and name."""
  figure = figures.FIGURES[name]
  explanation = figure.explanation._replace(explain=lambda one, *pair: one)
  replaced = figure._replace(explanation=explanation)
  monkeypatch.setitem(figures.FIGURES, name, replaced)
  images = {'test': (np.zeros((1, 4, 4, 1)), np.zeros(1, int))}
  paths = figures.draw(name, explained, images, folder, {'devices': 'x'})
  content = json.loads(paths[1].read_text())
  assert '| the paper says | of ours it |' in paths[2].read_text()
  return content, [claim['answer'] for claim in content['claims']]


def _maps(share):
  images = np.zeros((2, 4, 4, 1), np.float32)
  labels = np.array([1, 2])
  shares = np.array([share, np.nan])  # The second map is empty.
  return heat_maps.HeatMaps(
    images, labels, labels, images[..., 0], shares, np.full(2, 0.8)
  )


def test_activity_on_the_background_is_judged_over_seeds(monkeypatch, tmp_path):
  def explained(cnn, smoothing, unsharp):
    shares = {'cnn': cnn, 'smoothing': smoothing, 'unsharp': unsharp}
    return {
      seed: {name: _maps(one + 1e-3 * seed) for name, one in shares.items()}
      for seed in range(3)
    }

  draw = lambda *shares: _draw_seeds(
    'weight_map/5', explained(*shares), monkeypatch, tmp_path
  )
  content, answers = draw(0.7, 0.5, 0.3)
  assert answers == ['holds'] * 3
  place = {'row': 'unsharp', 'column': 'background'}
  (measured,) = (
    one for one in content['measured'] if place.items() <= one.items()
  )
  assert measured['by_seed'] == pytest.approx(
    {'0': 0.3, '1': 0.301, '2': 0.302}
  )
  # The mean of both is below the CNN's; unsharp is not, and is even all over.
  _, answers = draw(0.7, 0.1, 0.8)
  assert answers == ['does not hold', 'does not hold', 'cannot be told']


def test_amplification_is_judged_in_every_layer(monkeypatch, tmp_path):
  def explained(factors, correlation):
    found = {
      f'layers_{i}/layer': variances.Variances(factor, 0.1, correlation)
      for i, factor in enumerate(factors)
    }
    return {seed: {'smoothing': found, 'unsharp': found} for seed in range(3)}

  draw = lambda *numbers: _draw_seeds(
    'weight_map/amplification', explained(*numbers), monkeypatch, tmp_path
  )
  content, answers = draw((10.0, 2.0, 2.0), 0.4)
  assert answers == ['holds'] * 3
  assert len(content['measured']) == 2 * 3 * 3
  # One layer of three does not amplify, but more than at the start (.1).
  _, answers = draw((10.0, 10.0, 0.5), -0.4)
  assert answers == ['does not hold', 'holds', 'does not hold']


def test_one_seed_cannot_tell(monkeypatch, tmp_path):
  one = {'smoothing': {}, 'unsharp': {}, 'cnn': {}}
  maps = {0: dict.fromkeys(one, _maps(0.5))}
  _, answers = _draw_seeds('weight_map/5', maps, monkeypatch, tmp_path)
  assert set(answers) == {'cannot be told'}
