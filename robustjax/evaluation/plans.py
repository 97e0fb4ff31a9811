"""Which sets a benchmark consists of, from what a user asks for."""

import os

from robustjax import attacks
from robustjax import errors
from robustjax.data import sources
from robustjax.evaluation import adversarial_sets
from robustjax.evaluation import cells
from robustjax.evaluation import checks

GENERATED = ('degradations', *attacks.ATTACKS)  # never published
BENCHMARKS = ('mnist_c', 'imagenet_c', 'cifar10_c', *GENERATED)


def make_plan(
  predict,
  source,
  benchmark,
  *,
  corruptions=None,
  severities=None,
  amounts=None,
  epsilons=None,
  attacked=None,
  attacked_name=None,
  loss=None,
  data_dir=None,
  seed=None,
  jpeg=False,
  frost_textures=None,
) -> cells.Plan:
  """The sets of a benchmark.

  Args:
    predict: the classifier; only attacks on itself need it.
    source: clean images, a folder of published ones, or None; as this and all
      others for `sweep.evaluate`.
    benchmark: a name in `BENCHMARKS`.
    corruptions: names.
    severities: levels.
    amounts: of degradations, by name.
    epsilons: largest changes by an attack.
    attacked: the classifier attacked, if it is another.
    attacked_name: what reports call it.
    loss: what an attack raises.
    data_dir: folder of prepared TFDS data sets.
    seed: of the draws.
    jpeg: whether generated images are also compressed.
    frost_textures: photographs of frost.

  Returns:
    The `cells.Plan`.

  Raises:
    errors.InputError: on arguments that are wrong, or would be ignored.
  """
  checks.choice('benchmark', benchmark, BENCHMARKS)
  _check_options(
    benchmark,
    corruptions=corruptions,
    severities=severities,
    amounts=amounts,
    epsilons=epsilons,
    attacked=attacked,
    attacked_name=attacked_name,
    loss=loss,
  )
  errors.check_flag('jpeg', jpeg)
  data = _clean_images(source)
  is_generated = benchmark in GENERATED or data is not None
  _check_generation(
    benchmark,
    is_generated,
    seed=seed,
    jpeg=jpeg or None,
    frost_textures=frost_textures,
  )
  seed = 0 if seed is None else seed
  if benchmark in attacks.ATTACKS:
    _need_images(benchmark, data, source)
    return adversarial_sets.attack(
      benchmark,
      predict,
      data,
      epsilons=epsilons,
      seed=seed,
      attacked=attacked,
      attacked_name=attacked_name,
      loss='softmax' if loss is None else loss,
    )
  if benchmark == 'degradations':
    _need_images(benchmark, data, source)
    return cells.degrade(data, names=corruptions, amounts=amounts, seed=seed)
  if data is None:
    return cells.read_published(
      benchmark,
      source,
      names=corruptions,
      severities=severities,
      data_dir=data_dir,
    )
  return cells.generate(
    benchmark,
    data,
    names=corruptions,
    severities=severities,
    seed=seed,
    jpeg=jpeg,
    frost_textures=frost_textures,
  )


def _check_options(
  benchmark,
  *,
  corruptions,
  severities,
  amounts,
  epsilons,
  attacked,
  attacked_name,
  loss,
) -> None:
  """Refuses options that would be ignored."""
  is_attack = benchmark in attacks.ATTACKS
  for field, value, has_meaning in (
    ('corruptions', corruptions, not is_attack and amounts is None),
    ('severities', severities, benchmark in ('imagenet_c', 'cifar10_c')),
    ('amounts', amounts, benchmark == 'degradations'),
    ('epsilons', epsilons, is_attack),
    ('attacked', attacked, is_attack),
    ('attacked_name', attacked_name, is_attack),
    ('loss', loss, is_attack),
  ):
    if value is not None and not has_meaning:
      is_beside = field == 'corruptions' and not is_attack
      beside = ' with amounts' if is_beside else ''
      expected = f'None for {benchmark}{beside}'
      raise errors.InputError(field, expected, checks.shown(value))


def _check_generation(
  benchmark, is_generated, *, seed, jpeg, frost_textures
) -> None:
  """Refuses what says how images are made, where that is of no use."""
  is_corrupted = is_generated and benchmark not in GENERATED
  for field, value, has_meaning in (
    ('seed', seed, is_generated and benchmark != 'fgsm'),
    ('jpeg', jpeg, is_corrupted),
    ('frost_textures', frost_textures, is_corrupted),
  ):
    if value is not None and not has_meaning:
      kind = '' if is_generated else 'published '
      unset = 'False' if field == 'jpeg' else 'None'
      got = 'photographs' if field == 'frost_textures' else checks.shown(value)
      raise errors.InputError(field, f'{unset} for {kind}{benchmark}', got)


def _clean_images(source) -> sources.DataSet | None:
  """The images to corrupt; None where published ones are to be read."""
  if source is None or isinstance(source, str | os.PathLike):
    return None
  if isinstance(source, sources.DataSet):
    checks.data('source', source)
    return source
  if not isinstance(source, tuple | list) or len(source) != 2:
    expected = 'a data set, (images, labels), a folder or None'
    raise errors.InputError('source', expected, type(source).__name__)
  return sources.from_arrays(*source)


def _need_images(benchmark, data, source) -> None:
  if data is None:
    expected = f'clean images for {benchmark}'
    raise errors.InputError('source', expected, checks.shown(source))
