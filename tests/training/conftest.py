"""A data set and a config small enough to train in a test."""

import os
import runpy
import shutil
import signal

import flax.linen as nn
import jax
import numpy as np
import pytest

import robustjax
from robustjax import data
from robustjax import models
from robustjax.data import sources
from robustjax.training import loop
from robustjax.training import progression
from robustjax.training import strengths
from tests.photograph_files import photograph_dir
from tests.photograph_files import photograph_files
from tests.photograph_files import write_photographs

__all__ = ('photograph_dir', 'photograph_files', 'write_photographs')

_SIDE = 8


def _tiny(split):
  """Squares whose place tells their class."""
  rng = np.random.default_rng(len(split))
  count = {'train': 52, 'test': 20}[split]
  labels = rng.integers(0, 4, count)
  images = rng.uniform(0, 0.4, (count, _SIDE, _SIDE, 1))
  for image, label in zip(images, labels, strict=True):
    top, left = 4 * (label // 2), 4 * (label % 2)
    image[top : top + 4, left : left + 4] += 0.5
  return data.from_arrays(images, labels, name='digits', split=split)


def _patch_data(monkeypatch):
  monkeypatch.setattr(
    sources, 'load', lambda name, split, data_dir=None, side=None: _tiny(split)
  )


@pytest.fixture
def tiny_data(monkeypatch):
  """Makes 'digits' mean 52 training and 20 test images of 8 x 8 pixels."""
  _patch_data(monkeypatch)


def _config(root):
  """NoiseOut, two epochs of seven steps; the last batch of each is of four."""
  path = root / 'configs' / 'noiseout.py'
  config = runpy.run_path(str(path))['get_config']('noiseout')
  config.dataset = 'digits'
  config.batch_size = 8
  config.num_epochs = 2
  config.log_every = 2
  config.checkpoint_every = 3
  return config


@pytest.fixture
def config(root):
  """A config small enough to train in a test."""
  return _config(root)


class _Normalized(models.Classifier):
  """A classifier with batch normalisation, and no more."""

  def setup(self):
    self.norm = nn.BatchNorm(momentum=0.5)
    self.dense = nn.Dense(self.num_classes)

  def features(self, images, train=False):
    hidden = images.reshape(len(images), -1)
    return self.norm(hidden, use_running_average=not train)

  def classify_affine(self, hidden):
    return self.dense(hidden)

  def classify_rest(self, affine, train=False):
    return affine


@pytest.fixture
def normalized():
  """The smallest classifier with statistics of batches."""
  return _Normalized


@pytest.fixture
def no_disturbance():
  """A schedule of strengths that are all 0."""
  nothing = strengths.Strengths(*[np.float32(0)] * 8)
  course = jax.tree.map(np.int32, progression.make_course('two_phase', 2))
  return strengths.Schedule(course, nothing, nothing)


@pytest.fixture
def interrupt_from():
  """Makes stand-ins for `_write_metrics` that send SIGTERM from a step on."""
  written = loop._write_metrics

  def make(step):
    def write_then_interrupt(at, *arguments):
      written(at, *arguments)
      if at >= step:
        os.kill(os.getpid(), signal.SIGTERM)

    return write_then_interrupt

  return make


@pytest.fixture
def one_device():
  """A list of one device, for tests that are not about several."""
  return jax.devices()[:1]


@pytest.fixture(scope='session')
def _trained(tmp_path_factory, root):
  workdir = tmp_path_factory.mktemp('trained')
  with (
    pytest.MonkeyPatch.context() as monkeypatch,
    jax.numpy_dtype_promotion('strict'),
  ):
    _patch_data(monkeypatch)
    robustjax.train(_config(root), workdir, devices=jax.devices()[:1])
  return workdir


@pytest.fixture
def undisturbed(_trained, tmp_path):
  """A copy of the folder of a run of `config` on one device, left alone."""
  return shutil.copytree(_trained, tmp_path / 'undisturbed')
