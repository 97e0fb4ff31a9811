"""NoiseOut in a model of another library, given as two functions."""

from collections.abc import Callable
import functools

from robustjax import array_types
from robustjax import errors
from robustjax import layers
from robustjax.models import classifier

_OPTIONS = ('rate', 'strategy', 'gate', 'gradient')


class WrappedClassifier(classifier.Classifier, kw_only=True):
  """Two functions as a `Classifier`; made by `with_noiseout`.

  Attributes:
    below: images to the hidden states [B, K] that `flattened` reads.
    above: hidden states [B, K] to logits [B, C].

  Its variables are those of `flattened` alone, and its images are what `below`
  takes: `num_classes`, `mean`, `deviation` and `penultimate` have no effect.
  There are no `feature_maps`.
  """

  below: Callable[[array_types.Array], array_types.Array]
  above: Callable[[array_types.Array], array_types.Array]

  def features(
    self, images: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Images to the hidden states [B, K] before `flattened`."""
    del train  # The function is the user's, and so is how it trains.
    hidden = self.below(images)
    errors.check_floats('features', hidden, '[B, K]')
    return hidden

  def classify_affine(self, hidden: array_types.Array) -> array_types.Array:
    """The identity: no affine layer is known."""
    return hidden

  def classify_rest(
    self, affine: array_types.Array, train: bool = False
  ) -> array_types.Array:
    """Hidden states [B, K] after `flattened` to logits [B, C]."""
    del train
    logits = self.above(affine)
    errors.check_floats('classify', logits, '[B, C]')
    return logits


def with_noiseout(
  features: Callable[[array_types.Array], array_types.Array],
  classify: Callable[[array_types.Array], array_types.Array],
  **options,
) -> WrappedClassifier:
  """Any model with NoiseOut on one of its hidden states.

  logits = classify(h'),  h' = z . Omega,  z = features(images), noisy in
  training.

  The model is cut in two functions, of whatever library. What comes back is a
  classifier as all others here, whose variables hold the gate alone:

      variables = network.init(key, images)
      network.apply(variables, images)                          # logits [B, C]
      network.apply(variables, images, train=True, rngs={'noise': key})
      network.apply(variables, images, method='forward')        # a `Forward`

  The parameters of the two functions stay where they are. To train them along
  with the gate, cut the model within the loss, where its parameters are being
  differentiated; a classifier costs nothing to make. So is what the functions
  do in training only, such as dropout, in the hands of who makes them. The FIG
  loss works as for any classifier here, its steps each a pass of `classify`.

  Args:
    features: images to hidden states, float [B, K]; K must not change.
    classify: hidden states [B, K] to logits [B, C].
    **options: `rate`, `strategy`, `gate` and `gradient` of `layers.NoiseOut`.

  Returns:
    A linen module, images to logits.

  Raises:
    errors.InputError: on what is no function, on another option or a value out
      of its range; when applied, if the hidden states are not [B, K].

  Example:
    >>> import jax, jax.numpy as jnp
    >>> def network(weights):
    ...   return with_noiseout(
    ...     lambda images: jnp.tanh(images.reshape(-1, 4) @ weights['first']),
    ...     lambda hidden: hidden @ weights['last'],
    ...     rate=0.2,
    ...   )
    >>> weights = {'first': jnp.ones([4, 5]), 'last': jnp.ones([5, 3])}
    >>> key, images = jax.random.key(0), jnp.ones([8, 2, 2, 1])
    >>> gate = network(weights).init(key, images)
    >>> network(weights).apply(gate, images).shape
    (8, 3)
    >>> def loss(weights, gate):
    ...   rngs = {'noise': key}
    ...   logits = network(weights).apply(gate, images, train=True, rngs=rngs)
    ...   return jnp.square(logits).mean()
    >>> gradients = jax.grad(loss, argnums=(0, 1))(weights, gate)

  References:
    NoiseOut, Figure 3 and section 3.2.
  """
  for name, function in (('features', features), ('classify', classify)):
    errors.check_function(name, function)
  for option in options:
    errors.check_choice('option of NoiseOut', option, _OPTIONS)
  return WrappedClassifier(
    flattened=layers.NoiseOut(**options),
    # So that Flax does not take a linen module for a part of this one.
    below=functools.partial(features),
    above=functools.partial(classify),
  )
