"""The Python of the README and the guide runs; what they link to is there."""

import os
import re

import pytest

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_MOST_CHARACTERS = 7000  # of the README


def _pages():
  yield 'README.md'
  for folder, folders, names in os.walk(os.path.join(_ROOT, 'docs')):
    folders[:] = [name for name in folders if name != '_build']
    for name in sorted(names):
      if name.endswith('.md'):
        yield os.path.relpath(os.path.join(folder, name), _ROOT)


def _blocks(text):
  return re.findall(r'^```python\n(.*?)^```', text, re.DOTALL | re.MULTILINE)


def _read(page):
  with open(os.path.join(_ROOT, page), encoding='utf-8') as file:
    return file.read()


_WITH_PYTHON = [page for page in _pages() if _blocks(_read(page))]


@pytest.mark.slow
@pytest.mark.standard_promotion('documentation is read by people as they work')
@pytest.mark.parametrize('page', _WITH_PYTHON)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
  """From top to bottom, in one namespace, as a reader would."""
  monkeypatch.chdir(tmp_path)
  namespace = {}
  for block in _blocks(_read(page)):
    exec(compile(block, page, 'exec'), namespace)


@pytest.mark.parametrize('page', list(_pages()))
def test_links_lead_somewhere(page):
  folder = os.path.dirname(os.path.join(_ROOT, page))
  prose = re.sub(
    r'^```.*?^```', '', _read(page), flags=re.DOTALL | re.MULTILINE
  )
  for target in re.findall(r'\]\(([^)\s]+)\)', prose):
    path, _, _ = target.partition('#')
    if '://' not in target and path:
      assert os.path.exists(os.path.join(folder, path)), target


def test_the_readme_is_short():
  assert len(_read('README.md')) <= _MOST_CHARACTERS
