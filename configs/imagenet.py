"""ResNet-50 on ImageNet, and what NoiseOut is added to (NoiseOut, Table 2).

Variants, after a colon, each also with `_noiseout` appended (noise rate 0.2 and
gates on the 2048 pooled states):

  baseline             random resized crops and flips
  augmix               AugMix with its Jensen-Shannon loss (not in Table 2)
  ant                  adversarial noise training, 1x1 generator
  deepaugment_augmix   DeepAugment by Noise2Net, and AugMix

Published mCE on ImageNet-C: baseline 76.7 %, ant 62.51 %, ant_noiseout 61.62 %,
deepaugment_augmix 53.6 %, deepaugment_augmix_noiseout 53.4 %. The published
DeepAugment sends images through two networks (EDSR, CAE) with others' weights;
here it is Noise2Net, or an autoencoder of one's own:
--config.deep_augment.kind=autoencoder --config.deep_augment.autoencoder=FILE.

The papers start ant and deepaugment_augmix from a trained ResNet-50; give its
weights, a run of `baseline` or torchvision's:

  python launch/train.py --config=configs/imagenet.py:baseline --workdir=BASE
  python launch/train.py --config=configs/imagenet.py:ant_noiseout \
    --workdir=DIR --config.initial_weights=BASE
  python launch/evaluate.py --workdir=DIR --benchmark=imagenet_c
"""

from configs import common

_HOSTS = ('baseline', 'augmix', 'ant', 'deepaugment_augmix')
VARIANTS = (*_HOSTS, *(f'{host}_noiseout' for host in _HOSTS))


def get_config(variant: str = 'baseline') -> common.ConfigDict:
  """The config of a variant, locked; fields are explained in common.py."""
  common.check_variant(variant, VARIANTS)
  host = variant.removesuffix('_noiseout')
  config = common.get_config()
  config.variant = variant
  config.dataset = 'imagenet2012'
  config.flip = True

  config.model = common.model(
    'resnet50',  # with what ImageNet's training pixels have:
    mean=(0.485, 0.456, 0.406),
    deviation=(0.229, 0.224, 0.225),
  )
  config.model.dtype = 'bfloat16'
  config.model.width = 64  # channels of the first stage's 3x3 convolutions
  config.model.blocks = (3, 4, 6, 3)  # of each stage
  # parts of a batch with statistics of their own; 1: all of it
  config.model.statistics_groups = 1

  if variant != host:
    config.noise.rate = 0.2
    config.gate.kind = 'dense'
  if 'augmix' in host:
    config.augmix.severity = 1.0
  {
    'baseline': _from_scratch,
    'augmix': _in_thirds,
    'ant': _ant,
    'deepaugment_augmix': _deep_augment,
  }[host](config)
  config.log_every = 100
  config.checkpoint_every = 2000
  return config.lock()


def _from_scratch(config: common.ConfigDict) -> None:
  config.batch_size = 256
  config.num_epochs = 90
  config.optimizer = common.sgd(0.1)
  config.optimizer.reference_batch = 256
  config.optimizer.weight_decay = 1e-4
  config.optimizer.schedule = 'per_epoch'
  config.optimizer.decay = 0.1
  config.optimizer.decay_epochs = 30


def _in_thirds(config: common.ConfigDict) -> None:
  """AugMix's recipe: a tenth of the learning rate after each third."""
  _from_scratch(config)
  config.optimizer.schedule = 'thirds'


def _ant(config: common.ConfigDict) -> None:
  config.ant.epsilon = 135.0
  config.batch_size = 70
  config.num_epochs = 120
  config.optimizer = common.sgd(1e-3)
  config.optimizer.schedule = 'per_epoch'
  config.optimizer.decay = 0.1
  config.optimizer.decay_epochs = 60


def _deep_augment(config: common.ConfigDict) -> None:
  config.deep_augment.kind = 'noise2net'
  config.batch_size = 1024
  config.num_epochs = 30
  config.optimizer = common.sgd(0.1)
  config.optimizer.nesterov = True
  config.optimizer.weight_decay = 1e-4
  config.optimizer.schedule = 'cosine'
