import runpy

import pytest

from robustjax.papers import model_sizes


@pytest.mark.parametrize(
  ('variant', 'parameters', 'gflops'),
  # Counted by hand from the layers; GFLOPs as the paper prints them.
  [('cnn', 261_070, 0.014), ('smoothing', 1_157_226, 0.013)],
)
def test_sizes_are_those_of_the_paper(
  root, monkeypatch, variant, parameters, gflops
):
  monkeypatch.syspath_prepend(str(root))
  path = root / 'configs' / 'weight_map.py'
  config = runpy.run_path(str(path))['get_config'](variant)
  found = model_sizes.find(config, (28, 28, 1))
  assert found.parameters == parameters
  # Printed with three decimals, cut off.
  assert gflops <= found.paper_gflops < gflops + 0.001
  assert found.gflops > 0
