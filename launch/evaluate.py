"""Measures a trained classifier on a benchmark of corrupted images.

  python launch/evaluate.py --workdir=DIR --benchmark=mnist_c
  python launch/evaluate.py --workdir=DIR --benchmark=mnist_c --source=generated
  python launch/evaluate.py --workdir=DIR --benchmark=imagenet_c --severity=1,3
  python launch/evaluate.py --workdir=DIR --benchmark=pgd --epsilon=0.1,0.3
  python launch/evaluate.py --workdir=DIR --against=OTHER_DIR
  python launch/evaluate.py --workdir=DIR --reference=PLAIN_CNN_DIR

Writes tables and figures to DIR/evaluation, and prints the table. What the
classifier says of every image is kept there too, set by set, so that the same
command goes on where it was interrupted.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import functools
import math
import pathlib
import platform
import re
from typing import Any

from absl import flags
import jax

import command_line
import robustjax
from robustjax import attacks
from robustjax import corruptions
from robustjax import errors
from robustjax import evaluation
from robustjax import files
from robustjax import training
from robustjax.evaluation import checks
from robustjax.evaluation import plans
from robustjax.evaluation import plots
from robustjax.evaluation import report
from robustjax.evaluation import statistics
from robustjax.training import run_files

_WORKDIR = flags.DEFINE_string(
  'workdir', None, 'Folder launch/train.py wrote to.', required=True
)
_BENCHMARK = flags.DEFINE_enum(
  'benchmark',
  'mnist_c',
  evaluation.BENCHMARKS,
  'mnist_c: 16 sets. imagenet_c, cifar10_c: 15 corruptions at 5 severities.'
  ' degradations: noise and blur of rising strength. fgsm, pgd: adversarial'
  ' images.',
)
_SOURCE = flags.DEFINE_enum(
  'source',
  None,
  ('published', 'generated'),
  'published: the corrupted images as they were published; by default for'
  ' mnist_c and cifar10_c. generated: made from the test images of the data set'
  ' the run was trained on; by default for imagenet_c, and always for the'
  ' others.',
)
_PUBLISHED_DIR = flags.DEFINE_string(
  'published_dir',
  None,
  'Folder with the files the authors published: MNIST-C and CIFAR-10-C as .npy,'
  ' ImageNet-C as folders of images; by default they are read from --data_dir.',
)
_CORRUPTIONS = flags.DEFINE_list(
  'corruption', None, 'Names of corruptions, by default all.'
)
_SEVERITIES = flags.DEFINE_list(
  'severity', None, 'Severities of imagenet_c or cifar10_c, by default 1 to 5.'
)
_EPSILONS = flags.DEFINE_list(
  'epsilon',
  None,
  'Largest changes by an attack, in [0, 1]; by default 0.05 to 0.3 on grey'
  ' images, 1/255 to 16/255 on colour images.',
)
_JPEG = flags.DEFINE_bool(
  'jpeg',
  False,
  'Also compress generated images, as the published files of ImageNet-C were.',
)
_FROST_DIR = flags.DEFINE_string(
  'frost_dir',
  None,
  'Folder with the photographs of frost; a made-up texture by default.',
)
_SEED = flags.DEFINE_integer(
  'seed',
  None,
  'Of the draws of generated corruptions and of pgd, and of the noise that'
  ' --keep_noise leaves on; by default 0.',
)
_AGAINST = flags.DEFINE_string(
  'against',
  None,
  'Folder of another run, to compare with image by image: differences with'
  " their intervals, and McNemar's test with Holm's correction.",
)
_REFERENCE = flags.DEFINE_string(
  'reference',
  None,
  'Folder of another run, such as the plain classifier: its errors on the same'
  ' sets become 100, and the report has CE and mCE. By default those of AlexNet'
  ' are, on imagenet_c with its 1000 classes only.',
)
_EXAMPLES = flags.DEFINE_bool(
  'examples', False, 'Also draw images of every set: BENCHMARK-examples.png.'
)
_CRAFTED_ON = flags.DEFINE_string(
  'crafted_on',
  None,
  'Folder of another run that fgsm or pgd attacks instead: do its adversarial'
  ' images fool this one (transfer)?',
)
_KEEP_NOISE = flags.DEFINE_integer(
  'keep_noise',
  0,
  'Leaves dropout and noise on, as in training, and takes the mean of so many'
  ' passes; 0: off, as usual.',
  lower_bound=0,
  upper_bound=1000,
)
_STEP = flags.DEFINE_string(
  'step',
  None,
  'Checkpoint: a step, latest or best; by default what `selection` in the'
  ' config of the run says.',
)
_BATCH_SIZE = flags.DEFINE_integer(
  'batch_size',
  128,
  'Images per call; larger is faster on GPU, not on CPU.',
  lower_bound=1,
)
_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)

# What the library calls otherwise than the flag that says it.
_FLAG_OF = {
  'corruptions': 'corruption',
  'severities': 'severity',
  'epsilons': 'epsilon',
  'frost_folder': 'frost_dir',
  'frost_textures': 'frost_dir',
  'folder': 'published_dir',
  'num_passes': 'keep_noise',
}


@contextlib.contextmanager
def _named(names: Mapping[str, str]) -> Iterator[None]:
  """Errors name the flag at fault."""
  try:
    yield
  except errors.InputError as error:
    error.field = names.get(error.field, error.field)
    raise


def _path(flag: str) -> pathlib.Path | None:
  """The path that a flag of this name gives; None where it is not given."""
  value = flags.FLAGS[flag].value
  return None if value is None else checks.path(flag, value)


def _data_dir() -> pathlib.Path | None:
  """The folder in --data_dir, which has to be there; None without the flag."""
  value = _DATA_DIR.value
  return None if value is None else checks.folder('data_dir', value)


def _step() -> int | str | None:
  """The flag --step as `restore` takes it."""
  if _STEP.value in (None, 'latest', 'best'):
    return _STEP.value
  try:
    return int(_STEP.value)
  except ValueError as error:
    expected = 'a step, latest or best'
    raise errors.InputError('step', expected, _STEP.value) from error


def _gate_details(restored) -> dict[str, str]:
  """What the gates do on the clean test images; nothing without gates."""
  config = restored.config
  if config.gate.kind == 'none':
    return {}

  def call(method):
    apply = functools.partial(restored.model.apply, method=method)
    jitted = jax.jit(apply)
    return lambda x: jitted(restored.variables, x)

  try:
    clean = training.load_test(config, _data_dir())
  except errors.InputError as error:
    return {'gates': f'not measured: {error}'}
  found = evaluation.gate_activity(
    call('forward'), call('classify'), clean, batch_size=_BATCH_SIZE.value
  )
  return {
    'gates on clean images': f'mean {found.mean:.3f},'
    f' {found.share_decided:.1%} outside [0.1, 0.9]',
    'clean accuracy': f'{found.accuracy:.2%}; with every gate replaced by its'
    f' mean {found.accuracy_with_mean_gates:.2%}',
  }


def _numbers(flag: flags.FlagHolder, kind: type) -> list | None:
  """A flag's list as numbers."""
  if flag.value is None:
    return None
  try:
    return [kind(one) for one in flag.value]
  except ValueError as error:
    expected = f'numbers ({kind.__name__}) with commas between'
    raise errors.InputError(flag.name, expected, str(flag.value)) from error


