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

  # a TFDS name, 'iwildcam', or 'digits' (no download; 'digits/14': 14 x 14)
  config.dataset = 'mnist'
  config.train_share = 1.0  # of the training images, by class, trained on
  config.validation_share = 0.0  # of them held back, to select a checkpoint
  config.selection = 'last'  # checkpoint that is measured: last | best
  config.input = ConfigDict()  # photographs of many sizes: imagenet2012
  config.input.side = 224  # height and width of what is cut out of them
  config.input.skip_damaged = False  # whether such are left out, and named

  config.crop_padding = 0  # pixels around a training image, then cropped
  config.flip = False  # whether training images are mirrored at random
  config.blur = ConfigDict()  # of training images (resolution progression)
  config.blur.sigma = 0.0  # pixels; 0: none
  config.blur.progression = 'constant'  # constant | falling | rising
  config.input_noise = ConfigDict()  # on training images, then clipped
  config.input_noise.stddev = 0.0
  config.input_noise.progression = 'constant'  # constant | falling | rising

  config.deep_augment = ConfigDict()  # images through a disturbed network
  config.deep_augment.kind = 'none'  # none | noise2net | autoencoder
  config.deep_augment.share = 0.5  # of the images of a batch
  config.deep_augment.autoencoder = ''  # file of launch/train_autoencoder.py

  config.ant = ConfigDict()  # adversarial noise training
  config.ant.epsilon = 0.0  # length of the noise at 224 x 224 x 3; 0: none
  config.ant.kernel_size = 1  # of the generator's second layer: 1 | 3
  config.ant.clean_share = 0.5  # of a batch; earlier generators get the rest
  config.ant.current_share = 0.3  # of a batch, for the current generator
  config.ant.learning_rate = 1e-4  # of the generator, one step per batch
  config.ant.warmup_steps = 1001  # of a fresh generator before each epoch
  config.ant.warmup_learning_rate = 5e-4

  config.augmix = ConfigDict()  # mixtures of chains of operations
  config.augmix.severity = 0.0  # 0: none; 1 for ImageNet, 3 for CIFAR
  config.augmix.width = 3  # number of chains
  config.augmix.depth = 0  # operations of a chain; 0: drawn from 1, 2, 3
  config.augmix.alpha = 1.0  # of the Dirichlet and the Beta distribution
  config.augmix.jsd_weight = 12.0  # of the divergence between three views

  config.noise = ConfigDict()  # noise injection (NoiseOut)
  config.noise.rate = 0.0  # share of hidden states replaced
  config.noise.strategy = 'noise_injection'  # a name in layers.STRATEGIES
  config.noise.gradient = True  # through the noise's mean and deviation
  config.noise.progression = 'constant'  # constant | falling | rising

  config.gate = ConfigDict()  # gates on the same states (NoiseOut)
  config.gate.kind = 'none'  # none | dense | elementwise | static
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
  config.snr_noise.gradient = True  # through the variance; without, diverges
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

  # What training starts from: a run's folder, or torchvision's weights as
  # .safetensors or .npz; '': parameters drawn by the seed.
  config.initial_weights = ''
  config.loss = 'softmax'  # softmax | sigmoid: binary, class by class
  config.batch_size = 64  # over all devices; an epoch's last batch is smaller
  config.num_epochs = 1
  config.mesh = ConfigDict()  # how a run lies on its devices
  config.mesh.data = 0  # devices with parameters of their own; 0: all others
  config.mesh.parameters = 1  # devices that share one set of them (FSDP)
  config.mesh.seeds = 0  # devices for models by seed; 0: one each, on CPU none
  # (pattern of a path, axes): axes 'largest', or data | parameters | None for
  # each dimension; see robustjax.training.Rule
  config.mesh.rules = (('.*', 'largest'),)
  config.log_every = 50  # steps between two lines of metrics
  config.checkpoint_every = 200  # steps; each epoch's end is saved as well
  return config


def model(name: str, *, mean=0.0, deviation=1.0) -> ConfigDict:
  """A model section; the options of the model come beside."""
  section = ConfigDict()
  section.name = name  # a name in robustjax.models.MODELS
  section.dtype = 'float32'  # of the computation: float32 | bfloat16
  section.mean = mean  # subtracted from images, or one number per channel
  section.deviation = deviation  # that they are then divided by
  return section


def _optimizer(name: str, learning_rate: float) -> ConfigDict:
  section = ConfigDict()
  section.name = name  # adadelta | sgd | adam
  section.learning_rate = learning_rate  # of the first step
  section.reference_batch = 0  # the rate is for this batch size; 0: for any
  # constant | per_epoch | thirds | two_phase | cosine
  section.schedule = 'constant'
  section.decay = 1.0  # factor after epochs or thirds, or in the second phase
  section.decay_epochs = 1  # number of epochs after which it is applied
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
  section.nesterov = False
  section.weight_decay = 0.0  # times the parameter, added to its gradient
  return section


def adam(learning_rate: float) -> ConfigDict:
  """Adam (Kingma and Ba, 2015)."""
  section = _optimizer('adam', learning_rate)
  section.beta1 = 0.9  # decay of the running mean
  section.beta2 = 0.999  # decay of the running mean square
  section.epsilon = 1e-8  # beside the root
  return section
