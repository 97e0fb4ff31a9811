import sys

import pytest

from robustjax import progress


@pytest.mark.parametrize('is_terminal', [True, False])
def test_shows_only_on_a_terminal(monkeypatch, capsys, is_terminal):
  monkeypatch.setattr(sys.stderr, 'isatty', lambda: is_terminal, raising=False)
  with progress.bar(10, 'training', initial=4) as shown:
    shown.update(1)
    shown.refresh()
    assert shown.n == (5 if is_terminal else 4)
  printed = capsys.readouterr().err
  assert ('training' in printed) == is_terminal
