"""Time of a training step: the MNIST CNN, PyTorch's, NoiseOut's, with FIG.

  pip install -e '.[bench]'
  python benchmarks/train_step.py

PyTorch runs in a process of its own, in turn with JAX, so that neither
library's threads disturb the other. Both are measured as installed, where freed
memory is returned to the system, and with `robustjax.host_memory`'s setting, as
the scripts in launch/ run. Figures are medians of the rounds' medians, in
milliseconds, after compilation; compile time stands beside.
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

_BATCH_SIZE = 64
_WARM_UP = 3
# What becomes of freed memory: as installed, or host_memory's setting.
_MEMORY = ('returned', 'kept')
_STEPS = ('pytorch', 'cnn', 'noiseout', 'noiseout_fig')
_ROOT = pathlib.Path(__file__).resolve().parent.parent


def _median_ms(step, count: int) -> float:
  times = []
  for _ in range(count + _WARM_UP):
    start = time.perf_counter()
    step()
    times.append(1000 * (time.perf_counter() - start))
  return statistics.median(times[_WARM_UP:])


def _measure_jax(count: int) -> dict:
  import jax

  from robustjax.training import timing

  sys.path.insert(0, str(_ROOT))  # configs/ is not installed.
  from configs import noiseout

  configs = {name: noiseout.get_config(name) for name in _STEPS[1:]}
  timings = timing.time_steps(configs, count=count, rounds=1)
  found = {'jax': jax.__version__, 'device': jax.devices()[0].device_kind}
  for name, one in timings.items():
    found |= {name: one.median, f'{name} compile s': one.compile_seconds}
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


def _in_process(python: str, options: argparse.Namespace, **flags) -> dict:
  command = [python, __file__, f'--count={options.count}']
  command += [f'--{name}={value}' for name, value in flags.items()]
  done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
  if done.returncode:
    sys.exit(f'failed: {" ".join(command)}')
  return json.loads(done.stdout.splitlines()[-1])


def _measure_round(options: argparse.Namespace) -> dict[str, dict]:
  """Both libraries in turn, under both settings of the host's memory."""
  return {
    memory: _in_process(sys.executable, options, only='jax', memory=memory)
    | _in_process(options.torch_python, options, only='torch', memory=memory)
    for memory in _MEMORY
  }


def _keep_freed_memory() -> None:
  # By path: the Python that has PyTorch need not have robustjax.
  path = _ROOT / 'robustjax' / 'host_memory.py'
  if not runpy.run_path(str(path))['keep_freed']():
    sys.exit('the memory setting could not be made on this system')


def _row(found: list[dict], memory: str, name: str) -> str:
  """One line of the table: medians over the rounds."""
  compiled = f'{name} compile s'
  cells = [
    name,
    memory,
    f'{statistics.median(one[name] for one in found):.1f}',
    f'{statistics.median(one[compiled] for one in found):.1f}'
    if compiled in found[0]
    else '',
  ]
  for other in ('pytorch', 'cnn'):
    ratio = statistics.median(one[name] / one[other] for one in found)
    cells.append(f'{ratio:.2f}')
  return f'| {" | ".join(cells)} |'


def _table(rounds: list[dict]) -> str:
  first = rounds[0][_MEMORY[0]]
  lines = [
    f'JAX {first["jax"]} on {first["device"]}, PyTorch {first["torch"]} with'
    f' {first["threads"]} threads, Python {platform.python_version()};'
    f' batch {_BATCH_SIZE}, {len(rounds)} rounds in turn',
    '',
    '| step | freed memory | ms | compile s | / PyTorch | / CNN |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
  ]
  for memory in _MEMORY:
    found = [one[memory] for one in rounds]
    lines += [_row(found, memory, name) for name in _STEPS]
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
  parser.add_argument('--memory', choices=_MEMORY, help=argparse.SUPPRESS)
  options = parser.parse_args()
  if options.only:
    if options.memory == 'kept':
      _keep_freed_memory()
    print(json.dumps(_MEASURES[options.only](options.count)))
    return
  print(_table([_measure_round(options) for _ in range(options.rounds)]))


if __name__ == '__main__':
  main()
