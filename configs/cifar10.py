"""The hosts of configs/imagenet.py on CIFAR-10, for one small machine.

Variants, after a colon, each also with `_noiseout` appended (noise rate 0.2 and
gates on the pooled states):

  baseline             random crops and flips
  augmix               AugMix with its Jensen-Shannon loss
  ant                  adversarial noise training, 1x1 generator
  deepaugment_augmix   DeepAugment by Noise2Net, and AugMix

A residual network of three stages with batch normalisation. What NoiseOut
brings here is ours to find: the paper has no figures for CIFAR-10.

  python launch/train.py --config=configs/cifar10.py:augmix --workdir=DIR
  python launch/evaluate.py --workdir=DIR --benchmark=cifar10_c \
    --source=generated
"""

from configs import common
from configs import imagenet

VARIANTS = imagenet.VARIANTS


def get_config(variant: str = 'baseline') -> common.ConfigDict:
  """The config of a variant, locked; fields are explained in common.py."""
  common.check_variant(variant, VARIANTS)
  host = variant.removesuffix('_noiseout')
  config = common.get_config()
  config.variant = variant
  config.dataset = 'cifar10'
  config.crop_padding = 4
  config.flip = True

  config.model = common.model('weight_map_resnet')  # of plain convolutions
  config.model.mean = 0.5
  config.model.deviation = 0.5
  config.model.layer = 'conv'
  config.model.alternating = False
  config.model.normalize = False
  config.model.batch_norm = True
  config.model.channels = (16, 32, 64)  # of each stage
  config.model.blocks = (1, 1, 1)  # residual blocks in each stage

  if variant != host:
    config.noise.rate = 0.2
    config.gate.kind = 'dense'
  if 'augmix' in host:
    config.augmix.severity = 3.0
  if host == 'ant':
    # At 224 x 224; 5.7 here, a root mean square of .10 per value. The 135 of
    # photographs, .35 per value, drowns images this small.
    config.ant.epsilon = 40.0
    config.ant.warmup_steps = 200
  if host == 'deepaugment_augmix':
    config.deep_augment.kind = 'noise2net'

  config.optimizer = common.sgd(0.1)
  config.optimizer.nesterov = True
  config.optimizer.weight_decay = 5e-4
  config.optimizer.schedule = 'cosine'
  config.batch_size = 128
  config.num_epochs = 30
  return config.lock()
