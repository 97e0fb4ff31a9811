"""Layers that can be put on a hidden state of any model."""

from robustjax.layers.gating import Gate
from robustjax.layers.gating import GATE_KINDS
from robustjax.layers.gating import Gated
from robustjax.layers.gating import NoiseOut
from robustjax.layers.neural_noise import noise_at_every_layer
from robustjax.layers.neural_noise import NoisyModel
from robustjax.layers.neural_noise import penultimate_noise
from robustjax.layers.neural_noise import PenultimateNoise
from robustjax.layers.neural_noise import snr_noise
from robustjax.layers.neural_noise import SnrNoise
from robustjax.layers.neural_noise import VARIANCES
from robustjax.layers.noise_injection import inject_noise
from robustjax.layers.noise_injection import NoiseInjection
from robustjax.layers.noise_injection import STRATEGIES
from robustjax.layers.noisy_dropout import noisy_dropout
from robustjax.layers.noisy_dropout import NoisyDropout
from robustjax.layers.noisy_dropout import PLACES
from robustjax.layers.weight_map import weight_map
from robustjax.layers.weight_map import WEIGHT_MAP_VARIANTS
from robustjax.layers.weight_map import WeightMap

__all__ = (
  'GATE_KINDS',
  'PLACES',
  'STRATEGIES',
  'VARIANCES',
  'WEIGHT_MAP_VARIANTS',
  'Gate',
  'Gated',
  'NoiseInjection',
  'NoiseOut',
  'NoisyDropout',
  'NoisyModel',
  'PenultimateNoise',
  'SnrNoise',
  'WeightMap',
  'inject_noise',
  'noise_at_every_layer',
  'noisy_dropout',
  'penultimate_noise',
  'snr_noise',
  'weight_map',
)