def _is_published() -> bool:
  """Whether published images are asked for."""
  if _BENCHMARK.value in plans.GENERATED:
    if _SOURCE.value == 'published':
      expected = f'generated for {_BENCHMARK.value}'
      raise errors.InputError('source', expected, 'published')
    if _PUBLISHED_DIR.value is not None:
      expected = f'none for {_BENCHMARK.value}, whose images are generated'
      raise errors.InputError('published_dir', expected, _PUBLISHED_DIR.value)
    return False
  if _SOURCE.value is None:
    is_usual = _BENCHMARK.value in ('mnist_c', 'cifar10_c')
    return is_usual or _PUBLISHED_DIR.value is not None
  return _SOURCE.value == 'published'


def _source(config) -> Any:
  """What `evaluate` takes as its source."""
  if _is_published():
    return _path('published_dir')
  if _PUBLISHED_DIR.value is not None:
    expected = 'nothing beside generated images'
    raise errors.InputError('published_dir', expected, _PUBLISHED_DIR.value)
  return training.load_test(config, _data_dir())


@functools.cache
def _restore_all(flag: str) -> dict[str, training.Restored]:
  """A run's classifier, or one per seed, by the name of its column."""
  with _named({'workdir': flag}):
    step = _step()
    workdir = _path(flag)
    config = run_files.read(workdir)
    if config.num_seeds == 1:
      return {config.variant: robustjax.restore(workdir, step)}
    seeds = range(config.seed, config.seed + config.num_seeds)
    return {
      f'{config.variant}, seed {seed}': robustjax.restore(
        run_files.seed_folder(workdir, seed), step
      )
      for seed in seeds
    }


def _other(flag: str) -> tuple[str, training.Restored] | None:
  """The classifier of another run, by its name; None where it is not given."""
  if _path(flag) is None:
    return None
  name, other = _only(_restore_all(flag), flag)
  ours = next(iter(_restore_all('workdir').values()))
  shape, num_classes = _dataset('workdir', ours)
  if _dataset(flag, other) != (shape, num_classes):
    expected = f'a run on images {shape} of {num_classes} classes'
    got = '{}, one on {} of {}'.format(_path(flag), *_dataset(flag, other))
    raise errors.InputError(flag, expected, got)
  return name, other


