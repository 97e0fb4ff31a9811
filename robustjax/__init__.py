"""robustjax: classifiers that stay right when their input is corrupted.

Nothing is loaded before it is used: `import robustjax` is fast, and loads
neither Orbax nor TFDS nor Matplotlib.
"""

import importlib

__version__ = '0.1.0'

_ROOMS = ('corruptions', 'data', 'evaluation', 'layers', 'models', 'training')
_FUNCTIONS = {
  'train': 'robustjax.training.loop',
  'restore': 'robustjax.training.restoring',
  'evaluate': 'robustjax.evaluation.sweep',
}

__all__ = (*_ROOMS, *_FUNCTIONS, '__version__')


def __getattr__(name: str):
  if name in _ROOMS:
    return importlib.import_module(f'robustjax.{name}')
  if name in _FUNCTIONS:
    return getattr(importlib.import_module(_FUNCTIONS[name]), name)
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__():
  return sorted(__all__)
