"""Changing what the layers of any linen model give, without touching its code.

`flax.linen.intercept_methods` sees every call of every module. Of these, layers
are picked out here, each once, and whether a call of the model is one of
training is read off its arguments.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import inspect
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import errors

# Of hidden states. Flax's other two, of weights, are around a layer.
_NORMALIZATIONS = (
  nn.BatchNorm,
  nn.GroupNorm,
  nn.InstanceNorm,
  nn.LayerNorm,
  nn.RMSNorm,
)
Change = Callable[[nn.Module, array_types.Array], array_types.Array]


def _own_parameters(parameters: Any) -> list[array_types.Array]:
  """Those of a module itself, of a tree that holds its submodules' as well."""
  if not isinstance(parameters, Mapping):
    return []
  own = [one for one in parameters.values() if not isinstance(one, Mapping)]
  return jax.tree.leaves(own)


def _is_vector(parameter: array_types.Array) -> bool:
  return sum(size > 1 for size in parameter.shape) <= 1


def _is_normalization(module: nn.Module, own: list[array_types.Array]) -> bool:
  """Whether it is one of Flax, or is called so and has one number per state.

  A name alone would take a convolution with normalised weights for one.
  """
  if isinstance(module, _NORMALIZATIONS):
    return True
  names = [parent.__name__.lower() for parent in type(module).__mro__]
  return any('norm' in name for name in names) and all(map(_is_vector, own))


class LayerChange:
  """An interceptor that changes what every layer gives.

  A layer is a module that itself owns parameters, is no normalisation, and has
  no layer within: one around another, be it that it shares its scope, wraps its
  weights, or is its subclass, is left to that. Normalisations are Flax's, and
  what has 'norm' in the name of its class and but one number per state. Only
  `__call__` counts, and of what it returns only arrays of floats.

  Attributes:
    found: names of the layers called so far, skipped or not. A name is the path
      of the module, such as 'block1/conv'; that of the model itself is ''.
  """

  def __init__(self, change: Change, skip: Iterable[str] = ()):
    """Makes an interceptor for one call of a model.

    Args:
      change: (module, output) -> output, on each array of floats a layer gives.
      skip: names of layers left as they are.
    """
    self._change = change
    self._skip = tuple(skip)
    self._normalizations = []
    self.found = []

  def __call__(self, next_function, args, kwargs, context):
    """What `flax.linen.intercept_methods` takes."""
    count = len(self.found)
    output = next_function(*args, **kwargs)
    if context.method_name != '__call__' or len(self.found) > count:
      return output
    module = context.module
    own = _own_parameters(module.variables.get('params'))
    if not own:
      return output
    name = '/'.join(module.path)
    if _is_normalization(module, own):
      self._normalizations.append(name)
      return output
    self.found.append(name)
    return output if name in self._skip else self._changed(module, output)

  def _changed(self, module, output):
    def change(leaf):
      is_float = jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
      return self._change(module, leaf) if is_float else leaf

    return jax.tree.map(change, output)

  def check(self, variables: Mapping[str, Any]) -> None:
    """Raises errors.InputError if a call has found nothing it should have.

    Args:
      variables: of the model. A layer this call did not use may be skipped.
    """
    if not self.found:
      expected = (
        'a model with layers that flax.linen.intercept_methods reaches'
        ' (under nn.jit it may not)'
      )
      raise errors.InputError('model', expected, 'none')
    for name in self._skip:
      if name not in self.found and not self._is_unused(name, variables):
        names = ' | '.join(dict.fromkeys(self.found))
        raise errors.InputError('skip', f'names of layers: {names}', repr(name))

  def _is_unused(self, name, variables):
    parameters = variables.get('params', {})
    for part in name.split('/'):
      parameters = isinstance(parameters, Mapping) and parameters.get(part)
    is_normalization = name in self._normalizations
    return bool(_own_parameters(parameters)) and not is_normalization


def _target(model: nn.Module, method: Any) -> tuple[Any, bool]:
  """What `model.apply` calls, and whether the module is its first argument."""
  if callable(method):
    return method, not inspect.ismethod(method)
  if method in (None, '__call__') and isinstance(model, nn.Sequential):
    # It takes anything, and hands it to its first layer.
    first = model.layers[0]
    is_module = isinstance(first, nn.Module)
    return _target(first, None) if is_module else (first, False)
  return getattr(model, method or '__call__'), False


def for_model(
  model: nn.Module, method: Any, options: Mapping[str, Any]
) -> dict[str, Any]:
  """The keyword arguments without `train`, if the method does not take it."""
  taken = inspect.signature(_target(model, method)[0]).parameters
  kinds = [parameter.kind for parameter in taken.values()]
  if 'train' in taken or inspect.Parameter.VAR_KEYWORD in kinds:
    return dict(options)
  return {name: one for name, one in options.items() if name != 'train'}


def is_training(
  model: nn.Module, method: Any, args: tuple, options: Mapping[str, Any]
) -> bool:
  """Whether a call of a model, with the arguments of `apply`, is training.

  It is what the method gets as `train`, by name, by place or by default. For a
  method without such an argument it is `train` in the options; failing that,
  the default of the model's `__call__`; failing that, True.

  Args:
    model: a linen module.
    method: as `model.apply` takes it.
    args: positional arguments.
    options: keyword arguments.

  Returns:
    Whether it is.

  Raises:
    errors.InputError: if that is no bool that is known while tracing.
  """
  target, is_unbound = _target(model, method)
  signature = inspect.signature(target)
  if 'train' in signature.parameters:
    self = (model,) * is_unbound
    bound = signature.bind_partial(*self, *args, **options)
    bound.apply_defaults()
    train = bound.arguments.get('train', True)
  else:
    train = options.get('train', _default_train(model))
  if not isinstance(train, (bool, np.bool_)):
    raise errors.InputError('train', 'True | False', repr(train))
  return bool(train)


def _default_train(model: nn.Module) -> Any:
  parameters = inspect.signature(_target(model, None)[0]).parameters
  if 'train' not in parameters:
    return True
  default = parameters['train'].default
  return True if default is inspect.Parameter.empty else default


def apply_changed(
  model: nn.Module,
  change: Change,
  skip: Iterable[str],
  variables: Mapping[str, Any],
  *args,
  method: Any = None,
  rngs: Any = None,
  mutable: Any = False,
  capture_intermediates: Any = False,
  **options,
) -> Any:
  """`model.apply`, with what its layers give changed while training.

  Args:
    model: a linen module.
    change: as for `LayerChange`.
    skip: as for `LayerChange`.
    variables: of the model.
    *args: of the method.
    method: as for `model.apply`.
    rngs: as for `model.apply`.
    mutable: as for `model.apply`.
    capture_intermediates: as for `model.apply`; captures what was changed.
    **options: keyword arguments of the method, and `train`.

  Returns:
    What `model.apply` does.

  Raises:
    errors.InputError: as `is_training`, and while training as
      `LayerChange.check`.
  """
  train = is_training(model, method, args, options)
  options = for_model(model, method, options)
  options.update(rngs=rngs, mutable=mutable)
  options.update(capture_intermediates=capture_intermediates)
  if not train:
    return model.apply(variables, *args, method=method, **options)
  interceptor = LayerChange(change, skip)
  with nn.intercept_methods(interceptor):
    result = model.apply(variables, *args, method=method, **options)
  interceptor.check(variables)
  return result
