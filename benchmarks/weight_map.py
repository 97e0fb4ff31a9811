"""Time of weight maps: contracted, as printed, and beside convolutions.

  pip install -e .
  python benchmarks/weight_map.py

First the three layers on maps of the paper's network (32-32-8 channels, batch
128 of 28 x 28, forward and backward): as `layers.weight_map` computes them, and
as Eq. 1-4 print them, on whole arrays and with the same fast box filter, so
that only the order of summation differs. Then whole training steps with Adam:
the networks of Table 4. All in turn, with freed memory kept as the scripts in
launch/ do; medians of the rounds' medians, in milliseconds, after compilation.
"""

import argparse
import collections
import platform
import statistics
import time

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from robustjax import host_memory
from robustjax import layers
from robustjax import models

_BATCH_SIZE, _SIDE = 128, 28
_CHANNELS = (32, 32, 8)
_WARM_UP = 1
# Variant, side of the square of ones, padding: as in the paper's networks;
# unsharp has no row with 9 there.
_STACKS = {
  'smoothing, kernel 3': ('smoothing', 3, 0),
  'smoothing, kernel 9': ('smoothing', 9, 3),
  'unsharp, kernel 3': ('unsharp', 3, 1),
  'unsharp, kernel 9': ('unsharp', 9, 4),
}
_STEPS = ('cnn', 'smoothing', 'unsharp', 'cnn_kernel9', 'smoothing_kernel9')


class Stack(nn.Module):
  """The layers on maps, each followed by ReLU."""

  variant: str
  kernel_size: int
  padding: int

  @nn.compact
  def __call__(self, x):
    for features in _CHANNELS:
      layer = layers.WeightMap(
        features, self.variant, self.kernel_size, padding=self.padding
      )
      x = nn.relu(layer(x))
    return x


def _box(maps, size, padding):
  """Sums over squares of the second and third of five axes."""
  for axis in (1, 2):
    window, pads = [1] * 5, [(0, 0)] * 5
    window[axis], pads[axis] = size, (padding, padding)
    maps = jax.lax.reduce_window(maps, 0.0, jax.lax.add, window, (1,) * 5, pads)
  return maps


def as_printed(next_function, args, kwargs, context):
  """An interceptor that computes weight maps by the printed equations."""
  layer = context.module
  is_call = context.method_name == '__call__'
  if not is_call or not isinstance(layer, layers.WeightMap):
    return next_function(*args, **kwargs)
  params = layer.variables['params']
  maps = args[0][..., None] * params['kernel']
  filtered = _box(maps, layer.kernel_size, layer.padding)
  if layer.variant == 'unsharp':
    filtered = 2 * maps - filtered
  return filtered.sum(axis=3) + params['bias']


def _images():
  shape = (_BATCH_SIZE, _SIDE, _SIDE, 1)
  return jax.random.uniform(jax.random.key(1), shape)


def _stack_gradient(stack: Stack, is_printed: bool):
  """Value and gradient of a score of the stack, compiled, without arguments."""

  def score(variables, images):
    return jnp.mean(stack.apply(variables, images) ** 2)

  def printed_score(variables, images):
    with nn.intercept_methods(as_printed):
      return score(variables, images)

  images = _images()
  variables = jax.jit(stack.init)(jax.random.key(0), images)
  function = printed_score if is_printed else score
  gradient = jax.jit(jax.value_and_grad(function, argnums=(0, 1)))
  compiled = gradient.lower(variables, images).compile()
  return lambda: jax.block_until_ready(compiled(variables, images))


def _training_step(variant: str):
  """A training step of a network of Table 4, compiled, without arguments."""
  model = models.create('weight_map_cnn', variant=variant)
  images, labels = _images(), jnp.arange(_BATCH_SIZE) % 10
  optimizer = optax.adam(1e-3)
  params = jax.jit(model.init)(jax.random.key(0), images)
  state = [params, optimizer.init(params)]

  def loss(params):
    logits = model.apply(params, images, train=True)
    losses = optax.softmax_cross_entropy_with_integer_labels
    return losses(logits, labels).mean()

  def step(params, moments):
    gradient = jax.grad(loss)(params)
    updates, moments = optimizer.update(gradient, moments)
    return optax.apply_updates(params, updates), moments

  compiled = jax.jit(step, donate_argnums=(0, 1)).lower(*state).compile()

  def run():
    state[:] = jax.block_until_ready(compiled(*state))

  return run


def _median_ms(function, count: int) -> float:
  times = []
  for _ in range(count + _WARM_UP):
    start = time.perf_counter()
    function()
    times.append(1000 * (time.perf_counter() - start))
  return statistics.median(times[_WARM_UP:])


def _measure(functions: dict, rounds: int, count: int) -> dict:
  """Of each function, one median a round, the functions in turn."""
  found = collections.defaultdict(list)
  for _ in range(rounds):
    for name, function in functions.items():
      found[name].append(_median_ms(function, count))
  return found


def _ratio(found: dict, name, other) -> str:
  pairs = zip(found[name], found[other], strict=True)
  return f'{statistics.median(a / b for a, b in pairs):.2f}'


def _print_stacks(rounds: int, count: int) -> None:
  print('| three layers | printed ms | contracted ms | printed / contracted |')
  print('| --- | ---: | ---: | ---: |', flush=True)
  for name, options in _STACKS.items():
    stack = Stack(*options)
    forms = {
      'printed': _stack_gradient(stack, is_printed=True),
      'contracted': _stack_gradient(stack, is_printed=False),
    }
    found = _measure(forms, rounds, count)
    cells = [name, *(f'{statistics.median(found[one]):.1f}' for one in forms)]
    cells.append(_ratio(found, *forms))
    print(f'| {" | ".join(cells)} |', flush=True)


def _print_steps(rounds: int, count: int) -> None:
  found = _measure({one: _training_step(one) for one in _STEPS}, rounds, count)
  print('\n| training step | ms | / cnn |')
  print('| --- | ---: | ---: |')
  for name, times in found.items():
    middle = f'{statistics.median(times):.1f}'
    print(f'| {name} | {middle} | {_ratio(found, name, "cnn")} |')


def main():
  """Measures everything and prints two tables."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--count', type=int, default=5, help='calls per round')
  options = parser.parse_args()
  host_memory.keep_freed()
  print(
    f'JAX {jax.__version__} on {jax.devices()[0].device_kind}, Python'
    f' {platform.python_version()}; batch {_BATCH_SIZE}, {options.rounds}'
    ' rounds in turn\n'
  )
  _print_stacks(options.rounds, options.count)
  _print_steps(options.rounds, options.count)


if __name__ == '__main__':
  main()
