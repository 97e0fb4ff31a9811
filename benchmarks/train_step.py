"""Time of one training step of the MNIST CNN, beside PyTorch's and NoiseOut's.

  pip install -e '.[bench]'
  python benchmarks/train_step.py

PyTorch runs in a process of its own, in turn with JAX, so that neither
library's threads disturb the other. Figures are medians of the rounds' medians,
in milliseconds, after compilation; compile time stands beside.
"""

import argparse
import functools
import json
import platform
import statistics
import subprocess
import sys
import time

_BATCH_SIZE = 64
_WARM_UP = 3


def _median_ms(step, count: int) -> float:
  times = []
  for _ in range(count + _WARM_UP):
    start = time.perf_counter()
    step()
    times.append(1000 * (time.perf_counter() - start))
  return statistics.median(times[_WARM_UP:])


def _jax_step(flattened):
  """A closure that does one step; and the seconds its compilation took."""
  import jax
  import jax.numpy as jnp

  from robustjax import models
  from robustjax import random_keys
  from robustjax.data import pipeline
  from robustjax.training import optimizer
  from robustjax.training import steps

  parts = {
    'model': models.create('mnist_cnn', flattened=flattened),
    'optimizer': optimizer.adadelta(
      1.0, decay=0.7, steps_per_epoch=938, rho=0.9, epsilon=1e-6
    ),
  }
  root = random_keys.root_key(0)
  images = jax.random.uniform(jax.random.key(1), (_BATCH_SIZE, 28, 28, 1))
  batch = pipeline.Batch(images, jnp.arange(_BATCH_SIZE) % 10)
  state = steps.init_state(root, (28, 28, 1), **parts)
  jitted = jax.jit(
    functools.partial(steps.train_step, **parts), donate_argnums=0
  )
  start = time.perf_counter()
  compiled = jitted.lower(state, batch, root).compile()
  seconds = time.perf_counter() - start

  def step():
    nonlocal state
    state, metrics = compiled(state, batch, root)
    jax.block_until_ready((state, metrics))

  return step, seconds


def _measure_jax(count: int) -> dict:
  import jax

  from robustjax import layers

  found = {'jax': jax.__version__, 'device': jax.devices()[0].device_kind}
  for name, layer in (('cnn', None), ('noiseout', layers.NoiseOut(rate=0.2))):
    step, seconds = _jax_step(layer)
    found[name] = _median_ms(step, count)
    found[f'{name} compile s'] = seconds
  return found


def _measure_torch(count: int) -> dict:
  import torch
  from torch import nn

  device = 'cuda' if torch.cuda.is_available() else 'cpu'
  model = nn.Sequential(
    nn.Conv2d(1, 32, 3),
    nn.ReLU(),
    nn.Conv2d(32, 64, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Dropout(0.25),
    nn.Flatten(),
    nn.Linear(9216, 128),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(128, 10),
  ).to(device)
  optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
  images = torch.rand(_BATCH_SIZE, 1, 28, 28, device=device)
  labels = torch.arange(_BATCH_SIZE, device=device) % 10

  def step():
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    loss.item()

  return {
    'torch': torch.__version__,
    'threads': torch.get_num_threads(),
    'pytorch': _median_ms(step, count),
  }


_MEASURES = {'jax': _measure_jax, 'torch': _measure_torch}


def _in_process(python: str, library: str, count: int) -> dict:
  command = [python, __file__, f'--only={library}', f'--count={count}']
  done = subprocess.run(command, check=True, capture_output=True, text=True)
  return json.loads(done.stdout)


def _table(rounds: list[dict]) -> str:
  def median(name):
    return statistics.median(found[name] for found in rounds)

  first = rounds[0]
  lines = [
    f'JAX {first["jax"]} on {first["device"]}, PyTorch {first["torch"]} with'
    f' {first["threads"]} threads, Python {platform.python_version()};'
    f' batch {_BATCH_SIZE}, {len(rounds)} rounds in turn',
    '',
    '| step | ms | compile s | / PyTorch | / CNN |',
    '| --- | ---: | ---: | ---: | ---: |',
  ]
  for name in ('pytorch', 'cnn', 'noiseout'):
    ratios = [
      statistics.median(found[name] / found[other] for found in rounds)
      for other in ('pytorch', 'cnn')
    ]
    compile_time = (
      '' if name == 'pytorch' else f'{median(name + " compile s"):.1f}'
    )
    cells = (name, f'{median(name):.1f}', compile_time)
    ratio_cells = (f'{ratio:.2f}' for ratio in ratios)
    lines.append(f'| {" | ".join((*cells, *ratio_cells))} |')
  return '\n'.join(lines)


def main():
  """Runs both libraries in turn and prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--count', type=int, default=20, help='steps per round')
  parser.add_argument(
    '--torch_python', default=sys.executable, help='a Python that has PyTorch'
  )
  parser.add_argument('--only', choices=_MEASURES, help=argparse.SUPPRESS)
  options = parser.parse_args()
  if options.only:
    print(json.dumps(_MEASURES[options.only](options.count)))
    return
  rounds = [
    _in_process(sys.executable, 'jax', options.count)
    | _in_process(options.torch_python, 'torch', options.count)
    for _ in range(options.rounds)
  ]
  print(_table(rounds))


if __name__ == '__main__':
  main()
