"""The fields every config has, what they are for, and all disturbances off.

The files of the papers take these and add a model and an optimizer, so that
whatever one of them uses can be put on the models of the others.
"""

import ml_collections

ConfigDict = ml_collections.ConfigDict


def check_variant(variant: str, variants) -> None:
  """Raises ValueError unless `variant` is one of `variants`."""
  if variant not in variants:
    names = ' | '.join(variants)
    raise ValueError(
      f'config variant: expected one of {names}, got {variant!r}'
    )


def get_config() -> ConfigDict:
  """All common fields; a model and an optimizer are still missing."""
  config = ConfigDict()
  config.variant = 'common'  # name of the row in a table
  config.seed = 0  # fixes initial parameters, data order and every draw
  config.num_seeds = 1  # more train models with seeds seed, seed + 1, ...

  config.dataset = 'mnist'  # a TFDS name, 'iwildcam', or 'digits' (no download)
  config.train_share = 1.0  # of the training images, by class, trained on
  config.validation_share = 0.0  # of them held back, to select a checkpoint
  config.selection = 'last'  # checkpoint that is measured: last | best
  config.crop_padding = 0  # pixels around a training image, then cropped
  config.blur = ConfigDict()  # of training images (resolution progression)
  config.blur.sigma = 0.0  # pixels; 0: none
  config.blur.progression = 'constant'  # constant | falling | rising
  config.input_noise = ConfigDict()  # on training images, then clipped
  config.input_noise.stddev = 0.0
  config.input_noise.progression = 'constant'  # constant | falling | rising

  config.noise = ConfigDict()  # noise injection (NoiseOut)
  config.noise.rate = 0.0  # share of hidden states replaced
  config.noise.strategy = 'noise_injection'  # a name in layers.STRATEGIES
  config.noise.progression = 'constant'  # constant | falling | rising

  config.gate = ConfigDict()  # gates on the same states (NoiseOut)
  config.gate.kind = 'none'  # none | elementwise | dense | static
  config.gate.maximum = 1.0  # what an open gate multiplies by

  config.fig = ConfigDict()  # the FIG loss on the gates (NoiseOut)
  config.fig.weight = 0.0  # lambda
  config.fig.progression = 'constant'  # constant | falling | rising
  config.fig.score = 'probability'  # probability | log_probability | logit
  config.fig.through_gate = False  # whether FIG begins below the gate
  config.fig.num_steps = 50  # of the integral
  config.fig.rule = 'right'  # a name in robustjax.attribution.RULES
  config.fig.reduction = 'mean'  # over states: mean | sum
  config.fig.hidden = 'injected'  # states FIG explains: injected | clean

  config.penultimate_noise = ConfigDict()  # on what the last dense layer reads
  config.penultimate_noise.stddev = 0.0
  config.penultimate_noise.progression = 'constant'  # | falling | rising

  config.snr_noise = ConfigDict()  # on every layer (noise progression)
  config.snr_noise.variance_ratio = 0.0  # of the noise to the layer's output
  config.snr_noise.progression = 'constant'  # constant | falling | rising
  config.snr_noise.per = 'layer'  # what shares a variance: layer|channel|unit
  config.snr_noise.skip = ''  # names of layers without, commas between

  config.noisy_dropout = ConfigDict()  # where the model drops
  config.noisy_dropout.rate = 0.0  # share of states dropped
  config.noisy_dropout.stddev = 0.0  # of the noise in their place
  config.noisy_dropout.progression = 'constant'  # constant | falling | rising
  config.noisy_dropout.where = 'dropped'  # states with noise: dropped | all
  config.noisy_dropout.rescale = False  # whether the kept are divided by 1-rate
  config.noisy_dropout.relative = False  # stddev in the batch's own deviations
  config.noisy_dropout.correlation = 0.0  # of the noise in space, pixels

  config.progression = ConfigDict()  # of all that is falling or rising
  config.progression.shape = 'two_phase'  # two_phase | linear | cosine
  config.progression.first_phase = 0.5  # share of the training
  config.progression.second_phase = 0.5  # share of the training

  config.loss = 'softmax'  # softmax | sigmoid: binary, class by class
  config.batch_size = 64  # over all devices; an epoch's last batch is smaller
  config.num_epochs = 1
  config.log_every = 50  # steps between two lines of metrics
  config.checkpoint_every = 200  # steps; each epoch's end is saved as well
  return config


def model(name: str) -> ConfigDict:
  """A model section; the options of the model come beside."""
  section = ConfigDict()
  section.name = name  # a name in robustjax.models.MODELS
  section.dtype = 'float32'  # of the computation: float32 | bfloat16
  section.mean = 0.0  # subtracted from images, or one number per channel
  section.deviation = 1.0  # that they are then divided by
  return section


def _optimizer(name: str, learning_rate: float) -> ConfigDict:
  section = ConfigDict()
  section.name = name  # adadelta | sgd | adam
  section.learning_rate = learning_rate  # of the first step
  section.schedule = 'constant'  # constant | per_epoch | two_phase
  section.decay = 1.0  # factor after each epoch, or in the second phase
  return section


def adadelta(learning_rate: float) -> ConfigDict:
  """Adadelta (Zeiler, 2012)."""
  section = _optimizer('adadelta', learning_rate)
  section.rho = 0.9  # decay of the running averages
  section.epsilon = 1e-6  # under both square roots
  return section


def sgd(learning_rate: float) -> ConfigDict:
  """Stochastic gradient descent with momentum."""
  section = _optimizer('sgd', learning_rate)
  section.momentum = 0.9
  return section


def adam(learning_rate: float) -> ConfigDict:
  """Adam (Kingma and Ba, 2015)."""
  section = _optimizer('adam', learning_rate)
  section.beta1 = 0.9  # decay of the running mean
  section.beta2 = 0.999  # decay of the running mean square
  section.epsilon = 1e-8  # beside the root
  return section
