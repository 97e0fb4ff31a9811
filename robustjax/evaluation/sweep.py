"""A classifier on every set of a benchmark."""

from collections.abc import Mapping
from collections.abc import Sequence
import os
import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np

from robustjax import array_types
from robustjax import attacks
from robustjax import errors
from robustjax import files
from robustjax import progress
from robustjax.corruptions import catalog
from robustjax.data import sources
from robustjax.evaluation import cells
from robustjax.evaluation import checks
from robustjax.evaluation import comparison
from robustjax.evaluation import metrics
from robustjax.evaluation import plans
from robustjax.evaluation import predictions
from robustjax.evaluation import references
from robustjax.evaluation import results
from robustjax.evaluation import rows

BENCHMARKS = plans.BENCHMARKS
MNIST_C = tuple(catalog.MNIST_C)
_ABOUT = 'sweep.json'
_ENTRIES = {
  'benchmark': 'text',
  'source': 'text',
  'processing': 'a list',
  'logits': 'a list',
}
_ANOTHER = 'another classifier'
_NUM_PROBES = 4  # images by whose logits a classifier is known again


def evaluate(
  predict: array_types.Predict,
  source: sources.DataSet
  | tuple[np.ndarray, np.ndarray]
  | str
  | os.PathLike
  | None = None,
  *,
  benchmark: str = 'mnist_c',
  corruptions: Sequence[str] | None = None,
  severities: Sequence[int] | None = None,
  amounts: Mapping[str, Sequence[float]] | None = None,
  epsilons: Sequence[float] | None = None,
  attacked: array_types.Predict | None = None,
  attacked_name: str | None = None,
  loss: str | None = None,
  reference: results.Results | None = None,
  reference_name: str | None = None,
  data_dir: str | os.PathLike | None = None,
  batch_size: int = 128,
  seed: int | None = None,
  jpeg: bool = False,
  frost_textures: array_types.Array | None = None,
  predictions_dir: str | os.PathLike | None = None,
) -> results.Results:
  """Measures a classifier on every set of a benchmark, each image once.

  Args:
    predict: any function from images float32 [B, H, W, C] in [0, 1] to logits
      [B, C]: linen, NNX, Equinox, a lambda. Of probabilities it gives the
      logarithm, `jnp.log`; where that is -inf it counts as a probability of 0.
    source: clean images to corrupt, a data set or (images, labels): corrupted
      images are then generated. A folder: the published files are read, MNIST-C
      and CIFAR-10-C as .npy, ImageNet-C as folders of images. None: they are
      read from the TFDS data set in `data_dir`.
    benchmark: 'mnist_c', 'cifar10_c', 'imagenet_c', 'degradations' (every
      amount of `corruptions.DEGRADATIONS`), 'fgsm' or 'pgd' (every epsilon).
    corruptions: names, of the benchmark's further ones too; by default all the
      benchmark consists of.
    severities: levels of ImageNet-C or CIFAR-10-C; all five by default.
    amounts: of 'degradations', by name, in place of `corruptions`; by default
      every one of `corruptions.DEGRADATIONS`. An amount of 0, or no name at
      all, is the clean set, which always is there.
    epsilons: largest changes of a value by an attack, in [0, 1]; by default
      0.05 to 0.3 on grey images, 1/255 to 16/255 on colour images.
    attacked: the classifier that 'fgsm' or 'pgd' crafts the images on, as
      `predict` and differentiable; by default `predict` itself. Images crafted
      on another are a transfer attack.
    attacked_name: what reports call it; 'another classifier' by default.
    loss: what an attack raises, the loss the classifier attacked was trained
      with: 'softmax' cross entropy, the default, or 'sigmoid', the binary one
      of each class.
    reference: results of another classifier on the same sets, whose corruption
      errors are 100. By default that is AlexNet on ImageNet-C, for classifiers
      of its 1000 classes; elsewhere there are no corruption errors then.
    reference_name: what reports call it; 'another classifier' by default.
    data_dir: folder of prepared TFDS data sets; see `data.load`. Of no
      consequence where there is a source.
    batch_size: images per call of `predict`.
    seed: of the draws of generated corruptions and of PGD; 0 by default.
    jpeg: whether generated images are also compressed as the published files
      of ImageNet-C were.
    frost_textures: see `corruptions.load_frost_textures`; a made-up texture by
      default.
    predictions_dir: folder that keeps what the classifier says of each image,
      set by set: an interrupted sweep goes on where it was, and two classifiers
      can be compared image by image.

  Returns:
    The `Results`.

  Raises:
    errors.InputError: on an unknown benchmark, corruption or severity, a
      missing or superfluous source, an option that would be ignored, a data set
      that is not prepared or damaged, a `predict` that gives no logits or, if
      it is attacked, cannot be differentiated, a reference on other sets, or
      predictions of another sweep. What `predict` itself raises comes through.

  Example:
    >>> import jax.numpy as jnp
    >>> from robustjax import data
    >>> mostly_three = jnp.log(jnp.full(10, 0.05).at[3].set(0.55))
    >>> always_three = lambda images: jnp.tile(mostly_three, (len(images), 1))
    >>> digits = data.load('digits', 'test')
    >>> found = evaluate(always_three, digits, benchmark='degradations')
    >>> round(found.accuracy, 3)
    0.103
  """
  checks.predict('predict', predict)
  plan = plans.make_plan(
    predict,
    source,
    benchmark,
    corruptions=corruptions,
    severities=severities,
    amounts=amounts,
    epsilons=epsilons,
    attacked=attacked,
    attacked_name=attacked_name,
    loss=loss,
    data_dir=data_dir,
    seed=seed,
    jpeg=jpeg,
    frost_textures=frost_textures,
  )
  errors.check_integer('batch_size', batch_size, low=1)
  name = _reference_name(reference, reference_name)
  if reference is None:
    return _run(plan, predict, batch_size, predictions_dir)
  references.check(
    reference,
    [cell.label for cell in plan.cells],
    benchmark=plan.benchmark,
    source=plan.source,
    origin=plan.origin,
    processing=plan.processing,
  )
  found = _run(plan, predict, batch_size, predictions_dir)
  return found.with_reference(reference, name)


