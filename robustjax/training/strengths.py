"""How strong each disturbance of training is, step by step.

Strengths are arguments of the compiled step, not part of it: runs that differ
in them alone, and the phases of one run, share a program. Only what is off for
good, a number that is 0 from the first step to the last, is left out of it.
"""

from typing import NamedTuple

import flax.linen as nn

from robustjax import array_types
from robustjax import layers
from robustjax.training import progression

# Stands for any strength above 0, which switches a disturbance on.
_ANY = 1.0


class Strengths(NamedTuple):
  """Of one step; numbers, or float32 [].

  Attributes:
    noise_rate: share of hidden states replaced by noise (NoiseOut).
    fig_weight: lambda of the FIG loss (NoiseOut).
    penultimate_stddev: deviation of the noise on what the last dense layer
      reads (noise progression).
    variance_ratio: of the noise at every layer to its signal (noise
      progression).
    dropout_rate: share of states dropped (noisy dropout).
    dropout_stddev: deviation of the noise in their place (noisy dropout).
    blur_sigma: of the training images, in pixels (noise progression).
    input_stddev: deviation of the noise on training images (a baseline of noisy
      dropout).
  """

  noise_rate: array_types.ArrayLike = 0.0
  fig_weight: array_types.ArrayLike = 0.0
  penultimate_stddev: array_types.ArrayLike = 0.0
  variance_ratio: array_types.ArrayLike = 0.0
  dropout_rate: array_types.ArrayLike = 0.0
  dropout_stddev: array_types.ArrayLike = 0.0
  blur_sigma: array_types.ArrayLike = 0.0
  input_stddev: array_types.ArrayLike = 0.0


class Schedule(NamedTuple):
  """Strengths over a run: a tree of numbers.

  Attributes:
    course: from the first to the last.
    first: at the beginning.
    last: at the end.
  """

  course: progression.Course
  first: Strengths
  last: Strengths

  def at(self, step: array_types.ArrayLike) -> Strengths:
    """The strengths of a step; float32 []."""
    pairs = zip(self.first, self.last, strict=True)
    values = [progression.value(self.course, step, *pair) for pair in pairs]
    return Strengths(*values)


def with_strengths(model: nn.Module, strengths: Strengths) -> nn.Module:
  """The model with other strengths in its layers, but for those that are off.

  Args:
    model: a classifier.
    strengths: those that are not of the model's layers are not used.

  Returns:
    A model with the same parameters.
  """
  changed = {
    hook: _with_strengths(getattr(model, hook), strengths)
    for hook in ('flattened', 'penultimate', 'dropout')
    if getattr(model, hook, None) is not None
  }
  return model.clone(**changed) if changed else model


def _with_strengths(layer: nn.Module, strengths: Strengths) -> nn.Module:
  if isinstance(layer, layers.NoisyDropout):
    return layer.clone(
      rate=strengths.dropout_rate, stddev=strengths.dropout_stddev
    )
  if isinstance(layer, layers.PenultimateNoise):
    return layer.clone(stddev=strengths.penultimate_stddev)
  if isinstance(layer, (layers.NoiseInjection, layers.NoiseOut)):
    is_off = isinstance(layer.rate, int | float) and layer.rate == 0
    return layer if is_off else layer.clone(rate=strengths.noise_rate)
  return layer


def without_values(model: nn.Module) -> nn.Module:
  """The model as it is for every strength: what programs are cached by."""
  return with_strengths(model, Strengths(*[_ANY] * len(Strengths._fields)))
