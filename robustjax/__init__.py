"""robustjax: classifiers that stay right when their input is corrupted.

Nothing is loaded before it is used: `import robustjax` is fast, and loads
neither Orbax nor TFDS nor Matplotlib.
"""

import importlib

__version__ = '0.1.0'

_ROOMS = (
  'attacks',
  'attribution',
  'augmentation',
  'corruptions',
  'data',
  'errors',
  'evaluation',
  'host_memory',
  'layers',
  'models',
  'papers',
  'random_keys',
  'training',
)
_NAMES = {
  'train': 'robustjax.training.runs',
  'restore': 'robustjax.training.restoring',
  'evaluate': 'robustjax.evaluation.sweep',
  'InputError': 'robustjax.errors',
}

__all__ = (*_ROOMS, *_NAMES, '__version__')


def __getattr__(name: str):
  if name in _ROOMS:
    return importlib.import_module(f'robustjax.{name}')
  if name in _NAMES:
    return getattr(importlib.import_module(_NAMES[name]), name)
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__():
  return sorted(__all__)