def _reference_name(reference, name: str | None) -> str:
  if name is None:
    return _ANOTHER
  if reference is None:
    expected = 'None without a reference'
    raise errors.InputError('reference_name', expected, checks.shown(name))
  if not isinstance(name, str) or not name:
    raise errors.InputError('reference_name', 'a name', checks.shown(name))
  return name


def examples(
  predict: array_types.Predict,
  source=None,
  *,
  benchmark: str = 'mnist_c',
  places: Sequence[int] = (0,),
  **options,
) -> dict[str, np.ndarray]:
  """Images under every corruption, to look at.

  Args:
    predict: the classifier; only attacks need it, others take None.
    source: as for `evaluate`.
    benchmark: as for `evaluate`.
    places: which images of each set, in 0..N-1.
    **options: of `evaluate`: corruptions, severities, amounts, epsilons,
      attacked, attacked_name, loss, data_dir, seed, jpeg, frost_textures.

  Returns:
    Images [S, H, W, C] in [0, 1] by corruption, one per severity or amount, as
    `plots.examples` takes them.

  Raises:
    errors.InputError: as `evaluate`; or if there is no such image.
  """
  plan = plans.make_plan(predict, source, benchmark, **options)
  if plan.attacked is None and benchmark in attacks.ATTACKS:
    checks.predict('predict', predict)
  places = checks.items('places', places, 'place')
  found = {}
  for cell in plan.cells:
    images = cell.open().images
    for place in places:
      errors.check_integer('places', place, high=len(images) - 1)
      image, _, _ = next(metrics.batches(images[place : place + 1], 1))
      if cell.corrupt is not None:
        image = cell.corrupt(image, jnp.array([place]))
      found.setdefault(cell.corruption, []).append(np.asarray(image[0]))
  return {name: np.stack(images) for name, images in found.items()}


def _run(plan, predict, batch_size, predictions_dir) -> results.Results:
  folder = _open_folder(predictions_dir, plan, predict, batch_size)
  found = []
  with progress.bar(len(plan.cells), plan.benchmark) as shown:
    for cell in plan.cells:
      found.append(_predictions(cell, predict, batch_size, folder))
      shown.update(1)
  table = tuple(
    rows.row_of(
      one, cell.corruption, amount=cell.amount, severity=cell.severity
    )
    for cell, one in zip(plan.cells, found, strict=True)
  )
  return results.Results(
    plan.benchmark,
    plan.source,
    table,
    plan.origin,
    plan.processing,
    _intervals(table, found),
  )


def cell_file(folder: pathlib.Path, row: rows.Row | cells.Cell) -> pathlib.Path:
  """Where the predictions of a set are kept."""
  checks.file_name('corruption', row.corruption)
  strength = row.severity if row.amount is None else row.amount
  end = '' if strength is None else f'-{strength:g}'
  return folder / f'{row.corruption}{end}.npz'


def _predictions(cell, predict, batch_size, folder) -> predictions.Predictions:
  path = folder and cell_file(folder, cell)
  if path and path.exists():
    try:
      return predictions.load(path)
    except errors.InputError as error:
      _set_aside(path, error.got)
  found = metrics.predictions_of(
    predict,
    cell.open(),
    corrupt=cell.corrupt,
    batch_size=batch_size,
    name=f'the images of {cell.label}',
  )
  if path:
    predictions.save(path, found)
  return found


