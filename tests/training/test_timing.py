import time

import pytest

from robustjax.training import timing


@pytest.mark.slow
def test_times_each_config_in_each_round(config):
  other = config.copy_and_resolve_references()
  other.noise.rate = 0.0
  found = timing.time_steps(
    {'one': config, 'other': other},
    image_shape=(8, 8, 1),
    num_classes=4,
    count=2,
    rounds=3,
  )
  assert found.keys() == {'one', 'other'}
  for one in found.values():
    assert len(one.milliseconds) == 3
    assert min(one.milliseconds) > 0
    assert one.compile_seconds > 0


def test_a_time_is_the_median_after_a_warm_up():
  # Three slow steps to warm up, then one slow among four fast ones.
  pauses = iter([0.05] * 3 + [0.001, 0.001, 0.05, 0.001, 0.001])
  found = timing._median_milliseconds(lambda: time.sleep(next(pauses)), 5)
  assert 1 <= found < 25
