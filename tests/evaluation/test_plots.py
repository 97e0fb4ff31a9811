import numpy as np
from PIL import Image
import pytest

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import canvas
from robustjax.evaluation import plots


@pytest.fixture
def table():
  rows = [evaluation.Row('clean', None, 90, 100)]
  rows += [
    evaluation.Row(name, None, 80 - 10 * severity, 100, severity)
    for name in ('fog', 'snow')
    for severity in (1, 2, 3)
  ]
  found = evaluation.Results('imagenet_c', 'none', tuple(rows))
  return {'cnn': found, 'ours': found}


@pytest.fixture
def figures(monkeypatch):
  """The figures drawn meanwhile."""
  drawn, new_figure = [], canvas.new_figure

  def keep(*size):
    drawn.append(new_figure(*size))
    return drawn[-1]

  monkeypatch.setattr(canvas, 'new_figure', keep)
  return drawn


def _is_drawn(path):
  return np.asarray(Image.open(path)).std() > 0


def test_a_bar_is_a_set_or_a_corruption_with_severities(
  table, figures, tmp_path
):
  plots.bars(table, tmp_path / 'bars.png')
  assert _is_drawn(tmp_path / 'bars.png')
  (axes,) = figures[0].axes
  titles = [label.get_text() for label in axes.get_yticklabels()]
  assert titles == [
    'clean', 'fog, mean of 3 severities', 'snow, mean of 3 severities',
  ]  # fmt: skip
  widths = [bar.get_width() for bar in axes.patches]
  assert widths == pytest.approx([90, 60, 60] * 2)


def test_curves_begin_at_the_clean_set(table, figures, tmp_path):
  assert plots.has_curves(table['cnn'])
  plots.curves(table, tmp_path / 'curves.png')
  assert _is_drawn(tmp_path / 'curves.png')
  fog, snow = figures[0].axes
  assert (fog.get_title(), snow.get_title()) == ('fog', 'snow')
  assert len(fog.lines) == 2
  points = fog.lines[0].get_xydata().tolist()
  assert points == [[0, 90], [1, 70], [2, 60], [3, 50]]


def test_curves_need_two_strengths(table, tmp_path):
  rows = table['cnn'].rows[:2]
  table = {'cnn': table['cnn']._replace(rows=rows)}
  assert not plots.has_curves(table['cnn'])
  with pytest.raises(errors.InputError, match='at two severities'):
    plots.curves(table, tmp_path / 'curves.png')


def test_examples_are_shown_on_the_scale_of_their_dtype(figures, rng, tmp_path):
  grey = rng.uniform(0.4, 0.6, (2, 5, 5, 1)).astype(np.float32)
  colour = rng.integers(0, 99, (2, 7, 6, 3)).astype(np.uint8)
  path = tmp_path / 'examples.png'
  plots.examples({'fog': grey, 'snow': colour}, path, columns=['1', '5'])
  assert _is_drawn(path)
  axes = figures[0].axes
  assert [axis.get_title() for axis in axes] == ['1', '5', '', '']
  assert [axis.get_ylabel() for axis in axes] == ['fog', '', 'snow', '']
  shown = [axis.images[0] for axis in axes]
  np.testing.assert_array_equal(shown[1].get_array(), grey[1, ..., 0])
  np.testing.assert_array_equal(shown[2].get_array(), colour[0])
  assert shown[0].get_clim() == (0, 1)


@pytest.mark.parametrize(
  ('images', 'columns', 'message'),
  [
    ({}, None, 'no images'),
    ({'fog': np.zeros((2, 5, 5))}, None, r'images\[fog\]: .* \(2, 5, 5\)'),
    ({'fog': np.zeros((2, 5, 5, 2))}, None, r'1 or 3 channels, got shape'),
    ({'fog': np.zeros((2, 5, 5, 1))}, ['1'], '1 titles for 2'),
  ],
)
def test_other_grids_are_named(images, columns, message, tmp_path):
  with pytest.raises(errors.InputError, match=message):
    plots.examples(images, tmp_path / 'x.png', columns=columns)
  assert not (tmp_path / 'x.png').exists()


def test_names_are_text_not_formulas(table, figures, tmp_path):
  table = {'a$b$\\x': table['cnn'], '$$': table['ours']}
  plots.bars(table, tmp_path / 'bars.png')
  plots.curves(table, tmp_path / 'curves.png')
  image = np.zeros((1, 2, 2, 1), np.uint8)
  plots.examples({'$\\bad$': image}, tmp_path / 'x.png')
  assert _is_drawn(tmp_path / 'bars.png')


@pytest.mark.parametrize('images', [None, [], {'fog': None}, {'fog': [[1]]}])
def test_what_are_no_images_is_named(images, tmp_path):
  with pytest.raises(errors.InputError, match='images'):
    plots.examples(images, tmp_path / 'x.png')
  with pytest.raises(errors.InputError, match='columns: '):
    good = {'fog': np.zeros((1, 2, 2, 1), np.uint8)}
    plots.examples(good, tmp_path / 'x.png', columns=3)
