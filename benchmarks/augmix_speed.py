"""How fast AugMix makes views of images, beside Pillow on the same images.

  python benchmarks/augmix_speed.py [--data_dir=DIR] [--num_rounds=9]

CIFAR-10's severity 3 on batches of 128 of its images, ImageNet's severity 1 on
photographs of 224 x 224, one view of each, in turn. Pillow runs the algorithm
of the paper as its authors do, image by image in one thread; a loader runs as
many of these as it has workers. So beside images per second stands the time of
all processor cores for an image. It says nothing where ours runs on a GPU.
Compilation is timed apart.
"""

import argparse
import os
import platform
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from PIL import ImageOps

import photographs
from robustjax import augmentation
from robustjax import data
from robustjax import host_memory

_BILINEAR = Image.Resampling.BILINEAR
_WIDTH = 3


def _affine(image, *matrix):
  return image.transform(image.size, Image.Transform.AFFINE, matrix, _BILINEAR)


# Each takes the image, the amount and the amount with a random sign.
_OPERATIONS = (
  lambda image, amount, signed: ImageOps.autocontrast(image),
  lambda image, amount, signed: ImageOps.equalize(image),
  lambda image, amount, signed: ImageOps.posterize(
    image, 4 - int(0.4 * amount)
  ),
  lambda image, amount, signed: ImageOps.solarize(image, 256 - 25.6 * amount),
  lambda image, amount, signed: image.rotate(3 * signed, _BILINEAR),
  lambda image, amount, signed: _affine(image, 1, 0.03 * signed, 0, 0, 1, 0),
  lambda image, amount, signed: _affine(image, 1, 0, 0, 0.03 * signed, 1, 0),
  lambda image, amount, signed: _affine(
    image, 1, 0, signed * image.width / 30, 0, 1, 0
  ),
  lambda image, amount, signed: _affine(
    image, 1, 0, 0, 0, 1, signed * image.height / 30
  ),
)


def _view_by_pillow(rng, levels, severity):
  """One view of uint8 [H, W, C] as float32 in [0, 1]."""
  image = Image.fromarray(levels)
  mixed = np.zeros(levels.shape, np.float32)
  for weight in np.float32(rng.dirichlet([1.0] * _WIDTH)):
    end = image
    for _ in range(rng.integers(1, 4)):
      amount = rng.uniform(0.1, severity)
      signed = amount * rng.choice([-1, 1])
      end = _OPERATIONS[rng.integers(len(_OPERATIONS))](end, amount, signed)
    mixed += weight * (np.asarray(end, np.float32) / 255)
  share = np.float32(rng.beta(1, 1))
  return (1 - share) * (np.float32(levels) / 255) + share * mixed


def _seconds(call) -> tuple[float, float]:
  """By the clock, and of all processor cores together."""
  start, start_of_cores = time.perf_counter(), time.process_time()
  call()
  return time.perf_counter() - start, time.process_time() - start_of_cores


def _compare(name: str, levels: np.ndarray, severity: float, num_rounds: int):
  images = jnp.asarray(levels / np.float32(255))
  rng = np.random.default_rng(0)
  mix = jax.jit(
    lambda key, images: augmentation.augmix(key, images, severity=severity)
  )
  keys = jax.random.split(jax.random.key(0), num_rounds + 1)

  def ours(round_number=-1):
    mix(keys[round_number], images).block_until_ready()

  def pillow():
    for image in levels:
      _view_by_pillow(rng, image, severity)

  (first, _), rows = _seconds(ours), {'robustjax': [], 'Pillow': []}
  for i in range(num_rounds):
    rows['robustjax'].append(_seconds(lambda i=i: ours(i)))
    rows['Pillow'].append(_seconds(pillow))
  for who, times in rows.items():
    clock, cores = map(statistics.median, zip(*times, strict=True))
    rate, cost = len(levels) / clock, 1e3 * cores / len(levels)
    note = f'{first - clock:.1f} s' if who == 'robustjax' else ''
    print(f'| {name} | {who} | {rate:,.0f} | {cost:.2f} | {note} |', flush=True)


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--data_dir', help='prepared TFDS data sets')
  parser.add_argument('--num_rounds', type=int, default=9)
  parser.add_argument('--num_photographs', type=int, default=32)
  flags = parser.parse_args()
  host_memory.keep_freed()
  print(
    f'{jax.devices()[0].device_kind}, {os.cpu_count()} cores,'
    f' {platform.machine()}; JAX {jax.__version__},'
    f' Python {platform.python_version()}; medians of {flags.num_rounds}\n'
  )
  print('| images | | images per second | ms of cores each | compilation |')
  print('| --- | --- | ---: | ---: | ---: |')
  small = data.load('cifar10', 'test', data_dir=flags.data_dir).images[:128]
  _compare('128 of 32 x 32', np.asarray(small), 3.0, flags.num_rounds)
  large = photographs.load(flags.num_photographs, flags.data_dir)
  name = f'{flags.num_photographs} of 224 x 224'
  _compare(name, large, 1.0, flags.num_rounds)


if __name__ == '__main__':
  main()
