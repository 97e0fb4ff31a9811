"""Plausible bugs of the core, written down before any was run.

Each is one change of one file that a tired programmer might make. `run.py`
makes it in a copy of the checkout and runs the tests beside it, which must
fail.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
  """A bug.

  Attributes:
    what: the mistake, in words.
    file: below robustjax/.
    old: what stands there, once.
    new: what the mistake makes of it.
    tests: what is run, below tests/; the file's own tests by default.
  """

  what: str
  file: str
  old: str
  new: str
  tests: tuple[str, ...] = ()


MUTANTS: tuple[Mutant, ...] = (
  # The root.
  Mutant(
    'keys by the place in the batch, not by the index of the example',
    'random_keys.py',
    'fold_in(key, i))(index)',
    'fold_in(key, i))(jnp.arange(len(index)))',
    ('test_random_keys.py', 'corruptions/test_draws.py'),
  ),
  Mutant(
    'the open end of a range is accepted',
    'errors.py',
    'if not is_within or (open_low and number == low):',
    'if not is_within:',
  ),
  Mutant(
    'what could not be written whole is left lying about',
    'files.py',
    'beside.unlink(missing_ok=True)',
    'pass',
  ),
  # Layers.
  Mutant(
    'no gradient through the gates',
    'layers/gating.py',
    'gates = self.maximum * jax.nn.sigmoid(logits)',
    'gates = jax.lax.stop_gradient(self.maximum * jax.nn.sigmoid(logits))',
  ),
  Mutant(
    'the same states of every sample are replaced',
    'layers/noise_injection.py',
    'selected = uniform < rate',
    'selected = jnp.broadcast_to(uniform[:1] < rate, uniform.shape)',
  ),
  Mutant(
    'the ratio of variances taken for one of deviations',
    'layers/neural_noise.py',
    'jnp.sqrt(jnp.asarray(variance_ratio, states.dtype)) * signal',
    'jnp.asarray(variance_ratio, states.dtype) * signal',
  ),
  Mutant(
    'noise on the states that are kept',
    'layers/noisy_dropout.py',
    'noisy = jnp.where(kept, states, noise)',
    'noisy = jnp.where(kept, states + noise, noise)',
  ),
  # Attribution.
  Mutant(
    "the first chunk's weights for all chunks",
    'attribution/integrated_gradients.py',
    'share = jnp.asarray(weights[chunk], dtype)',
    'share = jnp.asarray(weights[: len(nodes[chunk])], dtype)',
  ),
  Mutant(
    'only one end of the trapezoid counts half',
    'attribution/quadrature.py',
    'weights[[0, -1]] /= 2',
    'weights[0] /= 2',
  ),
  Mutant(
    'Grad-CAM with the sum of gradients of all classes',
    'attribution/grad_cam.py',
    'return jnp.take_along_axis(scores, target[:, None], axis=1).sum()',
    'return scores.sum()',
  ),
  # Corruptions.
  Mutant(
    'the index of the images is ignored',
    'corruptions/draws.py',
    '  if index is None:\n    index = jnp.arange(len(images))',
    '  index = jnp.arange(len(images))',
    ('corruptions/test_draws.py', 'corruptions/test_catalog.py'),
  ),
  Mutant(
    'fog as bright as the brightest image of the batch',
    'corruptions/weather.py',
    'brightest = images.max(axis=(1, 2, 3), keepdims=True)',
    'brightest = images.max(keepdims=True)',
  ),
  Mutant(
    "the terms of Poisson's distribution one place off",
    'corruptions/pixel_noise.py',
    'probability *= rate / number',
    'probability *= rate / (number + 1)',
  ),
  Mutant(
    'motion blur to one side only',
    'corruptions/blur.py',
    'minval=-45.0, maxval=45.0',
    'minval=0.0, maxval=45.0',
  ),
  # Attacks.
  Mutant(
    'FGSM walks down the loss',
    'attacks.py',
    'images + epsilon * jnp.sign(gradient)',
    'images - epsilon * jnp.sign(gradient)',
  ),
  Mutant(
    'PGD leaves the box',
    'attacks.py',
    'step_size * jnp.sign(gradient), low, high)',
    'step_size * jnp.sign(gradient), 0.0, 1.0)',
  ),
  Mutant(
    'one draw of the noise in place of their mean',
    'attacks.py',
    'each.mean(axis=0)',
    'each[0]',
  ),
  # Augmentation.
  Mutant(
    'Jensen-Shannon over the batch, not the views',
    'augmentation/augmix.py',
    'mixture = jnp.mean(shares, axis=1, keepdims=True)',
    'mixture = jnp.mean(shares, axis=0, keepdims=True)',
  ),
  Mutant(
    'adversarial noise measured to the wrong bound',
    'augmentation/adversarial_noise.py',
    'reach = jnp.where(direction > 0, 1 - image, image)',
    'reach = jnp.where(direction > 0, image, 1 - image)',
  ),
  Mutant(
    'the last place of a crop is never drawn',
    'augmentation/cropping.py',
    '(2,), 0, 2 * padding + 1)',
    '(2,), 0, 2 * padding)',
  ),
  # Images.
  Mutant(
    'a blur whose columns, not rows, sum to one',
    'images/filters.py',
    'return matrix / matrix.sum(axis=1, keepdims=True)',
    'return matrix / matrix.sum(axis=0, keepdims=True)',
  ),
  Mutant(
    'convolution in place of correlation',
    'images/filters.py',
    'kernel = jnp.flip(kernel.astype(image.dtype))',
    'kernel = kernel.astype(image.dtype)',
  ),
  Mutant(
    'a mirror one pixel too wide',
    'images/warps.py',
    'period = max(2 * size - 2, 1)',
    'period = max(2 * size - 1, 1)',
  ),
  # Models.
  Mutant(
    'momentum of the running averages the wrong way round',
    'models/batch_norm.py',
    'MOMENTUM * average.value + (1 - MOMENTUM) * moment',
    '(1 - MOMENTUM) * average.value + MOMENTUM * moment',
  ),
  Mutant(
    'hidden states flattened channels last',
    'models/mnist_cnn.py',
    'hidden = classifier.channels_first(maps)',
    'hidden = maps.reshape(len(maps), -1)',
  ),
  Mutant(
    'fan-in of a convolution without the area of its kernel',
    'models/fan_in_layers.py',
    'fan_in = math.prod(self.kernel_size) * x.shape[-1]',
    'fan_in = x.shape[-1]',
  ),
  # Data.
  Mutant(
    'the last, smaller batch is dropped',
    'data/pipeline.py',
    'return -(-num_examples // batch_size)',
    'return num_examples // batch_size',
  ),
  Mutant(
    'every epoch in the same order',
    'data/pipeline.py',
    "key = random_keys.stream_key(root, epoch, 'order')",
    "key = random_keys.stream_key(root, 0, 'order')",
  ),
  Mutant(
    'a split that does not depend on the seed',
    'data/splits.py',
    'np.random.default_rng((seed, label))',
    'np.random.default_rng((0, label))',
  ),
  # Evaluation.
  Mutant(
    'every batch is corrupted like the first',
    'evaluation/metrics.py',
    'start + jnp.arange(len(batch))',
    'jnp.arange(len(batch))',
  ),
  Mutant(
    'the deviation of a population for that of a sample',
    'evaluation/statistics.py',
    'values.std(ddof=1)',
    'values.std(ddof=0)',
  ),
  Mutant(
    'relative corruption error with one clean error for five severities',
    'evaluation/scores.py',
    '((sum_ - count * clean) / added)',
    '((sum_ - clean) / added)',
  ),
  # Training.
  Mutant(
    'views of an image taught by the labels of others',
    'training/losses.py',
    'of_views = jnp.repeat(labels, num_views)',
    'of_views = jnp.tile(labels, num_views)',
  ),
  Mutant(
    'statistics of batches never updated by the step',
    'training/steps.py',
    'state.step + 1, params, opt_state, found.statistics, adversary',
    'state.step + 1, params, opt_state, state.statistics, adversary',
  ),
  Mutant(
    'one key for noise and dropout',
    'training/steps.py',
    "rngs={stream: keys[stream] for stream in ('dropout', 'noise')}",
    "rngs={stream: keys['noise'] for stream in ('dropout', 'noise')}",
  ),
  Mutant(
    'the learning rate falls one step early',
    'training/optimizer.py',
    'return step // (decay_epochs * timing.steps_per_epoch)',
    'return (step + 1) // (decay_epochs * timing.steps_per_epoch)',
  ),
  Mutant(
    'checkpoints are read without their checksums',
    'training/checkpointing.py',
    '_first_difference(stored, manifest, checksums=True)',
    '_first_difference(stored, manifest, checksums=False)',
  ),
  # Papers.
  Mutant(
    'a difference inside its interval counts',
    'papers/claims.py',
    'if low < least and most < high:',
    'if low < summary.mean < high:',
  ),
  Mutant(
    'runs of different seeds are paired',
    'papers/claims.py',
    'sum(weight * found[place][seed] for place, weight in less.items())',
    'sum(weight * found[place][min(found[place])]'
    ' for place, weight in less.items())',
  ),
  Mutant(
    'an attack of any strength is read as the one asked for',
    'papers/measures.py',
    'if (row.corruption, row.amount) == (corruption, amount)',
    'if row.corruption == corruption',
  ),
)
