import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from robustjax import errors
from robustjax.layers import interception

X = jnp.arange(12.0).reshape(3, 4)
PARAMS = jax.random.key(0)


def _found(model, *args, skip=(), **options):
  """Names of the layers, and what the model gives with 100 added to each."""
  variables = model.init({'params': PARAMS}, X, *args)
  interceptor = interception.LayerChange(lambda _, x: x + 100, skip)
  with nn.intercept_methods(interceptor):
    output = model.apply(variables, X, *args, **options)
  interceptor.check(variables)
  plain = model.apply(variables, X, *args, **options)
  return interceptor.found, jax.tree.map(jnp.subtract, output, plain)


class _Scale(nn.Module):
  """A layer of the user's own."""

  @nn.compact
  def __call__(self, x):
    return x * self.param('scale', nn.initializers.ones, (1, x.shape[-1]))


class _ScaledNorm(nn.Module):
  """A normalisation of the user's own: one number per state."""

  @nn.compact
  def __call__(self, x):
    scale = self.param('scale', nn.initializers.ones, (x.shape[-1],))
    return x / jnp.abs(x).max() * scale[None]


class _FrozenOne(_ScaledNorm):
  """Known by the class it is of."""


class _NormalizedDense(nn.Module):
  """A layer, for all its name."""

  @nn.compact
  def __call__(self, x):
    kernel = self.param('kernel', nn.initializers.ones, (x.shape[-1], 2))
    return x @ (kernel / jnp.linalg.norm(kernel))


@pytest.mark.parametrize(
  'layer',
  [
    nn.Dense(2),
    nn.DenseGeneral(2),
    nn.ConvTranspose(2, (3,)),
    _Scale(),
    _NormalizedDense(),
    nn.remat(nn.Dense)(2),
  ],
)
def test_what_owns_parameters_is_a_layer(layer):
  names, added = _found(layer)
  assert names == ['']
  # Rounding of values of order 100.
  np.testing.assert_allclose(added, 100.0, rtol=1e-5)


@pytest.mark.parametrize(
  'module',
  [
    nn.BatchNorm(use_running_average=True),
    nn.LayerNorm(),
    nn.LayerNorm(feature_axes=(0, 1), reduction_axes=(0, 1)),
    nn.GroupNorm(2),
    nn.RMSNorm(),
    nn.InstanceNorm(),
    nn.remat(nn.LayerNorm)(),
    _ScaledNorm(),
    _FrozenOne(),
    nn.Dropout(0.5, deterministic=True),
  ],
)
def test_normalisations_and_what_has_no_parameters_are_none(module):
  if isinstance(module, nn.InstanceNorm):
    model = nn.Sequential([lambda x: x[:, None], module])
  else:
    model = module
  with pytest.raises(errors.InputError, match='model: expected .*, got none'):
    _found(model)


class _Subclass(nn.Dense):
  def __call__(self, x):
    return nn.relu(super().__call__(x))


class _Around(nn.Module):
  """Shares the scope of the layer within."""

  @nn.compact
  def __call__(self, x):
    layer = nn.Dense(2)
    nn.share_scope(self, layer)
    return layer(x)


class _Beside(nn.Module):
  """Has a parameter beside a layer's."""

  @nn.compact
  def __call__(self, x):
    gain = self.param('gain', nn.initializers.ones, (1, 1))
    return nn.Dense(2)(x) * gain


@pytest.mark.parametrize(
  ('model', 'names'),
  [
    (_Around(), ['']),
    (nn.Sequential([_Around()]), ['layers_0']),
    (_Beside(), ['Dense_0']),
    (nn.Sequential([nn.WeightNorm(nn.Dense(2))]), None),
    (nn.Sequential([nn.Dense(2), nn.LayerNorm()]), ['layers_0']),
  ],
)
def test_a_module_around_a_layer_is_left_to_the_layer(model, names):
  found, added = _found(model)
  assert len(found) == 1
  assert names in (None, found)
  if not isinstance(getattr(model, 'layers', [None])[-1], nn.LayerNorm):
    np.testing.assert_allclose(added, 100.0, rtol=1e-5)


def test_a_subclass_is_changed_before_its_nonlinearity():
  model = _Subclass(2, kernel_init=nn.initializers.constant(-1.0))
  variables = model.init(PARAMS, X)
  with nn.intercept_methods(interception.LayerChange(lambda _, x: x - x + 5)):
    np.testing.assert_array_equal(model.apply(variables, X), 5.0)
  with nn.intercept_methods(interception.LayerChange(lambda _, x: x - 1e4)):
    np.testing.assert_array_equal(model.apply(variables, X), 0.0)


class _Twice(nn.Module):
  @nn.compact
  def __call__(self, x):
    layer = nn.Dense(4, name='shared')
    return layer(layer(x))


def test_a_layer_called_twice_is_changed_twice():
  assert _found(_Twice())[0] == ['shared', 'shared']


class _Tied(nn.Module):
  @nn.compact
  def __call__(self, x):
    embed = nn.Embed(4, 3)
    return embed.attend(x[:, :3]), embed(jnp.zeros(2, jnp.int32))


