"""Are our corruptions those of the references? Figures for every one of them.

  python benchmarks/corruption_parity.py --workdir=DIR [--cifar10_workdir=DIR]

MNIST-C: 10,000 images corrupted here beside the published sets (mnist_corrupted
in the folder of prepared TFDS data sets), and the accuracy on both of the MNIST
classifier in --workdir. ImageNet-C: photographs of 224 x 224 corrupted here and
by the NumPy functions TFDS makes imagenet2012_corrupted with, at every
severity; and the accuracy on both of the CIFAR-10 classifier in
--cifar10_workdir, if one is given, at 32 x 32. Where TFDS left the generator of
the published images, which ours follows, the comparison follows it: fog is made
here with TFDS's map of 512 points a side, not the generator's 256, and pixelate
there by Pillow with the generator's box filter. Writes corruption_parity.md and
.csv beside this file.

Both sides draw their own random numbers, so images agree in distribution:

  mean, deviation  of all values, in grey levels of 255, here and there
  spectrum         the largest |log2| of the ratio of both power spectra, in
                   octaves of frequency, on the same images
  pixels           share of values that agree within one grey level
  accuracy         on both, and the p-value of McNemar's test on the same images
"""

import argparse
import csv
import os
import pathlib
import platform
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import photographs
import robustjax
from robustjax import corruptions
from robustjax import data
from robustjax import errors
from robustjax import host_memory
from robustjax import progress
from robustjax.evaluation import metrics
from robustjax.evaluation import statistics

_FOLDER = pathlib.Path(__file__).resolve().parent
_MAKES_NOTHING = ('snow', 'motion_blur', 'frost')  # TFDS without ImageMagick
_HOLDS_224 = ('elastic_transform',)  # constants in pixels of 224


class Parity(NamedTuple):
  """One line of the table; see the top of the file."""

  benchmark: str
  corruption: str
  severity: int | None
  mean: float
  reference_mean: float
  deviation: float
  reference_deviation: float
  spectrum: float
  pixels: float
  accuracy: float | None = None
  reference_accuracy: float | None = None
  p_value: float | None = None


def _spectrum(images: np.ndarray) -> np.ndarray:
  """Mean power in octaves of frequency; what is constant is left out."""
  grey = images.astype(np.float64).mean(axis=-1)
  power = np.square(np.abs(np.fft.fft2(grey))).mean(axis=0)
  rows, columns = (np.fft.fftfreq(n) for n in grey.shape[1:])
  radius = np.hypot(rows[:, None], columns[None])
  octave = np.floor(np.log2(np.maximum(radius, 1e-9) / 0.75)).clip(-4)
  is_there = radius > 0
  return np.array(
    [power[is_there & (octave == o)].mean() for o in range(-4, 0)]
  )


def _compare(benchmark, name, severity, ours, others) -> Parity:
  """Both uint8 [N, H, W, C]."""
  ratio = np.log2((_spectrum(ours) + 1e-9) / (_spectrum(others) + 1e-9))
  off = np.abs(ours.astype(np.int16) - others.astype(np.int16))
  return Parity(
    benchmark,
    name,
    severity,
    ours.mean(),
    others.mean(),
    ours.std(),
    others.std(),
    np.abs(ratio).max(),
    (off <= 1).mean(),
  )


def _corrupt(
  corruption, images: np.ndarray, severity=None, batch_size=100, **options
):
  """Uint8 images, corrupted by us and rounded."""

  @jax.jit
  def make(key, images, index, severity):
    found = corruption(key, images, severity=severity, index=index, **options)
    return jnp.round(found * 255).astype(jnp.uint8)

  level = None if severity is None else jnp.int32(severity)
  parts = []
  for start in range(0, len(images), batch_size):
    batch = jnp.asarray(images[start : start + batch_size] / np.float32(255))
    index = start + jnp.arange(len(batch))
    parts.append(np.asarray(make(jax.random.key(0), batch, index, level)))
  return np.concatenate(parts)


def _with_accuracy(line, predict, ours, others, labels) -> Parity:
  """Adds what a classifier says of both."""
  right = [
    metrics.predicted_labels(predict, images) == labels
    for images in (ours, others)
  ]
  return line._replace(
    accuracy=right[0].mean(),
    reference_accuracy=right[1].mean(),
    p_value=statistics.mcnemar(*right).p_value,
  )


