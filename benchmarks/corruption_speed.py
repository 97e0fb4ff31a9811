"""How fast corruptions are made, beside the reference on the same images.

  python benchmarks/corruption_speed.py [--data_dir=DIR] [--num_rounds=5]

MNIST-C: seconds for 10,000 images of 28 x 28. ImageNet-C: milliseconds per
image of 224 x 224 at severity 3, and those of the NumPy functions that TFDS
makes imagenet2012_corrupted with, on the same photographs and in turn with
ours. Those of snow and motion blur need ImageMagick, under the name TFDS calls
it by, `imagemagick`; that of frost needs downloaded photographs, and is left
out. Compilation is timed apart.
"""

import argparse
import os
import platform
import shutil
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

import photographs
from robustjax import corruptions
from robustjax import data
from robustjax import host_memory

_SEVERITY, _BATCH = 3, 500


def _seconds(call) -> float:
  start = time.perf_counter()
  call()
  return time.perf_counter() - start


def _mnist_c(num_rounds: int, data_dir) -> None:
  images = data.load('mnist', 'test', data_dir=data_dir).images
  batches = [
    jnp.asarray(images[i : i + _BATCH] / np.float32(255))
    for i in range(0, len(images), _BATCH)
  ]
  index = jnp.arange(_BATCH)
  total = 0.0
  print(f'| MNIST-C | seconds for {len(images):,} | compilation |')
  print('| --- | ---: | ---: |')
  for name, corruption in corruptions.MNIST_C.items():
    corrupt = jax.jit(lambda key, x, i, c=corruption: c(key, x, index=i))

    def run(corrupt=corrupt):
      for number, batch in enumerate(batches):
        last = corrupt(jax.random.key(0), batch, index + number * _BATCH)
      last.block_until_ready()

    first = _seconds(run)
    seconds = statistics.median(_seconds(run) for _ in range(num_rounds))
    total += seconds
    print(f'| {name} | {seconds:.3f} | {first - seconds:.1f} s |', flush=True)
  print(f'| all | {total:.2f} | |\n')


def _reference(name, images):
  """A call of TFDS's function on every photograph, or None without one."""
  from tensorflow_datasets.image_classification import corruptions as reference

  if name == 'frost' or (
    name in ('snow', 'motion_blur') and not shutil.which('imagemagick')
  ):
    return None

  def run():
    for image in images:
      getattr(reference, name)(image.copy(), _SEVERITY)

  return run


def _imagenet_c(num_rounds: int, num_photographs: int, data_dir) -> None:
  levels = photographs.load(num_photographs, data_dir)
  images = jnp.asarray(levels / np.float32(255))
  ratios = {}
  print('| ImageNet-C | ms per image | TFDS | ratio | compilation |')
  print('| --- | ---: | ---: | ---: | ---: |')
  table = corruptions.IMAGENET_C | corruptions.IMAGENET_C_EXTRA
  for name, corruption in table.items():
    corrupt = jax.jit(
      lambda key, x, severity, c=corruption: c(key, x, severity=severity)
    )

    def run(corrupt=corrupt):
      severity = jnp.int32(_SEVERITY)
      corrupt(jax.random.key(0), images, severity).block_until_ready()

    reference = _reference(name, levels)
    first, ours, others = _seconds(run), [], []
    for _ in range(num_rounds):
      ours.append(_seconds(run))
      if reference:
        others.append(_seconds(reference))
    mine = 1e3 * statistics.median(ours) / len(levels)
    cells = [name, f'{mine:.2f}', '', '', f'{first:.1f} s']
    if others:
      theirs = 1e3 * statistics.median(others) / len(levels)
      ratios[name] = theirs / mine
      cells[2:4] = f'{theirs:.2f}', f'{ratios[name]:.1f}'
    print(f'| {" | ".join(cells)} |', flush=True)
  print()
  own = {k: v for k, v in ratios.items() if k in corruptions.IMAGENET_C}
  for what, some in (("ImageNet-C's own", own), ('all', ratios)):
    mean = statistics.geometric_mean(some.values())
    print(f'geometric mean of the ratios, {len(some)} {what}: {mean:.1f}')


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--data_dir', help='prepared TFDS data sets')
  parser.add_argument('--num_rounds', type=int, default=5)
  parser.add_argument('--num_photographs', type=int, default=16)
  flags = parser.parse_args()
  host_memory.keep_freed()
  print(
    f'{jax.devices()[0].device_kind}, {os.cpu_count()} cores,'
    f' {platform.machine()}; JAX {jax.__version__},'
    f' Python {platform.python_version()}; medians of {flags.num_rounds}\n'
  )
  _mnist_c(flags.num_rounds, flags.data_dir)
  _imagenet_c(flags.num_rounds, flags.num_photographs, flags.data_dir)


if __name__ == '__main__':
  main()
