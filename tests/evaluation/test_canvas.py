import matplotlib
import pytest

from robustjax import errors
from robustjax.evaluation import canvas


def test_a_figure_leaves_the_backend_as_it_is(tmp_path):
  before = matplotlib.get_backend()
  figure = canvas.new_figure(4, 3)
  figure.subplots().plot([0, 1])
  figure.savefig(tmp_path / 'one.png')
  assert matplotlib.get_backend() == before
  assert tuple(figure.get_size_inches()) == (4, 3)


@pytest.mark.parametrize('end', ['png', 'PDF', 'svg'])
def test_a_figure_appears_whole_or_not_at_all(end, tmp_path):
  figure = canvas.new_figure(1, 1)
  path = tmp_path / 'new' / f'figure.{end}'
  canvas.save(figure, path)
  assert path.stat().st_size > 0
  assert [path] == list(path.parent.iterdir())
  before = path.read_bytes()

  def fails(*unused, **options):
    raise OSError(28, 'No space left on device')

  figure.savefig = fails
  with pytest.raises(errors.InputError, match='got No space left'):
    canvas.save(figure, path)
  assert path.read_bytes() == before
  assert [path] == list(path.parent.iterdir())


def test_other_formats_are_named(tmp_path):
  for name in ('figure', 'figure.txt', ''):
    with pytest.raises(errors.InputError, match='path: '):
      canvas.save(canvas.new_figure(1, 1), name and tmp_path / name)
  with pytest.raises(errors.InputError, match='figure: '):
    canvas.save(None, tmp_path / 'figure.png')
