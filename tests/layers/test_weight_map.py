import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax import layers

KEY = jax.random.key(5)
# Variant, size of the square of ones, strides, padding.
OPTIONS = [
  ('smoothing', 3, 1, 'VALID'),
  ('smoothing', 3, 1, 'SAME'),
  ('smoothing', 3, 2, 1),
  ('smoothing', 3, 2, 'SAME'),
  ('smoothing', 2, 1, 'SAME'),
  ('smoothing', 4, 3, 2),
  ('smoothing', 1, 1, 0),
  ('smoothing', 9, 1, 3),
  ('unsharp', 3, 1, 'SAME'),
  ('unsharp', 3, 1, 1),
  ('unsharp', 3, 2, 'SAME'),
  ('unsharp', 5, 2, 2),
  ('unsharp', 2, 1, 'SAME'),
  ('unsharp', 4, 2, 'SAME'),
  ('unsharp', 1, 1, 0),
]
every_option = pytest.mark.parametrize(
  ('variant', 'kernel_size', 'strides', 'padding'), OPTIONS
)
SHAPE = (2, 6, 7, 3)
FEATURES = 2


def _starts(size, variant, kernel_size, strides, padding):
  """First place, zeros included as negative ones, of each window."""
  if variant == 'unsharp':
    return [i - (kernel_size - 1) // 2 for i in range(0, size, strides)]
  if isinstance(padding, str):
    ((low, high),) = jax.lax.padtype_to_pads(
      (size,), (kernel_size,), (strides,), padding
    )
  else:
    low = high = padding
  return list(range(-low, size + high - kernel_size + 1, strides))


def _literal(x, kernel, bias, *, variant, kernel_size, strides, padding):
  """Eq. 1 to 4 as printed, loop by loop, in float64."""
  x, kernel, bias = (np.asarray(a, np.float64) for a in (x, kernel, bias))
  batch, height, width, channels = x.shape
  options = (variant, kernel_size, strides, padding)
  rows, columns = (_starts(size, *options) for size in (height, width))
  output = np.zeros((batch, len(rows), len(columns), kernel.shape[3]))
  for b, c_in, c_out in itertools.product(
    range(batch), range(channels), range(kernel.shape[3])
  ):
    weighed = kernel[:, :, c_in, c_out] * x[b, :, :, c_in]  # Eq. 1
    for i, top in enumerate(rows):
      for j, left in enumerate(columns):
        box = 0.0
        for row, column in itertools.product(range(kernel_size), repeat=2):
          h, w = top + row, left + column
          if 0 <= h < height and 0 <= w < width:
            box += weighed[h, w]
        if variant == 'smoothing':
          output[b, i, j, c_out] += box  # Eq. 2
        else:
          middle = weighed[i * strides, j * strides]
          output[b, i, j, c_out] += 2 * middle - box  # Eq. 3 and 4
  return output + bias


def _printed(x, kernel, bias, *, variant, kernel_size):
  """The printed form on whole arrays, without strides, of the same size."""
  weighed = x[..., None] * kernel[None]
  low, high = (kernel_size - 1) // 2, kernel_size // 2
  margin = ((0, 0), (low, high), (low, high), (0, 0), (0, 0))
  padded = jnp.pad(weighed, margin)
  height, width = x.shape[1:3]
  box = sum(
    padded[:, i : i + height, j : j + width]
    for i, j in itertools.product(range(kernel_size), repeat=2)
  )
  maps = box if variant == 'smoothing' else 2 * weighed - box
  return maps.sum(axis=3) + bias[None]


def _inputs(rng, options, shape=SHAPE):
  variant, kernel_size, strides, padding = options
  sizes = [
    len(_starts(n, variant, kernel_size, strides, padding)) for n in shape[1:3]
  ]
  shapes = (shape, (*shape[1:], FEATURES), (*sizes, FEATURES))
  return [jnp.asarray(rng.normal(size=one), jnp.float32) for one in shapes]


def _named(options):
  names = ('variant', 'kernel_size', 'strides', 'padding')
  return dict(zip(names, options, strict=True))


@every_option
def test_equals_the_printed_equations(
  rng, variant, kernel_size, strides, padding
):
  options = (variant, kernel_size, strides, padding)
  x, kernel, bias = _inputs(rng, options)
  found = layers.weight_map(x, kernel, bias, **_named(options))
  expected = _literal(x, kernel, bias, **_named(options))
  assert found.shape == expected.shape
  # At most 6 x 7 x 3 terms below 10, each sum rounded to 2^-24 of its value.
  np.testing.assert_allclose(found, expected, atol=126 * 10 * 2**-24)


@pytest.mark.parametrize('kernel_size', [3, 4])
@pytest.mark.parametrize('variant', layers.WEIGHT_MAP_VARIANTS)
def test_gradients_equal_those_of_the_printed_form(rng, variant, kernel_size):
  arguments = _inputs(rng, (variant, kernel_size, 1, 'SAME'))
  options = {'variant': variant, 'kernel_size': kernel_size}

  def ours(*arguments):
    output = layers.weight_map(*arguments, padding='SAME', **options)
    return jnp.sum(jnp.sin(output))

  def printed(*arguments):
    return jnp.sum(jnp.sin(_printed(*arguments, **options)))

  found = jax.jit(jax.grad(ours, argnums=(0, 1, 2)))(*arguments)
  expected = jax.jit(jax.grad(printed, argnums=(0, 1, 2)))(*arguments)
  # Cosines of values up to 50, known to 50 x 2^-24 times the terms in a sum,
  # themselves multiplied by at most 100 values of order 1.
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), found, expected
  )


