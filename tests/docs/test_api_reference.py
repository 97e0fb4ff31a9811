"""The reference has every public name, and no other."""

import importlib.util
import pathlib
import re
import types

import pytest

import robustjax

_PAGES = pathlib.Path(__file__).parents[2] / 'docs' / 'reference'
# Without what only shows a module's introduction.
_DIRECTIVE = re.compile(
  r'^\.\. (currentmodule|auto\w+):: (\S+)$(?!\n +:no-members:)', re.MULTILINE
)
_ROOMS = [
  name
  for name in robustjax.__all__
  if isinstance(getattr(robustjax, name), types.ModuleType)
]


def _documented(page: pathlib.Path) -> list[str]:
  """The full names a page's directives ask autodoc for."""
  names, module = [], ''
  for directive, name in _DIRECTIVE.findall(page.read_text()):
    if directive == 'currentmodule':
      module = name
    elif directive == 'automodule':
      names.append(name)
    else:
      names.append(f'{module}.{name}')
  return names


_EVERY = [name for page in _PAGES.glob('*.md') for name in _documented(page)]


@pytest.mark.parametrize('room', _ROOMS)
def test_every_public_name_of_a_room_is_in_the_reference(room):
  module = f'robustjax.{room}'
  public = getattr(importlib.import_module(module), '__all__', None)
  wanted = [f'{module}.{name}' for name in public or ()] or [module]
  assert not set(wanted) - set(_EVERY)


def test_every_name_at_the_top_is_in_the_reference():
  wanted = set(robustjax.__all__) - set(_ROOMS) - {'__version__'}
  assert wanted == {
    name.removeprefix('robustjax.') for name in _documented(_PAGES / 'top.md')
  }


@pytest.mark.parametrize('room', _ROOMS)
def test_a_page_has_nothing_that_is_not_public(room):
  """A name that leaves `__all__` leaves its page; whole modules may stand."""
  module = importlib.import_module(f'robustjax.{room}')
  for name in _documented(_PAGES / f'{room}.md'):
    if name != module.__name__:
      inside = name.removeprefix(f'{module.__name__}.')
      is_module = importlib.util.find_spec(name) is not None
      assert is_module or inside in module.__all__, name


def test_no_name_is_there_twice():
  assert len(_EVERY) == len(set(_EVERY))


def test_every_page_is_in_the_index():
  index = (_PAGES.parent / 'index.md').read_text()
  for page in _PAGES.glob('*.md'):
    assert f'\nreference/{page.stem}\n' in index