def _mnist_c(workdir, data_dir):
  predict = robustjax.restore(workdir).predict
  clean = data.load('mnist', 'test', data_dir=data_dir)
  with progress.bar(len(corruptions.MNIST_C), 'MNIST-C') as shown:
    for name, corruption in corruptions.MNIST_C.items():
      published = data.load(
        f'mnist_corrupted/{name}', 'test', data_dir=data_dir
      )
      ours = _corrupt(corruption, clean.images)
      line = _compare('mnist_c', name, None, ours, published.images)
      yield _with_accuracy(line, predict, ours, published.images, clean.labels)
      shown.update(1)


def _pixelate(image: np.ndarray, severity: int) -> np.ndarray:
  """By Pillow, with the filter of the generator."""
  from PIL import Image  # pylint: disable=g-import-not-at-top

  ratio = (0.6, 0.5, 0.4, 0.3, 0.25)[severity - 1]
  height, width = image.shape[:2]
  small = (int(width * ratio), int(height * ratio))
  found = Image.fromarray(image).resize(small, Image.Resampling.BOX)
  return np.asarray(found.resize((width, height), Image.Resampling.BOX))


def _by_tfds(name: str, images: np.ndarray, severity: int) -> np.ndarray:
  from tensorflow_datasets.image_classification import corruptions as reference

  if name == 'pixelate':
    return np.stack([_pixelate(image, severity) for image in images])

  np.random.seed(severity)  # noqa: NPY002  The reference draws from it.
  return np.stack(
    [getattr(reference, name)(image.copy(), severity) for image in images]
  )


def _imagenet_c(num_photographs, num_small, cifar10_workdir, data_dir):
  large = photographs.load(num_photographs, data_dir)
  predict, small = None, None
  if cifar10_workdir:
    predict = robustjax.restore(cifar10_workdir).predict
    small = data.load('cifar10', 'test', data_dir=data_dir)
  table = corruptions.IMAGENET_C | corruptions.IMAGENET_C_EXTRA
  table = {k: v for k, v in table.items() if k not in _MAKES_NOTHING}
  with progress.bar(5 * len(table), 'ImageNet-C') as shown:
    for name, corruption in table.items():
      options = {'least_map_size': 512} if name == 'fog' else {}
      for severity in range(1, 6):
        ours = _corrupt(corruption, large, severity, 16, **options)
        others = _by_tfds(name, large, severity)
        line = _compare('imagenet_c', name, severity, ours, others)
        if predict and name not in _HOLDS_224:
          images, labels = small.images[:num_small], small.labels[:num_small]
          pair = (
            _corrupt(corruption, images, severity, **options),
            _by_tfds(name, images, severity),
          )
          line = _with_accuracy(line, predict, *pair, labels)
        yield line
        shown.update(1)


def _cell(value) -> str:
  if value is None:
    return ''
  return f'{value:.3f}' if isinstance(value, float) else str(value)


def _write(lines, about: str) -> None:
  with (_FOLDER / 'corruption_parity.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(Parity._fields)
    writer.writerows([_cell(value) for value in line] for line in lines)
  head = [name.replace('_', ' ') for name in Parity._fields]
  table = [head, ['---'] * len(head)]
  table += [[_cell(value) for value in line] for line in lines]
  text = '\n'.join(f'| {" | ".join(row)} |' for row in table)
  (_FOLDER / 'corruption_parity.md').write_text(f'{about}\n\n{text}\n')


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--workdir', required=True)
  parser.add_argument('--cifar10_workdir')
  parser.add_argument('--data_dir')
  parser.add_argument('--num_photographs', type=int, default=32)
  parser.add_argument('--num_small', type=int, default=2000)
  flags = parser.parse_args()
  host_memory.keep_freed()
  lines = list(_mnist_c(flags.workdir, flags.data_dir))
  lines += _imagenet_c(
    flags.num_photographs,
    flags.num_small,
    flags.cifar10_workdir,
    flags.data_dir,
  )
  about = (
    '# Corruptions made here beside the references\n\n'
    'Made by `python benchmarks/corruption_parity.py`, where the columns are'
    f' explained: 10,000 images of MNIST, {flags.num_photographs} photographs,'
    f' {flags.num_small} images of CIFAR-10; key 0.'
    f' {jax.devices()[0].device_kind}, {os.cpu_count()} cores,'
    f' JAX {jax.__version__}, Python {platform.python_version()}.'
  )
  _write(lines, about)
  print(about)


if __name__ == '__main__':
  try:
    main()
  except errors.InputError as error:
    raise SystemExit(f'error: {error}') from error
