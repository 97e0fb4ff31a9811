"""Time and memory of FIG of the MNIST head, beside Captum and one gradient.

  pip install -e '.[bench]'
  python benchmarks/fig.py

The head is 9216-128-10 at batch 64, 50 steps. Captum's IntegratedGradients runs
once per class, as Eq. 3 is printed, in a process of its own in turn with JAX;
both as the scripts in launch/ run, with freed memory kept. Figures are medians
of the rounds' medians, in milliseconds, after compilation.
"""

import argparse
import json
import pathlib
import platform
import runpy
import statistics
import subprocess
import sys
import time

_BATCH_SIZE, _SIZE, _MIDDLE, _NUM_CLASSES = 64, 9216, 128, 10
_NUM_STEPS = 50
_ROOT = pathlib.Path(__file__).resolve().parent.parent
_MEMORY_STEPS = (10, 50, 200)
_NODES_PER_CHUNK = 10


def _median_ms(function, count: int) -> float:
  function()
  function()
  times = []
  for _ in range(count):
    start = time.perf_counter()
    function()
    times.append(1000 * (time.perf_counter() - start))
  return statistics.median(times)


def _measure_jax(count: int) -> dict:
  import jax
  import jax.numpy as jnp
  import optax

  from robustjax import attribution
  from robustjax import models

  model = models.create('mnist_cnn')
  variables = model.init(jax.random.key(0), jnp.zeros((1, 28, 28, 1)))
  hidden = jnp.maximum(
    jax.random.normal(jax.random.key(1), (_BATCH_SIZE, _SIZE)), 0
  )
  target = jnp.arange(_BATCH_SIZE) % _NUM_CLASSES

  def method(name, variables):
    return lambda x: model.apply(variables, x, method=name)

  def fig(variables, hidden):
    rest = method('classify_rest', variables)
    return attribution.full_integrated_gradients(
      lambda y: jax.nn.softmax(rest(y)),
      hidden,
      target,
      affine=method('classify_affine', variables),
      num_steps=_NUM_STEPS,
    ).values

  def unfactored(variables, hidden, num_steps=_NUM_STEPS):
    classify = method('classify', variables)
    return attribution.full_integrated_gradients(
      lambda h: jax.nn.softmax(classify(h)),
      hidden,
      target,
      num_steps=num_steps,
      nodes_per_chunk=_NODES_PER_CHUNK,
    ).values

  @jax.value_and_grad
  def gradient(both):
    logits = method('classify', both[0])(both[1])
    return optax.softmax_cross_entropy_with_integer_labels(
      logits, target
    ).mean()

  found = {'jax': jax.__version__, 'device': jax.devices()[0].device_kind}
  both = (variables, hidden)
  for name, function in {
    'FIG': lambda both: fig(*both),
    'FIG without the affine factor': lambda both: unfactored(*both),
    'forward + backward of the head': gradient,
  }.items():
    start = time.perf_counter()
    compiled = jax.jit(function).lower(both).compile()
    found[f'{name} compile s'] = time.perf_counter() - start
    found[name] = _median_ms(
      lambda run=compiled: jax.block_until_ready(run(both)), count
    )
  for steps in _MEMORY_STEPS:
    lowered = jax.jit(unfactored, static_argnums=2).lower(*both, steps)
    size = lowered.compile().memory_analysis().temp_size_in_bytes
    found[f'megabytes at {steps} steps'] = size / 1e6
  return found


def _measure_torch(count: int) -> dict:
  import captum
  from captum import attr
  import torch

  head = torch.nn.Sequential(
    torch.nn.Linear(_SIZE, _MIDDLE),
    torch.nn.ReLU(),
    torch.nn.Linear(_MIDDLE, _NUM_CLASSES),
    torch.nn.Softmax(dim=1),
  )
  hidden = torch.relu(torch.randn(_BATCH_SIZE, _SIZE))
  target = torch.arange(_BATCH_SIZE) % _NUM_CLASSES
  explain = attr.IntegratedGradients(head)

  def fig():
    total = torch.zeros_like(hidden)
    for j in range(_NUM_CLASSES):
      values = explain.attribute(
        hidden, target=j, n_steps=_NUM_STEPS, method='riemann_right'
      )
      total += torch.where(target == j, 1.0, -1.0)[:, None] * values
    return total

  return {
    'torch': torch.__version__,
    'captum': captum.__version__,
    'threads': torch.get_num_threads(),
    'Captum, once per class': _median_ms(fig, max(1, count // 20)),
  }


_MEASURES = {'jax': _measure_jax, 'torch': _measure_torch}
_ROWS = (
  'Captum, once per class',
  'forward + backward of the head',
  'FIG without the affine factor',
  'FIG',
)


def _in_process(python: str, library: str, count: int) -> dict:
  command = [python, __file__, f'--only={library}', f'--count={count}']
  done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
  if done.returncode:
    sys.exit(f'failed: {" ".join(command)}')
  return json.loads(done.stdout.splitlines()[-1])


def _table(rounds: list[dict]) -> str:
  first = rounds[0]
  lines = [
    f'JAX {first["jax"]} on {first["device"]}, Captum {first["captum"]} on'
    f' PyTorch {first["torch"]} with {first["threads"]} threads, Python'
    f' {platform.python_version()}; batch {_BATCH_SIZE}, {_NUM_STEPS} steps,'
    f' {len(rounds)} rounds in turn',
    '',
    '| what | ms | compile s | / head | Captum / this |',
    '| --- | ---: | ---: | ---: | ---: |',
  ]
  for name in _ROWS:
    compiled = [one.get(f'{name} compile s') for one in rounds]
    cells = [
      name,
      f'{statistics.median(one[name] for one in rounds):.1f}',
      f'{statistics.median(compiled):.1f}' if compiled[0] else '',
      f'{statistics.median(one[name] / one[_ROWS[1]] for one in rounds):.2f}',
      f'{statistics.median(one[_ROWS[0]] / one[name] for one in rounds):.0f}',
    ]
    lines.append(f'| {" | ".join(cells)} |')
  sizes = ', '.join(
    f'{first[f"megabytes at {steps} steps"]:.0f} MB at {steps} steps'
    for steps in _MEMORY_STEPS
  )
  lines += [
    '',
    f'Memory without the affine factor, {_NODES_PER_CHUNK} nodes per chunk:'
    f' {sizes}',
  ]
  return '\n'.join(lines)


def main():
  """Runs both libraries in turn and prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--count', type=int, default=20, help='calls per round')
  parser.add_argument(
    '--torch_python', default=sys.executable, help='a Python that has Captum'
  )
  parser.add_argument('--only', choices=_MEASURES, help=argparse.SUPPRESS)
  options = parser.parse_args()
  if options.only:
    path = _ROOT / 'robustjax' / 'host_memory.py'
    runpy.run_path(str(path))['keep_freed']()
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
