"""Noise and resolution that change over training (noise progression).

Variants of experiment 1, after a colon: resAnoiseB, A and B each of

  LH  low in the first half of the training, then high
  HL  high, then low
  X   neither blur nor noise at any time

Low resolution is Gaussian blur of the training images by 9 pixels, high noise
that of the standard deviation `penultimate_noise.stddev` on what the last dense
layer reads; high resolution and low noise are none. Variants of experiment 2,
with noise of a quarter of the variance on every layer:

  clear, noise, noise_to_clear, clear_to_noise
  imagenet_clear, ...    the same on ImageNet, as in the paper

The paper prints no accuracies: for experiment 1 it finds HL noise better than
LH, most of all with LH resolution, and best deviations of 4.5 on Fashion-MNIST
(resLHnoiseHL) and 3.5 on CIFAR-10 (resXnoiseHL); for experiment 2
noise_to_clear somewhat better than clear_to_noise.

  python launch/train.py --config=configs/noise_progression.py:resLHnoiseHL \
    --workdir=DIR [--config.dataset=fashion_mnist \
    --config.penultimate_noise.stddev=3.5]
  python launch/evaluate.py --workdir=DIR --benchmark=degradations

Experiment 2 prints no recipe. On ImageNet ours is that of the small images, 15
epochs and another 15 with a tenth of the learning rate, on random crops of 224
pixels, mirrored at random.
"""

from configs import common

_DIRECTIONS = ('LH', 'HL', 'X')
EXPERIMENT_1 = tuple(
  f'res{resolution}noise{noise}'
  for resolution in _DIRECTIONS
  for noise in _DIRECTIONS
)
EXPERIMENT_2 = {
  'clear': None,
  'noise': 'constant',
  'noise_to_clear': 'falling',
  'clear_to_noise': 'rising',
}
_IMAGENET = 'imagenet_'
VARIANTS = (
  *EXPERIMENT_1,
  *EXPERIMENT_2,
  *(_IMAGENET + regime for regime in EXPERIMENT_2),
)


def get_config(variant: str = 'resLHnoiseHL') -> common.ConfigDict:
  """The config of a variant, locked; fields are explained in common.py."""
  common.check_variant(variant, VARIANTS)
  config = common.get_config()
  config.variant = variant
  regime = variant.removeprefix(_IMAGENET)
  if regime == variant:
    config.dataset = 'cifar10'
    config.model = common.model('alexnet', mean=0.5, deviation=0.5)
  else:
    config.dataset = 'imagenet2012'
    config.flip = True
    config.model = common.model(
      'alexnet',  # with what ImageNet's training pixels have:
      mean=(0.485, 0.456, 0.406),
      deviation=(0.229, 0.224, 0.225),
    )
  config.model.width = 1.0  # factor on the sizes of all layers

  if variant in EXPERIMENT_1:
    resolution, noise = variant.removeprefix('res').split('noise')
    if resolution != 'X':
      config.blur.sigma = 9.0
      # Low resolution is much blur.
      config.blur.progression = {'LH': 'falling', 'HL': 'rising'}[resolution]
    if noise != 'X':
      config.penultimate_noise.stddev = 1.5
      config.penultimate_noise.progression = {'LH': 'rising', 'HL': 'falling'}[
        noise
      ]
  elif regime != 'clear':
    config.snr_noise.variance_ratio = 0.25
    config.snr_noise.progression = EXPERIMENT_2[regime]

  config.optimizer = common.sgd(0.01)
  config.optimizer.schedule = 'two_phase'
  config.optimizer.decay = 0.1
  config.batch_size = 128
  config.num_epochs = 30  # 15 in each phase
  return config.lock()
