"""Packaging. Lower bounds only; constraints/ has exact versions."""

import pathlib
import re

import setuptools

_ROOT = pathlib.Path(__file__).parent
_INIT = (_ROOT / 'robustjax' / '__init__.py').read_text()
_VERSION = re.search(r"^__version__ = '(.+)'$", _INIT, re.MULTILINE).group(1)

setuptools.setup(
  name='robustjax',
  version=_VERSION,
  description='Classifiers that stay right when their input is corrupted.',
  long_description=(_ROOT / 'README.md').read_text(),
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  python_requires='>=3.11',
  packages=setuptools.find_packages(include=['robustjax*']),
  package_data={'robustjax': ['py.typed']},
  install_requires=[
    'absl-py>=2.1',
    'array_record>=0.8',
    'chex>=0.1.92',
    'flax>=0.12.8',
    'grain>=0.2.15',
    'importlib_resources>=6',  # TFDS needs it and does not declare it.
    'jax>=0.10.2',
    'matplotlib>=3.9',
    'ml_collections>=1.0',
    'numpy>=2.1',
    'optax>=0.2.8',
    'orbax-checkpoint>=0.12.8',
    'pillow>=11',  # The same.
    'safetensors>=0.4',
    'scikit-learn>=1.6',
    'tensorboardX>=2.6.2',
    'tensorflow-datasets>=4.9.10',
    'tensorstore>=0.1.86',
    'tqdm>=4.66',
  ],
  extras_require={
    'test': [
      'opencv-python-headless>=4.11',
      'pytest>=8.3',
      'pytest-xdist>=3.6',
      'ruff>=0.14',
      'scikit-image>=0.25',
      'scipy>=1.14',
    ],
    'docs': [
      'latex2mathml>=3.81',
      'myst-nb>=1.4',
      'sphinx>=9',
      'sphinx-book-theme>=1.4',
    ],
    'bench': ['captum>=0.8', 'torch>=2.8'],
    'cuda': ['jax[cuda13]>=0.10.2'],
    'tpu': ['jax[tpu]>=0.10.2'],
    'tfds-build': ['tensorflow>=2.18'],
  },
)