def test_is_linear_in_maps_and_in_weights(rng):
  options = _named(('unsharp', 3, 1, 'SAME'))
  x, kernel, bias = _inputs(rng, options.values())
  y, other, _ = _inputs(rng, options.values())
  none = jnp.zeros_like(bias)

  def apply(x, kernel, bias=none):
    return layers.weight_map(x, kernel, bias, **options)

  mixed = apply(0.3 * x + 2 * y, kernel, bias) - bias[None]
  expected = 0.3 * apply(x, kernel) + 2 * apply(y, kernel)
  np.testing.assert_allclose(mixed, expected, atol=1e-4)
  mixed = apply(x, 0.3 * kernel + 2 * other)
  expected = 0.3 * apply(x, kernel) + 2 * apply(x, other)
  np.testing.assert_allclose(mixed, expected, atol=1e-4)


def test_normalize_divides_the_square_of_ones_by_its_area(rng):
  x, kernel, bias = _inputs(rng, ('smoothing', 3, 1, 'SAME'))
  bias = jnp.zeros_like(bias)

  def apply(variant, normalize=True):
    return layers.weight_map(
      x,
      kernel,
      bias,
      variant=variant,
      kernel_size=3,
      padding='SAME',
      normalize=normalize,
    )

  mean = apply('smoothing', normalize=False) / 9
  np.testing.assert_allclose(apply('smoothing'), mean, atol=1e-5)
  maps = jnp.einsum('bhwc,hwcd->bhwd', x, kernel)
  np.testing.assert_allclose(apply('unsharp'), 2 * maps - mean, atol=1e-5)


def _sizes(jaxpr):
  """Numbers of elements of all arrays a program makes."""
  for equation in jaxpr.eqns:
    yield from (variable.aval.size for variable in equation.outvars)
    for value in equation.params.values():
      for inner in value if isinstance(value, (tuple, list)) else (value,):
        inner = getattr(inner, 'jaxpr', inner)
        if hasattr(inner, 'eqns'):
          yield from _sizes(inner)


@pytest.mark.parametrize('variant', layers.WEIGHT_MAP_VARIANTS)
def test_maps_of_pairs_of_channels_never_exist(variant):
  shape, features = (5, 4, 4, 6), 7
  x = jnp.ones(shape)
  kernel, bias = jnp.ones((*shape[1:], features)), jnp.ones((4, 4, features))

  def score(x, kernel, bias):
    return layers.weight_map(
      x, kernel, bias, variant=variant, kernel_size=3, padding='SAME'
    ).sum()

  gradient = jax.value_and_grad(score, argnums=(0, 1, 2))
  jaxpr = jax.make_jaxpr(gradient)(x, kernel, bias)
  sizes = list(_sizes(jaxpr.jaxpr))
  # The largest are maps with their padding, of at most 6 x 6 places.
  assert max(sizes) <= 5 * 6 * 6 * 7 < x.size * features / 2


