"""Draws every corruption at every severity, for the page that shows them."""

from collections.abc import Mapping
from collections.abc import Sequence
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from sklearn import datasets

from robustjax import corruptions
from robustjax import data

_SIDE = 128  # of the photograph
_GAP = 4  # pixels between two images
_KEY = 0


def draw(folder: pathlib.Path) -> None:
  """Writes an image per corruption, and per benchmark a page that shows them.

  Args:
    folder: receives `gallery/BENCHMARK.md` and `gallery/BENCHMARK/NAME.png`,
      unless they are there and newer than the corruptions.
  """
  digits, photograph = _digits(), _photograph(_SIDE)
  small = _photograph(32)
  benchmarks = (
    ('mnist_c', corruptions.MNIST_C, digits, 2),
    ('mnist_c_further', corruptions.MNIST_C_FURTHER, digits, 2),
    ('imagenet_c', corruptions.IMAGENET_C, photograph, 1),
    ('imagenet_c_extra', corruptions.IMAGENET_C_EXTRA, photograph, 1),
    ('cifar10_c', corruptions.CIFAR10_C, small, 4),
    ('cifar10_c_extra', corruptions.CIFAR10_C_EXTRA, small, 4),
    ('degradations', corruptions.DEGRADATIONS, digits[:1], 2),
  )
  folder /= 'gallery'
  if not _is_drawn(folder, [name for name, *_ in benchmarks]):
    for benchmark in benchmarks:
      _draw_benchmark(folder, *benchmark)


def _is_drawn(folder, names) -> bool:
  """Whether all pages are there, and newer than what draws them."""
  pages = [folder / f'{name}.md' for name in names]
  package = pathlib.Path(corruptions.__file__).parents[1]
  sources = [pathlib.Path(__file__)]
  for room in ('corruptions', 'images'):
    sources += (package / room).glob('*.py')
  newest = max(source.stat().st_mtime for source in sources)
  return all(p.exists() and p.stat().st_mtime > newest for p in pages)


def _draw_benchmark(folder, benchmark, table, images, scale) -> None:
  (folder / benchmark).mkdir(parents=True, exist_ok=True)
  lines = []
  for name, corruption in table.items():
    is_degradation = isinstance(corruption, corruptions.Degradation)
    corrupted = (_amounts if is_degradation else _severities)(
      corruption, images
    )
    path = f'{benchmark}/{name}.png'
    _strip(corrupted, scale).save(folder / path)
    lines += [
      f'### {name}',
      '',
      f'```{{image}} _build/gallery/{path}',
      f':alt: {name}',
      ':class: strip',
      '```',
      '',
      _strengths(corruption),
      '',
    ]
  (folder / f'{benchmark}.md').write_text('\n'.join(lines))


def _severities(corruption, images) -> np.ndarray:
  """All images at the only severity, or the first at each: [S, H, W, C]."""
  key = jax.random.key(_KEY)
  count = len(corruption.severities)
  if count == 1:
    corrupt = jax.jit(lambda images: corruption(key, images))
    return np.asarray(corrupt(images))
  corrupt = jax.jit(
    lambda severity: corruption(key, images, severity=severity)[0]
  )
  return np.stack([corrupt(jnp.asarray(s)) for s in range(1, count + 1)])


def _amounts(degradation, images) -> np.ndarray:
  """The first image at each amount, [S, H, W, C]."""
  key = jax.random.key(_KEY)
  corrupt = jax.jit(lambda amount: degradation(key, images, amount=amount)[0])
  return np.stack([corrupt(jnp.asarray(a)) for a in degradation.amounts])


def _strengths(corruption) -> str:
  """The parameters of each severity, or the amounts, as one line."""
  if isinstance(corruption, corruptions.Degradation):
    return f'{corruption.unit}: {_numbers(corruption.amounts)}'
  parameters: Sequence[Mapping[str, float]] = corruption.severities
  return '; '.join(
    f'{name}: {_numbers([each[name] for each in parameters])}'
    for name in parameters[0]
  )


def _numbers(values) -> str:
  """Numbers with commas between; one where all are the same."""
  values = [f'{float(value):.3g}' for value in values]
  return ', '.join(values if len(set(values)) > 1 else values[:1])


def _strip(images: np.ndarray, scale: int) -> Image.Image:
  """Images [S, H, W, C] side by side, on white."""
  levels = np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8)
  levels = levels.repeat(scale, axis=1).repeat(scale, axis=2)
  levels = levels.repeat(3 // levels.shape[-1], axis=-1)
  _, height, width, _ = levels.shape
  step = width + _GAP
  strip = np.full([height, len(levels) * step - _GAP, 3], 255, np.uint8)
  for i, image in enumerate(levels):
    strip[:, i * step : i * step + width] = image
  return Image.fromarray(strip)


def _digits() -> jax.Array:
  """One handwritten digit of each class, float [10, 28, 28, 1]."""
  digits = data.load('digits', 'test')
  first = [int(np.argmax(digits.labels == label)) for label in range(10)]
  return data.to_unit(jnp.asarray(digits.images[np.array(first)]))


def _photograph(side: int) -> jax.Array:
  """The middle of scikit-learn's flower, float [1, side, side, 3]."""
  photograph = Image.fromarray(datasets.load_sample_image('flower.jpg'))
  width, height = photograph.size
  left = (width - height) // 2
  square = photograph.crop((left, 0, left + height, height))
  square = square.resize((side, side), Image.Resampling.LANCZOS)
  return data.to_unit(jnp.asarray(np.asarray(square)))[None]
