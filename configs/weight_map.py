"""Weight-map layers in three networks (weight map, section 4).

Variants, after a colon:

  cnn, cnn_wide, cnn_kernel9, cnn_batchnorm, cnn_input_scale, smoothing,
  smoothing_batchnorm, smoothing_kernel9, unsharp
                         the three-layer networks of Table 4
  resnet, densenet       convolutions only
  resnet_smoothing, resnet_unsharp, densenet_smoothing, densenet_unsharp
                         a weight map in the place of every 3x3 convolution
  resnet_alternating_smoothing, ...
                         in the place of every second one

Published test error on MNIST, 300 epochs, mean of 3 runs: cnn 0.85 %, smoothing
0.79 %, unsharp 0.73 %; resnet 0.50 %, densenet 0.52 %.

  python launch/train.py --config=configs/weight_map.py:unsharp --workdir=DIR
  python launch/evaluate.py --workdir=DIR --benchmark=degradations

Other data sets are trained on without crops: --config.dataset=cifar10
--config.crop_padding=0; iWildCam2019 has validation images of its own:
--config.dataset=iwildcam --config.crop_padding=0 --config.train_share=1
--config.validation_share=0.
"""

from configs import common

CNNS = (
  'cnn', 'cnn_wide', 'cnn_kernel9', 'cnn_batchnorm', 'cnn_input_scale',
  'smoothing', 'smoothing_batchnorm', 'smoothing_kernel9', 'unsharp',
)  # fmt: skip
_DEEP = ('resnet', 'densenet')
_LAYERS = ('smoothing', 'unsharp', 'alternating_smoothing',
           'alternating_unsharp')  # fmt: skip
VARIANTS = (
  *CNNS, *_DEEP, *(f'{model}_{layer}' for model in _DEEP for layer in _LAYERS)
)  # fmt: skip


def get_config(variant: str = 'smoothing') -> common.ConfigDict:
  """The config of a variant, locked; fields are explained in common.py."""
  common.check_variant(variant, VARIANTS)
  config = common.get_config()
  config.variant = variant
  config.dataset = 'mnist'
  config.train_share = 0.9
  config.validation_share = 0.1
  config.selection = 'best'
  config.crop_padding = 2

  config.model = _cnn(variant) if variant in CNNS else _deep(variant)

  config.optimizer = common.adam(1e-3)
  config.batch_size = 128
  config.num_epochs = 300
  return config.lock()


def _cnn(variant: str) -> common.ConfigDict:
  section = common.model('weight_map_cnn')
  section.variant = variant  # a row of Table 4
  section.channels = None  # of the three layers; None: those of the variant
  section.normalize = False  # whether boxes are means, not sums
  return section


def _deep(variant: str) -> common.ConfigDict:
  name, _, layer = variant.partition('_')
  section = common.model(f'weight_map_{name}')
  section.layer = layer.removeprefix('alternating_') or 'conv'
  section.alternating = layer.startswith('alternating')
  section.normalize = False  # whether boxes are means, not sums
  section.batch_norm = False
  if name == 'resnet':
    section.channels = (8, 16, 32, 64)  # of each stage
    section.blocks = (3, 4, 6, 4)  # residual blocks in each stage
  else:
    section.channels = 16  # of the first convolution
    section.growth = 8  # channels each dense layer adds
    section.blocks = (2, 4, 8, 16)  # dense layers in each block
  return section
