import matplotlib

from robustjax.evaluation import canvas


def test_a_figure_leaves_the_backend_as_it_is(tmp_path):
  before = matplotlib.get_backend()
  figure = canvas.new_figure(4, 3)
  figure.subplots().plot([0, 1])
  figure.savefig(tmp_path / 'one.png')
  assert matplotlib.get_backend() == before
  assert tuple(figure.get_size_inches()) == (4, 3)