def _set_aside(path: pathlib.Path, what: str) -> None:
  """Renames a damaged file and says so; what it held is made anew."""
  aside = path.with_name(f'{path.name}.damaged')
  number = 2
  while aside.exists():
    aside = path.with_name(f'{path.name}.damaged-{number}')
    number += 1
  try:
    path.rename(aside)
  except OSError as error:
    expected = f'an intact {path}, or a folder that can be written to'
    raise errors.InputError('predictions_dir', expected, what) from error
  print(f'{path} is damaged ({what}): set aside as {aside.name}, made anew')


def _open_folder(folder, plan, predict, batch_size) -> pathlib.Path | None:
  """Makes the folder, or sees that what is in it is of this very sweep."""
  if folder is None:
    return None
  folder = checks.path('predictions_dir', folder)
  about = {
    'benchmark': plan.benchmark,
    'source': plan.source,
    'processing': list(plan.processing),
    'logits': _probe(plan, predict, batch_size),
  }
  if plan.attacked is not None:
    about['attacked'] = _probe(plan, plan.attacked, batch_size)
  kept = _read_about(folder)
  if kept is None:
    files.write_json(folder / _ABOUT, about)
  else:
    _check_same(folder, kept, about)
  return folder


def _read_about(folder: pathlib.Path) -> dict[str, Any] | None:
  """What the predictions in a folder are of; None where none are kept."""
  path = folder / _ABOUT
  is_kept = any(folder.glob('*.npz'))
  if not path.exists() and not is_kept:
    return None
  try:
    kept = files.read_json(path, _ENTRIES)
    for name in ('logits', 'attacked'):
      np.array(kept.get(name, []), np.float64)
  except (errors.InputError, TypeError, ValueError) as error:
    got = str(error) if isinstance(error, errors.InputError) else 'damaged'
    if is_kept:
      expected = f'an intact {path}, or a new folder'
      raise errors.InputError('predictions_dir', expected, got) from error
    _set_aside(path, got)
    return None
  return kept


def _probe(plan, predict, batch_size) -> list[list[float]]:
  """Logits of the first images, by which the classifier is known again."""
  images = plan.cells[0].open().images
  logits = metrics.first_logits(predict, images, batch_size=batch_size)
  return np.round(logits[:_NUM_PROBES].astype(np.float64), 6).tolist()


def _check_same(folder, kept: dict[str, Any], about: dict[str, Any]) -> None:
  expected = f'a new folder, or one of the same {{}}: {folder}'
  for name in ('benchmark', 'source', 'processing'):
    if kept[name] != about[name]:
      got = f'predictions of {name} {kept[name]}'
      raise errors.InputError('predictions_dir', expected.format(name), got)
  for name, what in (('logits', 'classifier'), ('attacked', 'attacked one')):
    ours, others = (
      np.array(one.get(name, 0.0), np.float64) for one in (about, kept)
    )
    if not _are_close(ours, others):
      got = 'predictions of another one'
      raise errors.InputError('predictions_dir', expected.format(what), got)


def _are_close(ours: np.ndarray, others: np.ndarray) -> bool:
  """Whether logits are the same: other hardware and batches round otherwise."""
  if ours.shape != others.shape or not ours.shape:
    return ours.shape == others.shape  # No other classifier, twice.
  return np.allclose(ours, others, rtol=1e-2, atol=1e-2)


def _intervals(table, found) -> dict[str, tuple[float, float]] | None:
  """95 % intervals of both means over images; None if sets differ in these."""
  labels = found[0].labels
  if all(np.array_equal(one.labels, labels) for one in found):
    return comparison.intervals(table, found)
  return None


def compare(
  ours: str | os.PathLike, others: str | os.PathLike, found: results.Results
) -> comparison.Comparison:
  """Compares two classifiers image by image.

  Args:
    ours: the folder `evaluate` kept the predictions of one in.
    others: that of the other.
    found: the results of either: which sets there are.

  Returns:
    The `Comparison`: per corruption the difference with its interval, and
    McNemar's test with Holm's correction.

  Raises:
    errors.InputError: if predictions are missing, or of other images.
  """
  if not isinstance(found, results.Results):
    got = type(found).__name__
    raise errors.InputError('found', 'results of either', got)
  every = []
  for field, folder in (('ours', ours), ('others', others)):
    folder = checks.folder(field, folder)
    kept = [predictions.load(cell_file(folder, row)) for row in found.rows]
    every.append(comparison.by_corruption(found.rows, kept))
  return comparison.compare(*every)