def test_other_methods_of_a_layer_are_left():
  names, (attended, embedded) = _found(_Tied())
  assert names == ['Embed_0']
  np.testing.assert_array_equal(attended, 0.0)
  np.testing.assert_allclose(embedded, 100.0, rtol=1e-5)


class _Several(nn.Module):
  """Gives an array, counts, and nothing."""

  @nn.compact
  def __call__(self, x):
    kernel = self.param('kernel', nn.initializers.ones, (4, 2))
    return x @ kernel, jnp.int32(3), None


def test_of_what_a_layer_gives_only_floats_change():
  model = _Several()
  variables = model.init(PARAMS, X)
  with nn.intercept_methods(interception.LayerChange(lambda _, x: x + 100)):
    values, count, nothing = model.apply(variables, X)
  assert np.all(values >= 100)
  assert count == 3
  assert nothing is None


class _Cell(nn.Module):
  @nn.compact
  def __call__(self, x, _):
    return nn.Dense(4, name='inner')(x), None


class _Scanned(nn.Module):
  @nn.compact
  def __call__(self, x):
    split = {'params': True}
    cell = nn.scan(
      _Cell, variable_axes={'params': 0}, split_rngs=split, length=2
    )
    return cell(name='cell')(x, None)[0]


def test_lifted_layers_are_reached():
  assert set(_found(_Scanned())[0]) == {'cell/inner'}


def test_names_to_skip_are_those_of_layers():
  class Net(nn.Module):
    def setup(self):
      self.one, self.two = nn.Dense(2), nn.Dense(2)
      self.norm = nn.LayerNorm()

    def __call__(self, x):
      return self.norm(self.one(x)) + self.two(x)

    def first(self, x):
      return self.one(x)

  assert _found(Net(), skip=['one', 'two'])[0] == ['one', 'two']
  np.testing.assert_array_equal(_found(Net(), skip=['one', 'two'])[1], 0.0)
  # One that this call does not use.
  names, added = _found(Net(), skip=['two'], method='first')
  assert names == ['one']
  np.testing.assert_allclose(added, 100.0, rtol=1e-5)
  for wrong in ('three', 'norm', 'one/kernel', '', 'one/'):
    with pytest.raises(errors.InputError, match='skip: .* one . two, got'):
      _found(Net(), skip=[wrong])
  assert _found(nn.Dense(2), skip=[''])[0] == ['']


class _Jitted(nn.Module):
  @nn.jit
  @nn.compact
  def __call__(self, x):
    return nn.Dense(2)(x)


def test_a_cached_trace_that_hides_every_layer_is_an_error():
  model = _Jitted()
  variables = model.init(PARAMS, X)
  model.apply(variables, X)

  def apply():
    return interception.apply_changed(
      model, lambda _, x: x + 100, (), variables, X
    )

  with pytest.raises(errors.InputError, match=r'under nn\.jit .* got none'):
    apply()


class _Trains(nn.Module):
  """Trains on demand."""

  @nn.compact
  def __call__(self, x, train: bool = False):
    return nn.Dense(2)(x) + train

  def untold(self, x):
    return self(x)


class _MustBeTold(nn.Module):
  def __call__(self, x, *, train):
    return x + train

  def encode(self, x):
    return x


class _TakesAll(nn.Module):
  def __call__(self, x, **options):
    return x + options['train']


def test_training_is_read_off_the_arguments():
  def is_training(model, *args, method=None, **options):
    return interception.is_training(model, method, (X, *args), options)

  # By name, by place, by default.
  for method in (None, '__call__', _Trains.__call__, _Trains().__call__):
    assert is_training(_Trains(), train=True, method=method)
    assert is_training(_Trains(), True, method=method)
    assert not is_training(_Trains(), False, method=method)
    assert not is_training(_Trains(), method=method)
  # A method that is not told goes by the model's default.
  assert not is_training(_Trains(), method='untold')
  assert is_training(_Trains(), method='untold', train=True)
  # Where there is none, it is.
  assert is_training(_MustBeTold(), method='encode')
  assert is_training(nn.Dense(2))
  assert not is_training(nn.Dense(2), train=False)
  assert not is_training(_TakesAll(), train=False)
  # A sequence goes by its first module, which gets all arguments.
  assert not is_training(nn.Sequential([_Trains(), nn.relu]))
  assert is_training(nn.Sequential([nn.relu, _Trains()]))
  for wrong in (None, 1, 'yes', jnp.array(True)):
    with pytest.raises(errors.InputError, match='train: expected True . False'):
      is_training(_Trains(), train=wrong)


def test_a_method_gets_train_if_it_takes_it():
  def options(model, method=None):
    return interception.for_model(model, method, {'train': True, 'other': 1})

  for taker in (_Trains(), _TakesAll(), nn.Sequential([_Trains()])):
    assert options(taker) == {'train': True, 'other': 1}
  for other in (nn.Dense(2), nn.Sequential([nn.Dense(2), _Trains()])):
    assert options(other) == {'other': 1}
  assert options(_Trains(), 'untold') == {'other': 1}
  assert options(_Trains(), _Trains.untold) == {'other': 1}