def _dataset(flag: str, restored) -> tuple[tuple[int, int, int], int]:
  """Shape of the images and number of classes of a run."""
  workdir, config = _path(flag), restored.config
  if (workdir / f'seed-{config.seed}').is_dir():
    workdir = run_files.seed_folder(workdir, config.seed)
  with _named({'workdir': flag}):
    return run_files.read_dataset(workdir)


def _called(name: str, flag: str) -> str:
  """The name of another run's classifier, apart from ours."""
  if name in _restore_all('workdir'):
    return f'{name} in {_path(flag).resolve().name}'
  return name


def _folder(workdir: str) -> pathlib.Path:
  """Where results go: what is measured in different ways does not mix."""
  folder = _path(workdir) / 'evaluation'
  if _KEEP_NOISE.value:
    folder /= f'noise-kept-{_KEEP_NOISE.value}'
  if _CRAFTED_ON.value is not None:
    return folder / 'transfer'
  is_made = _BENCHMARK.value not in plans.GENERATED
  return folder / 'generated' if is_made and not _is_published() else folder


def _predictions_dir(workdir: str, restored) -> pathlib.Path:
  """One for each checkpoint, benchmark and way its images are made."""
  parts = [_BENCHMARK.value, f'step-{restored.step}']
  if not _is_published() or _KEEP_NOISE.value:
    parts.append(f'seed-{_SEED.value or 0}')
  parts += [name for name, flag in _WAYS.items() if flag.value]
  if _CRAFTED_ON.value is not None:
    parts.append(_in_path(_crafted_on()[1]))
  seed = f'seed-{restored.config.seed}'
  return _folder(workdir) / 'predictions' / seed / '-'.join(parts)


def _in_path(name: str) -> str:
  """A name as part of a file's: what was read from a config leads nowhere."""
  return re.sub(r'[^A-Za-z0-9_.]+', '-', name).strip('-.')[:100]


_NUM_EXAMPLES = 8
_WAYS = {
  'jpeg': _JPEG,
  'photographs': _FROST_DIR,
  'files': _PUBLISHED_DIR,
  'noise-kept': _KEEP_NOISE,
}


@functools.cache
def _textures() -> corruptions.FrostTextures | None:
  """The photographs of frost; None where they are not given."""
  folder = _path('frost_dir')
  return None if folder is None else corruptions.load_frost_textures(folder)


def _sweep_seed() -> int | None:
  """The seed of the images; None where --seed is for the noise alone."""
  has_draws = not _is_published() and _BENCHMARK.value != 'fgsm'
  return _SEED.value if has_draws or not _KEEP_NOISE.value else None


def _options(restored) -> dict[str, Any]:
  """Which sets are asked for."""
  attacked, attacked_name, loss = None, None, None
  if _BENCHMARK.value in attacks.ATTACKS:
    attacked, attacked_name, loss = _crafted_on()
    loss = loss or restored.config.loss
  return {
    'benchmark': _BENCHMARK.value,
    'corruptions': _CORRUPTIONS.value,
    'severities': _numbers(_SEVERITIES, int),
    'epsilons': _numbers(_EPSILONS, float),
    'data_dir': _data_dir(),
    'seed': _sweep_seed(),
    'jpeg': _JPEG.value,
    'frost_textures': _textures(),
    'attacked': attacked,
    'attacked_name': attacked_name,
    'loss': loss,
  }


@functools.cache
def _crafted_on() -> tuple[Any, str | None, str | None]:
  """The classifier that images are made for, a name for it, and its loss.

  None of them where every classifier is attacked itself.
  """
  if _CRAFTED_ON.value is None:
    return None, None, None
  if _BENCHMARK.value not in attacks.ATTACKS:
    expected = f'none for {_BENCHMARK.value}, which attacks no classifier'
    raise errors.InputError('crafted_on', expected, _CRAFTED_ON.value)
  _, other = _other('crafted_on')
  config = other.config
  name = f'{config.variant} on {config.dataset}, seed {config.seed}'
  return _predict(other), f'{name}, step {other.step}', config.loss


def _predict(restored) -> Any:
  """Images to logits, as the flags want them."""
  if not _KEEP_NOISE.value:
    return restored.predict
  return training.keep_noise(
    restored, num_passes=_KEEP_NOISE.value, seed=_SEED.value or 0
  )


