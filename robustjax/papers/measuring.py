"""Measures a trained run on a benchmark, and reads what was measured before.

Results are in the run's folder, `evaluation/BENCHMARK-latest.json`. The name
says which sets they are of, and how many images each has if not all.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import os
import pathlib
from typing import Any
from typing import NamedTuple

import ml_collections

from robustjax import attacks
from robustjax import errors
from robustjax import evaluation
from robustjax import files
from robustjax import training
from robustjax.data import sources
from robustjax.papers import measures
from robustjax.training import run_data
from robustjax.training import run_files

_PUBLISHED = ('mnist_c',)  # read, not made from test images


class Measured(NamedTuple):
  """What one seed of a run did.

  Attributes:
    results: on a benchmark.
    summary: what training reported.
  """

  results: evaluation.Results
  summary: Mapping[str, Any]


def results_file(
  folder: pathlib.Path, benchmark: measures.Benchmark, num_images: int | None
) -> pathlib.Path:
  """Where the results of one seed are kept."""
  count = '' if num_images is None else f'-{num_images}-images'
  return folder / 'evaluation' / f'{benchmark.label}{count}-latest.json'


def read(
  folder: pathlib.Path,
  benchmark: measures.Benchmark,
  config: ml_collections.ConfigDict,
  num_images: int | None = None,
) -> Measured | None:
  """What an earlier call measured of one seed; None if that is missing.

  Args:
    folder: of the seed.
    benchmark: what it was measured on.
    config: how it is to be trained; fewer epochs do not count.
    num_images: of each set; None for all.

  Returns:
    Results and summary.
  """
  try:
    summary = _summary(folder)
    content = files.read_json(
      results_file(folder, benchmark, num_images),
      {'step': 'an integer', 'results': 'an object'},
    )
    results = evaluation.Results.from_dict(content['results'])
  except (errors.InputError, KeyError, TypeError, ValueError):
    return None  # None there, or damaged: it is measured anew.
  # The step measured may be an earlier one: the best on validation images.
  trained = content.get('trained_steps', content['step'])
  is_last = summary['finished'] and summary['step'] == trained
  if not is_last or run_files.read(folder).num_epochs != config.num_epochs:
    return None
  return Measured(results, summary)


def _summary(folder: pathlib.Path) -> Mapping[str, Any]:
  """What training reported of one seed."""
  return files.read_json(
    folder / 'summary.json', {'finished': 'true or false', 'step': 'an integer'}
  )


def measure(
  folder: pathlib.Path,
  benchmarks: Iterable[measures.Benchmark],
  num_images: int | None = None,
  data_dir: str | os.PathLike | None = None,
) -> None:
  """Evaluates the model of one seed and writes the results into its folder.

  Args:
    folder: of the seed, trained to the end.
    benchmarks: what it is measured on.
    num_images: the first of the test images to take; None for all.
    data_dir: folder of prepared TFDS data sets.

  Raises:
    errors.InputError: if the run cannot be read, or the results be written.
  """
  restored = training.restore(folder)
  trained = _summary(folder)['step']
  for benchmark in benchmarks:
    source = None
    if benchmark.name not in _PUBLISHED:
      source = test_images(restored.config, num_images, data_dir)
    options = dict(benchmark.options)
    if benchmark.name in attacks.ATTACKS:  # By the loss it was trained with.
      options['loss'] = restored.config.loss
    found = evaluation.evaluate(
      restored.predict, source, data_dir=data_dir, **options
    )
    content = {
      'step': restored.step,
      'trained_steps': trained,
      'results': found.to_dict(),
    }
    files.write_json(results_file(folder, benchmark, num_images), content)


def test_images(
  config: ml_collections.ConfigDict,
  num_images: int | None,
  data_dir: str | os.PathLike | None,
) -> sources.DataSet:
  """The test images of a run, or the first of them."""
  data = run_data.load_test(config, data_dir)
  if num_images is None:
    return data  # Photographs are decoded batch by batch.
  return data._replace(
    images=data.images[:num_images], labels=data.labels[:num_images]
  )


def check(
  benchmark: measures.Benchmark,
  num_images: int | None = None,
  data_dir: str | os.PathLike | None = None,
) -> None:
  """Raises errors.InputError if a benchmark cannot be run, before training."""
  if benchmark.name not in _PUBLISHED:
    return
  if num_images is not None:
    expected = f'none for {benchmark.name}, whose sets are read whole'
    raise errors.InputError('num_images', expected, str(num_images))
  for name in evaluation.MNIST_C:
    sources.prepared_folder(f'mnist_corrupted/{name}', data_dir=data_dir)
