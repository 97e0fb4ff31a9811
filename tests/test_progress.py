import sys

import pytest

from robustjax import progress


@pytest.mark.parametrize(
  ('is_terminal', 'is_notebook'), [(True, False), (False, True), (False, False)]
)
def test_shows_only_where_somebody_looks(
  monkeypatch, capsys, is_terminal, is_notebook
):
  monkeypatch.setattr(sys.stderr, 'isatty', lambda: is_terminal, raising=False)
  monkeypatch.delitem(sys.modules, 'ipykernel', raising=False)
  if is_notebook:
    monkeypatch.setitem(sys.modules, 'ipykernel', object())
  is_watched = is_terminal or is_notebook
  with progress.bar(10, 'training', initial=4) as shown:
    shown.update(1)
    shown.refresh()
    assert shown.n == (5 if is_watched else 4)
  printed = capsys.readouterr().err
  assert ('training' in printed) == is_watched
