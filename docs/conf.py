"""Sphinx configuration: `sphinx-build -W --keep-going -b html docs BUILD`."""

import inspect
import os
import pathlib
import sys

_DOCS = pathlib.Path(__file__).parent
_ROOT = _DOCS.parent
sys.path[:0] = [str(_ROOT), str(_DOCS)]
os.environ.setdefault('JAX_PLATFORMS', 'cpu')

from docutils import nodes  # noqa: E402
import flax.linen as nn  # noqa: E402
import gallery  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from latex2mathml import converter  # noqa: E402
from sphinx.domains import python  # noqa: E402

import robustjax  # noqa: E402

project = 'robustjax'
author = 'robustjax developers'
copyright = author
version = release = robustjax.__version__

extensions = [
  'myst_nb',
  'sphinx.ext.autodoc',
  'sphinx.ext.napoleon',
  'sphinx.ext.viewcode',
]
exclude_patterns = ['_build']

html_theme = 'sphinx_book_theme'
html_title = f'robustjax {version}'
html_static_path = ['static']
html_css_files = ['robustjax.css']
html_copy_source = False
html_show_copyright = False
html_math_renderer = 'mathml'  # without a script from elsewhere
html_theme_options = {
  'show_toc_level': 2,
  'use_download_button': False,
  'use_fullscreen_button': False,
  'navbar_persistent': [],
}

# A name in single backticks is a link where there is such a name.
default_role = 'py:obj'
add_module_names = False
autodoc_default_options = {
  'members': True,
  'member-order': 'bysource',
  'special-members': '__call__',
}
autodoc_inherit_docstrings = False  # linen's, of `setup` and the like
autodoc_typehints = 'none'  # Args sections say it, with shapes.
napoleon_attr_annotations = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

myst_enable_extensions = ['colon_fence', 'dollarmath']
myst_heading_anchors = 3

nb_execution_mode = 'force'
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds for a cell
nb_merge_streams = True
nb_render_markdown_format = 'myst'  # which has tables
nb_output_stderr = 'remove'  # progress bars


for _field in python.PyObject.doc_field_types:
  if _field.name == 'variable':
    _field.label = 'Attributes'


def _write_math(display):
  """A writer of formulas, 'inline' or 'block'."""

  def visit(writer, node):
    writer.body.append(converter.convert(node.astext(), display=display))
    raise nodes.SkipNode

  return visit, None


def _skip_member(app, what, name, member, skip, options):
  """Leaves fields to the section Attributes, and checks to themselves."""
  del app, what, options
  is_field = type(member).__name__ in ('_tuplegetter', 'member_descriptor')
  return True if is_field or name in ('__post_init__', 'dtype') else skip


def _shorten_signature(app, what, name, thing, options, signature, result):
  """Leaves out what every linen module takes and no reader here gives."""
  del app, what, name, options
  if not (isinstance(thing, type) and issubclass(thing, nn.Module)):
    return signature, result
  kept = [
    parameter.replace(annotation=inspect.Parameter.empty)
    for parameter in inspect.signature(thing).parameters.values()
    if parameter.name not in ('parent', 'name')
  ]
  signature = str(inspect.Signature(kept))
  return signature.replace(str(jnp.float32), 'float32'), result


def _mark_up(app, what, name, thing, options, lines):
  """Docstrings read well in a terminal; this makes RST of them.

  Code set off by four spaces becomes a literal block, a table its RST, and of a
  constant, a collection of names, these are listed.
  """
  del app, name, options
  if what == 'data':
    lines[:] = [', '.join(f'``{one}``' for one in thing)]
    return
  marked, before = [], ''
  for line, after in zip(lines, [*lines[1:], ''], strict=True):
    if line.strip() == 'Example:' and not after.lstrip().startswith('>>>'):
      line += ':'
    follows_text = bool(before) and not before.startswith(' ')
    if line.startswith('    ') and follows_text and not marked[-1]:
      marked += ['::', '']
    if line.startswith('|'):
      cells = [cell.strip() for cell in line.strip('|').split('|')]
      if not before.startswith('|'):
        marked += ['.. list-table::', '   :header-rows: 1', '']
      if set(''.join(cells)) != {'-'}:
        bullets = ['   * -', *['     -'] * (len(cells) - 1)]
        marked += map(' '.join, zip(bullets, cells, strict=True))
    else:
      marked.append(line)
    before = line or before
  lines[:] = marked


def setup(app):
  app.add_html_math_renderer(
    'mathml', _write_math('inline'), _write_math('block')
  )
  # Before napoleon, whose priority is 500.
  app.connect('autodoc-process-docstring', _mark_up, priority=400)
  app.connect('autodoc-skip-member', _skip_member)
  app.connect('autodoc-process-signature', _shorten_signature)
  app.connect('builder-inited', lambda app: gallery.draw(_DOCS / '_build'))
