"""NoiseOut on MNIST (NoiseOut, section 4.1, Table 1).

Variants, after a colon:

  cnn           the plain MNIST CNN; --config.noise.rate=0.2 injects noise
  noiseout      noise injection and a gate before the first dense layer
  noiseout_fig  the same, with gates taught by Full Integrated Gradients

Published accuracy on MNIST-C, 14 epochs, mean of 10 runs: CNN 87.43 %, with
rate 0.2 NoiseOut 92.03 % and NoiseOut FIG 92.30 %. The plain CNN takes about 12
minutes on two CPU cores. Dense gates have 85 million weights, and as many of
each of the optimizer's averages: a run with them takes hours there (use a GPU);
--config.gate.kind=elementwise, which does less, takes minutes.

  python launch/train.py --config=configs/noiseout.py:noiseout --workdir=DIR
  python launch/evaluate.py --workdir=DIR --benchmark=mnist_c
"""

from configs import common

VARIANTS = ('cnn', 'noiseout', 'noiseout_fig')


def get_config(variant: str = 'noiseout') -> common.ConfigDict:
  """The config of a variant, locked; fields are explained in common.py."""
  common.check_variant(variant, VARIANTS)
  config = common.get_config()
  config.variant = variant
  config.dataset = 'mnist'

  config.model = common.model('mnist_cnn')
  config.model.mean = 0.1307  # of MNIST's training pixels
  config.model.deviation = 0.3081
  # of a random projection to what is gated (Figure 8); 0: none
  config.model.hidden_size = 0

  if variant != 'cnn':
    config.noise.rate = 0.2
    config.gate.kind = 'dense'
  if variant == 'noiseout_fig':
    config.fig.weight = 0.5

  config.optimizer = common.adadelta(1.0)
  config.optimizer.schedule = 'per_epoch'
  config.optimizer.decay = 0.7
  config.batch_size = 64
  config.num_epochs = 14
  return config.lock()