def _evaluate(
  workdir: str, restored, source, reference=None
) -> evaluation.Results:
  """Measures one classifier, relative to a named other's results if given."""
  name, results = reference or (None, None)
  return robustjax.evaluate(
    _predict(restored),
    source,
    batch_size=_BATCH_SIZE.value,
    predictions_dir=_predictions_dir(workdir, restored),
    reference=results,
    reference_name=name,
    **_options(restored),
  )


def _reference(source) -> tuple[str, evaluation.Results] | None:
  """The name and the results of the run in --reference."""
  found = _other('reference')
  if found is None:
    return None
  name, restored = found
  return _called(name, 'reference'), _evaluate('reference', restored, source)


def _draw_examples(restored, source, folder: pathlib.Path) -> pathlib.Path:
  """Several images where corruptions have one strength, else one."""
  places = range(_NUM_EXAMPLES) if _BENCHMARK.value == 'mnist_c' else (0,)
  images = evaluation.examples(
    _predict(restored), source, places=places, **_options(restored)
  )
  path = folder / f'{_BENCHMARK.value}-examples.png'
  plots.examples(images, path)
  return path


def _over_seeds(table) -> dict[str, str]:
  """Mean, deviation and interval over seeds; nothing for a single run."""
  if len(table) == 1:
    return {}
  shown = {}
  for what, name in (
    ('all sets', 'accuracy'),
    ('the corrupted sets', 'corrupted_accuracy'),
  ):
    values = [100 * getattr(found, name) for found in table.values()]
    if any(map(math.isnan, values)):
      continue  # No set is corrupted.
    one = statistics.summarize(values)
    shown[f'mean of {what}'] = (
      f'{one.mean:.2f} ± {one.deviation:.2f} %'
      f' (95 % ±{one.half_width:.2f}, n {one.n})'
    )
  return shown


def _details(classifiers, table) -> dict[str, str]:
  """What a reader of the table has to know beside it."""
  config = next(iter(classifiers.values())).config
  seeds = ', '.join(str(one.config.seed) for one in classifiers.values())
  steps = sorted({one.step for one in classifiers.values()})
  details = {
    'trained on': f'{config.dataset}, seed {seeds}',
    'step': ', '.join(map(str, steps)),
    'devices': ', '.join(sorted({d.device_kind for d in jax.devices()})),
    'versions': f'JAX {jax.__version__}, Python {platform.python_version()}',
  }
  if _CRAFTED_ON.value is not None:
    details['adversarial images'] = f'crafted on {_crafted_on()[1]}'
  if _KEEP_NOISE.value:
    details['noise'] = f'left on, mean of {_KEEP_NOISE.value} passes'
  details |= _over_seeds(table)
  for name, restored in classifiers.items():
    of_seed = '' if len(table) == 1 else f', {name}'
    for what, value in _gate_details(restored).items():
      details[what + of_seed] = value
  return details


def _only(table: Mapping[str, Any], flag: str) -> tuple[str, Any]:
  """The one classifier of a run, where two are set beside each other."""
  if len(table) != 1:
    expected = 'runs of one seed each'
    raise errors.InputError(flag, expected, f'{len(table)} seeds')
  return next(iter(table.items()))


def _compare(table, source) -> None:
  """Prints and saves how the run does against that in --against."""
  name, restored = _only(_restore_all('workdir'), 'against')
  other_name, other = _other('against')
  _evaluate('against', other, source)
  compared = evaluation.compare(
    _predictions_dir('workdir', restored),
    _predictions_dir('against', other),
    table[name],
  )
  text = compared.to_markdown(name, _called(other_name, 'against'))
  path = _folder('workdir') / f'{_BENCHMARK.value}-against.md'
  files.write_text(path, text)
  print(f'{text}\nsaved {path.name} in {path.parent}')


def _measure() -> None:
  classifiers = _restore_all('workdir')
  # Whatever else is named has to be there before the work begins.
  if _AGAINST.value is not None:
    _only(classifiers, 'against')
    _other('against')
  source = _source(next(iter(classifiers.values())).config)
  _crafted_on()
  reference = _reference(source)
  table = {
    name: _evaluate('workdir', restored, source, reference)
    for name, restored in classifiers.items()
  }
  details = _details(classifiers, table)
  folder = _folder('workdir')
  paths = report.save(table, folder, details=details)
  if _EXAMPLES.value:
    first = next(iter(classifiers.values()))
    paths.append(_draw_examples(first, source, folder))
  print(evaluation.to_markdown(table))
  print('\n'.join(f'{name}: {value}' for name, value in details.items()))
  print('saved', ', '.join(path.name for path in paths), 'in', folder)
  if _AGAINST.value is not None:
    _compare(table, source)


def main(unused_names):
  with _named(_FLAG_OF):
    _measure()


if __name__ == '__main__':
  command_line.run(main)
