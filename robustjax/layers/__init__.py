"""Layers that can be put on a hidden state of any model."""

from robustjax.layers.gating import Gate
from robustjax.layers.gating import GATE_KINDS
from robustjax.layers.gating import Gated
from robustjax.layers.gating import NoiseOut
from robustjax.layers.noise_injection import inject_noise
from robustjax.layers.noise_injection import NoiseInjection
from robustjax.layers.noise_injection import STRATEGIES

__all__ = (
  'GATE_KINDS',
  'STRATEGIES',
  'Gate',
  'Gated',
  'NoiseInjection',
  'NoiseOut',
  'inject_noise',
)