def test_parameters_start_uniform_within_one_over_root_fan_in():
  layer = layers.WeightMap(20, kernel_size=5)
  params = jax.jit(layer.init)(KEY, jnp.zeros((1, 8, 8, 4)))['params']
  assert params['kernel'].shape == (8, 8, 4, 20)
  assert params['bias'].shape == (8, 8, 20)
  limit = 1 / np.sqrt(4 * 5 * 5)
  for leaf in params.values():
    values = np.asarray(leaf).ravel() / limit
    assert np.abs(values).max() <= 1
    # Four standard errors of the mean square of n draws from U(-1, 1).
    error = 4 * np.sqrt(4 / 45 / values.size)
    assert abs(np.mean(values**2) - 1 / 3) < error


@pytest.mark.parametrize('dtype', [None, jnp.float32, jnp.bfloat16])
def test_the_layer_is_the_function_with_its_parameters(rng, dtype):
  options = _named(('unsharp', 5, 2, 'SAME'))
  layer = layers.WeightMap(FEATURES, **options, normalize=True, dtype=dtype)
  x = jnp.asarray(rng.normal(size=SHAPE), jnp.bfloat16)
  variables = jax.jit(layer.init)(KEY, x)
  params = variables['params']
  assert {leaf.dtype for leaf in params.values()} == {np.dtype('float32')}
  found = jax.jit(layer.apply)(variables, x)
  assert found.dtype == (dtype or jnp.bfloat16)
  expected = layers.weight_map(
    x.astype(found.dtype), **params, **options, normalize=True
  )
  # bfloat16 keeps 8 bits of values below 2.
  atol = 1e-5 if dtype == jnp.float32 else 2 * 2**-8
  np.testing.assert_allclose(
    found.astype(jnp.float32), expected.astype(jnp.float32), atol=atol
  )


def test_another_size_than_it_was_made_for_is_named():
  layer = layers.WeightMap(2)
  variables = {
    'params': {'kernel': jnp.zeros((6, 8, 3, 2)), 'bias': jnp.zeros((6, 8, 2))}
  }
  layer.apply(variables, jnp.zeros((5, 6, 8, 3)))
  for shape in ((1, 8, 6, 3), (1, 6, 8, 1)):
    with pytest.raises(errors.InputError) as caught:
      layer.apply(variables, jnp.zeros(shape))
    assert 'maps of 6 x 8 with 3 channels' in str(caught.value)
    assert caught.value.got == '{} x {} with {} channels'.format(*shape[1:])


def test_bad_input_is_named():
  with pytest.raises(errors.InputError, match='variant: .*smoothing'):
    layers.WeightMap(2, 'smooth')
  with pytest.raises(errors.InputError, match="padding: .*'SAME'.* got 3"):
    layers.WeightMap(2, 'unsharp', padding=3)
  with pytest.raises(errors.InputError, match="padding: .*got 'VALID'"):
    layers.WeightMap(2, 'unsharp', padding='VALID')
  with pytest.raises(errors.InputError, match='padding: '):
    layers.WeightMap(2, padding='EVEN')
  with pytest.raises(errors.InputError, match='padding: '):
    layers.WeightMap(2, padding=-1)
  with pytest.raises(errors.InputError, match='kernel_size: '):
    layers.WeightMap(2, kernel_size=0)
  with pytest.raises(errors.InputError, match='strides: '):
    layers.WeightMap(2, strides=0)
  with pytest.raises(errors.InputError, match='features: '):
    layers.WeightMap(0)
  with pytest.raises(errors.InputError, match='at least 9 places.* got 6'):
    layers.WeightMap(2, kernel_size=9, padding=1).init(
      KEY, jnp.zeros((1, 4, 12, 1))
    )
  with pytest.raises(errors.InputError, match=r'x: expected \[B, H, W, C\]'):
    layers.WeightMap(2).init(KEY, jnp.zeros((4, 4, 1)))
  with pytest.raises(errors.InputError, match=r'bias: .*\(4, 4, 2\)'):
    layers.weight_map(
      jnp.zeros((1, 4, 4, 1)),
      jnp.zeros((4, 4, 1, 2)),
      jnp.zeros((2,)),
      variant='smoothing',
      kernel_size=3,
      padding='SAME',
    )
