import flax.linen as nn
import jax.numpy as jnp
import pytest

from robustjax import errors
from robustjax import models

MNIST = (28, 28, 1)
# Weight Map, Table 4, as printed: thousands of GFLOPS (wide: hundreds).
PRINTED = {
  'cnn_wide': (1.07, 1e7),
  'cnn': (0.014, 1e6),
  'cnn_batchnorm': (0.014, 1e6),
  'cnn_kernel9': (0.125, 1e6),
  'cnn_input_scale': (0.014, 1e6),
  'smoothing': (0.013, 1e6),
  'smoothing_batchnorm': (0.013, 1e6),
  'smoothing_kernel9': (0.119, 1e6),
  'unsharp': (0.020, 1e6),
}
# Two for each multiply-accumulate, the printed form and the contracted one.
MULTIPLY_ACCUMULATES = {
  'cnn': (0.0145, 0.0145),
  'cnn_wide': (1.0746, 1.0746),
  'cnn_kernel9': (0.1264, 0.1264),
  'smoothing': (0.0137, 0.0030),
  'smoothing_kernel9': (0.1196, 0.0093),
  'unsharp': (0.0193, 0.0039),
}


def _count(variant, form):
  model = models.create('weight_map_cnn', variant=variant)
  return models.count_flops(model, MNIST, weight_map_form=form)


@pytest.mark.parametrize('variant', PRINTED)
def test_table_4_comes_out_as_printed(variant):
  value, unit = PRINTED[variant]
  found = _count(variant, 'printed').total_on_maps
  # Cut off, not rounded, after the digits that are printed.
  assert int(found // unit) == round(value * 1e9 / unit)


@pytest.mark.parametrize('variant', MULTIPLY_ACCUMULATES)
def test_multiply_accumulates_of_both_forms(variant):
  found = [
    round(_count(variant, form).total / 1e9, 4)
    for form in ('printed', 'contracted')
  ]
  assert tuple(found) == MULTIPLY_ACCUMULATES[variant]


def test_every_layer_is_counted_by_its_definition():
  found = _count('unsharp', 'contracted').layers
  places = 28 * 28
  assert list(found) == [
    'layers_0/layer', 'layers_1/layer', 'layers_2/layer', 'dense1', 'dense2',
  ]  # fmt: skip
  assert found['layers_1/layer'] == models.LayerFlops(
    kind='WeightMap',
    products=2 * places * 32 * 32 + 2 * 9 * places * 32,
    others=places * 32 * (2 + 1),
  )
  assert found['dense1'].products == 2 * (places * 8) * 64
  assert found['dense1'].others == 64
  printed = _count('unsharp', 'printed').layers['layers_1/layer']
  assert printed.products == 2 * 9 * places * 32 * 32
  assert printed.others == places * (2 * 32 * 32 + 32)
  conv = _count('cnn', 'printed').layers['layers_1/layer']
  assert conv == models.LayerFlops(
    'Conv', 2 * 9 * 33 * 33 * 24 * 24, 33 * 24 * 24
  )


class _Shared(nn.Module):
  """One convolution in groups, used twice, whatever the size of the images."""

  @nn.compact
  def __call__(self, x):
    conv = nn.Conv(
      4, (3, 1), feature_group_count=2, use_bias=False, name='conv'
    )
    return conv(conv(x))


def test_groups_repeated_calls_and_strange_sizes_are_counted():
  # Nothing is computed: these images would take 64 GB.
  side = 2**16
  found = models.count_flops(_Shared(), (side, side, 4))
  once = 2 * side**2 * 4 * (3 * 2)
  assert found.layers == {'conv': models.LayerFlops('Conv', 2 * once, 0)}
  assert found.total == found.total_on_maps == 2 * once


def test_the_dtype_of_the_model_makes_no_difference():
  models_of = [
    models.create('weight_map_resnet', layer='unsharp', dtype=dtype)
    for dtype in (jnp.float32, jnp.bfloat16)
  ]
  one, other = (models.count_flops(model, (8, 8, 3)) for model in models_of)
  assert one == other


def test_an_unknown_form_is_named():
  with pytest.raises(errors.InputError, match='weight_map_form: .*printed'):
    _count('smoothing', 'print')
