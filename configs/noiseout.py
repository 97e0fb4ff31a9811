"""NoiseOut on MNIST (NoiseOut, section 4.1, Table 1).

Variants, after a colon:

  cnn           the plain MNIST CNN; --config.noise.rate=0.2 injects noise
  noiseout      noise injection and a gate before the first dense layer
  noiseout_fig  the same, with gates taught by Full Integrated Gradients

Published accuracy on MNIST-C, 14 epochs, mean of 10 runs: CNN 87.43 %, with
rate 0.2 NoiseOut 92.03 % and NoiseOut FIG 92.30 %. A run takes about 12 minutes
on two CPU cores.

  python launch/train.py --config=configs/noiseout.py:noiseout --workdir=DIR
  python launch/evaluate.py --workdir=DIR --benchmark=mnist_c
"""

import ml_collections

VARIANTS = ('cnn', 'noiseout', 'noiseout_fig')


def get_config(variant: str = 'noiseout') -> ml_collections.ConfigDict:
  """The config of a variant, locked."""
  if variant not in VARIANTS:
    names = ' | '.join(VARIANTS)
    raise ValueError(
      f'config variant: expected one of {names}, got {variant!r}'
    )
  is_gated = variant != 'cnn'

  config = ml_collections.ConfigDict()
  config.variant = variant  # name of the row in a table
  config.seed = 0  # fixes initial parameters, data order and every draw
  config.num_seeds = 1  # more train models with seeds seed, seed + 1, ...
  config.dataset = 'mnist'  # a TFDS name, or 'digits' (no download)

  config.model = ml_collections.ConfigDict()
  config.model.name = 'mnist_cnn'  # a name in robustjax.models.MODELS
  config.model.dtype = 'float32'  # of the computation: float32 | bfloat16
  # of a random projection to what is gated (Figure 8); 0: none
  config.model.hidden_size = 0

  config.noise = ml_collections.ConfigDict()
  config.noise.rate = 0.2 if is_gated else 0.0  # share of states replaced
  config.noise.strategy = 'noise_injection'  # a name in layers.STRATEGIES

  config.gate = ml_collections.ConfigDict()
  # none | elementwise | dense | static
  config.gate.kind = 'elementwise' if is_gated else 'none'
  config.gate.maximum = 1.0  # what an open gate multiplies by

  config.fig = ml_collections.ConfigDict()  # the FIG loss on the gates
  config.fig.weight = 0.5 if variant == 'noiseout_fig' else 0.0  # lambda
  config.fig.score = 'probability'  # probability | log_probability | logit
  config.fig.through_gate = False  # whether FIG begins below the gate
  config.fig.num_steps = 50  # of the integral
  config.fig.rule = 'right'  # a name in robustjax.attribution.RULES
  config.fig.reduction = 'mean'  # over states: mean | sum
  config.fig.hidden = 'injected'  # states FIG explains: injected | clean

  config.optimizer = ml_collections.ConfigDict()  # Adadelta
  config.optimizer.learning_rate = 1.0  # in the first epoch
  config.optimizer.decay_per_epoch = 0.7  # factor on the learning rate
  config.optimizer.rho = 0.9  # decay of the running averages
  config.optimizer.epsilon = 1e-6  # under both square roots

  config.batch_size = 64  # over all devices; an epoch's last batch is smaller
  config.num_epochs = 14
  config.log_every = 50  # steps between two lines of metrics
  config.checkpoint_every = 200  # steps; each epoch's end is saved as well
  return config.lock()
