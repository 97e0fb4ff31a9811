import jax
import numpy as np

from robustjax import layers
from robustjax import models
from robustjax.training import progression
from robustjax.training import strengths

ALL = strengths.Strengths(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def test_a_schedule_gives_the_strengths_of_a_step():
  course = progression.make_course('two_phase', 4)
  first = strengths.Strengths(noise_rate=0.25, blur_sigma=9.0)
  last = strengths.Strengths(noise_rate=0.5)
  schedule = strengths.Schedule(course, first, last)
  found = jax.jit(lambda step: schedule.at(step))
  assert tuple(map(float, found(1))) == tuple(first)
  assert tuple(map(float, found(2))) == tuple(last)


def test_every_layer_gets_its_own_strength():
  model = models.create(
    'mnist_cnn',
    flattened=layers.NoiseOut(0.9),
    penultimate=layers.PenultimateNoise(0.9),
  )
  found = strengths.with_strengths(model, ALL)
  assert found.flattened.rate == 0.1
  assert found.penultimate.stddev == 0.3
  dropping = models.create(
    'cifar10_net', dropout=layers.NoisyDropout(0.9, 0.9, rescale=True)
  )
  layer = strengths.with_strengths(dropping, ALL).dropout
  assert (layer.rate, layer.stddev, layer.rescale) == (0.5, 0.6, True)
  pooled = models.create('mnist_cnn', flattened=layers.NoisyDropout(0.9, 0.9))
  assert strengths.with_strengths(pooled, ALL).flattened.rate == 0.5


def test_what_is_off_stays_off():
  model = models.create('mnist_cnn', flattened=layers.NoiseOut(0.0))
  assert strengths.with_strengths(model, ALL).flattened.rate == 0.0
  bare = models.create('mnist_cnn')
  assert strengths.with_strengths(bare, ALL) is bare
  gated = models.create('mnist_cnn', flattened=layers.Gate())
  assert strengths.with_strengths(gated, ALL).flattened == layers.Gate()


def test_models_that_differ_in_strengths_alone_share_their_programs():
  one, other = (
    models.create('mnist_cnn', flattened=layers.NoiseInjection(rate))
    for rate in (0.2, 0.3)
  )
  assert one != other
  assert strengths.without_values(one) == strengths.without_values(other)
  assert hash(strengths.without_values(one)) is not None
  off = models.create('mnist_cnn', flattened=layers.NoiseInjection(0.0))
  assert strengths.without_values(one) != strengths.without_values(off)


def test_strengths_are_those_a_schedule_is_made_of():
  ends = strengths.Strengths(*map(np.float32, range(8)))
  course = progression.make_course('linear', 3)
  schedule = strengths.Schedule(course, ends, ends)
  np.testing.assert_allclose(list(schedule.at(1)), list(range(8)))
