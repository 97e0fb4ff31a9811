"""Which figures of the papers explain trained classifiers, and how."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
import os
import pathlib
from typing import Any
from typing import NamedTuple

import numpy as np

from robustjax import files
from robustjax.data import sources
from robustjax.evaluation import canvas
from robustjax.papers import claims as claims_lib
from robustjax.papers import explanations
from robustjax.papers import gate_projection
from robustjax.papers import heat_maps
from robustjax.papers import tables
from robustjax.papers import variances
from robustjax.training import restoring

Images = Mapping[str, tuple[np.ndarray, np.ndarray]]


class Explanation(NamedTuple):
  """How classifiers are explained.

  Attributes:
    explain: (restored, images, labels) to what is drawn.
    plot: draws that, by name.
    describe: the same as plain values.
    measure: the numbers that statements are judged by, one for each
      (classifier, number); None where there are no statements.
  """

  explain: Callable[..., Any]
  plot: Callable[[Mapping[str, Any]], Any]
  describe: Callable[[Mapping[str, Any]], dict[str, Any]]
  measure: (
    Callable[[Mapping[str, Any]], Mapping[claims_lib.Place, float]] | None
  ) = None


class Figure(NamedTuple):
  """A figure of a paper that explains what trained classifiers do.

  Attributes:
    title: what it shows.
    cells: the classifiers, by name.
    datasets: whose test images are explained, by what they are called.
    num_images: how many of each.
    explanation: what is shown of each classifier and set of images.
    label: the class of the images; None for all classes.
    claims: what the paper says of it. They are judged over seeds, so that each
      classifier is trained with several; the first is drawn.
  """

  title: str
  cells: Mapping[str, tables.Cell]
  datasets: Mapping[str, str]
  num_images: int
  explanation: Explanation
  label: int | None = None
  claims: tuple[claims_lib.Claim, ...] = ()


_CNN = {'CNN': tables.Cell('noiseout.py:cnn', {'noise.rate': '0.0'})}
_NOISEOUT = {
  'NoiseOut': tables.Cell('noiseout.py:noiseout', {'noise.rate': '0.2'})
}
_CLEAN = {'clean': 'mnist_corrupted/identity'}
_BRIGHTNESS = {'brightness': 'mnist_corrupted/brightness'}
_ZIGZAG = {'zigzag': 'mnist_corrupted/zigzag'}
_SEVEN = 7  # NoiseOut's figures show this digit.


def _fig(plot) -> Explanation:
  return Explanation(explanations.explain, plot, explanations.describe)


def _gates(benchmark: str) -> Explanation:
  return Explanation(
    functools.partial(gate_projection.explain, benchmark=benchmark),
    gate_projection.plot,
    gate_projection.describe,
  )


def _weight_map(*variants: str) -> dict[str, tables.Cell]:
  return {one: tables.Cell(f'weight_map.py:{one}', {}) for one in variants}


_WEIGHT_MAPS = ('smoothing', 'unsharp')


def _claims_on_background() -> tuple[claims_lib.Claim, ...]:
  """Of the mean share of the maps' mass off the digit."""
  where = 'section 5, of Figure 5'

  def lower(row: str, other: str, column='background') -> claims_lib.Judge:
    return claims_lib.mean_higher([(other, column)], [(row, 'background')])

  return (
    claims_lib.Claim(
      'every weight map is less active on the background than the CNN',
      where,
      claims_lib.every({row: lower(row, 'cnn') for row in _WEIGHT_MAPS}),
    ),
    claims_lib.Claim(
      'unsharp above all: less than smoothing',
      where,
      lower('unsharp', 'smoothing'),
    ),
    claims_lib.Claim(
      'every weight map is hardly active there: less than a map that is even'
      ' all over (ours, as the paper gives no number)',
      where,
      claims_lib.every({row: lower(row, row, 'even') for row in _WEIGHT_MAPS}),
    ),
  )


def _claims_on_amplification() -> tuple[claims_lib.Claim, ...]:
  """Of each layer of both networks."""
  places = [
    (network, f'layer {layer}')
    for network in _WEIGHT_MAPS
    for layer in range(1, _NUM_LAYERS + 1)
  ]

  def positive(quantity: str) -> claims_lib.Judge:
    return claims_lib.every(
      {
        f'{network}, {layer}': claims_lib.positive(
          (network, f'{quantity}, {layer}')
        )
        for network, layer in places
      }
    )

  where = 'section 5 and Eq. 5'
  return (
    claims_lib.Claim(
      'every weight map amplifies variance: log10 of after over before is above'
      ' 0',
      where,
      positive('amplification'),
    ),
    claims_lib.Claim(
      'training makes every weight map amplify more: log10 of that over what'
      ' weights as they are drawn give is above 0',
      where,
      positive('growth'),
    ),
    claims_lib.Claim(
      'every weight map amplifies inputs the more, the more they matter: rank'
      ' correlation of w^2 with their attribution above 0',
      'section 5',
      positive('correlation'),
    ),
  )


_NUM_LAYERS = 3  # weight maps of the three-layer networks
FIGURES = {
  'noiseout/1': Figure(
    'FIG of input and hidden state, clean and brightness',
    _CNN,
    _CLEAN | _BRIGHTNESS,
    1,
    _fig(explanations.plot_maps),
    _SEVEN,
  ),
  'noiseout/2': Figure(
    'distribution of FIG, clean and brightness',
    _CNN,
    _CLEAN | _BRIGHTNESS,
    100,
    _fig(explanations.plot_histograms),
    _SEVEN,
  ),
  'noiseout/4': Figure(
    'hidden FIG before and after the gate, brightness and zigzag',
    _NOISEOUT,
    _BRIGHTNESS | _ZIGZAG,
    1,
    _fig(explanations.plot_gating),
    _SEVEN,
  ),
  'noiseout/5': Figure(
    'gate activity by image, corruption and severity of ImageNet-C',
    {
      'DeepAugment + AugMix + NoiseOut': tables.Cell(
        'imagenet.py:deepaugment_augmix_noiseout', {}
      )
    },
    {'test': 'imagenet2012'},
    100,
    _gates('imagenet_c'),
  ),
  'noiseout/5-cifar10': Figure(
    'gate activity by image, corruption and severity of CIFAR-10-C',
    {'AugMix + NoiseOut': tables.Cell('cifar10.py:augmix_noiseout', {})},
    {'test': 'cifar10'},
    100,
    _gates('cifar10_c'),
  ),
  'noiseout/5-mnist': Figure(
    'gate activity by image, corruption and severity as in ImageNet-C',
    _NOISEOUT,
    {'test': 'mnist'},
    100,
    _gates('imagenet_c'),
  ),
  'weight_map/5': Figure(
    'Grad-CAM of CNN and weight maps',
    _weight_map('cnn', *_WEIGHT_MAPS),
    {'test': 'mnist'},
    1000,
    Explanation(
      heat_maps.explain, heat_maps.plot, heat_maps.describe, heat_maps.measure
    ),
    claims=_claims_on_background(),
  ),
  'weight_map/amplification': Figure(
    'variance that weight maps amplify, and of which inputs',
    _weight_map(*_WEIGHT_MAPS),
    {'test': 'mnist'},
    100,
    Explanation(
      variances.explain, variances.plot, variances.describe, variances.measure
    ),
    claims=_claims_on_amplification(),
  ),
}


def images_of(
  figure: Figure,
  data_dir: str | os.PathLike | None = None,
  *,
  side: int = 224,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """The images of a figure: the first of each set, or of their class.

  Args:
    figure: in `FIGURES`.
    data_dir: folder of prepared TFDS data sets.
    side: height and width of photographs of several sizes.

  Returns:
    Images float32 [B, H, W, C] in [0, 1] and labels, by name of the set.
  """
  found = {}
  for name, dataset in figure.datasets.items():
    data = sources.load_at(dataset, 'test', side=side, data_dir=data_dir)
    is_wanted = (figure.label is None) | (data.labels == figure.label)
    places = np.flatnonzero(np.broadcast_to(is_wanted, data.labels.shape))
    chosen = places[: figure.num_images]
    # One by one: photographs are decoded when they are asked for.
    images = np.stack([np.asarray(data.images[int(one)]) for one in chosen])
    found[name] = (images.astype(np.float32) / 255, data.labels[chosen])
  return found


def draw(
  name: str,
  restored: Mapping[int, Mapping[str, restoring.Restored]],
  images: Images,
  folder: pathlib.Path,
  remarks: Mapping[str, Any],
  *,
  suffix: str = '',
) -> list[pathlib.Path]:
  """Explains images and writes the figure, and what it shows as numbers.

  Args:
    name: in `FIGURES`.
    restored: the classifiers by name, of each seed. The first seed is drawn;
      statements are judged over all.
    images: from `images_of`.
    folder: created if need be.
    remarks: what a reader has to know: hardware, versions, the runs.
    suffix: of the files' names, for runs that are not the paper's.

  Returns:
    The paths written, `PAPER-figure-NUMBER.png` and `.json`, and `.md` where
    there are statements.

  Raises:
    errors.InputError: if they cannot be written.
  """
  figure = FIGURES[name]
  explanation = figure.explanation
  by_seed = {
    seed: _explain(explanation, classifiers, images)
    for seed, classifiers in restored.items()
  }
  first = next(iter(by_seed.values()))
  stem = name.replace('/', '-figure-') + suffix
  paths = [folder / f'{stem}.{end}' for end in ('png', 'json')]
  drawn = explanation.plot(first)
  title = f'{name}: {figure.title}'
  if 'scale' in remarks:
    title += f'\n{remarks["scale"]}'
  drawn.suptitle(title)
  canvas.save(drawn, paths[0])
  content = {
    'figure': name,
    'remarks': dict(remarks),
    'images': explanation.describe(first),
  }
  if figure.claims:
    found = _found(explanation, by_seed)
    content |= _judged(figure, found)
    paths.append(folder / f'{stem}.md')
    files.write_text(paths[-1], _to_markdown(name, figure, found, remarks))
  files.write_json(paths[1], content)
  return paths


def _explain(explanation: Explanation, classifiers, images: Images):
  return {
    _name(classifier, what, images): explanation.explain(one, *pair)
    for classifier, one in classifiers.items()
    for what, pair in images.items()
  }


def _found(explanation: Explanation, by_seed) -> claims_lib.Found:
  """What statements are judged by, by place and seed."""
  found = {}
  for seed, explained in by_seed.items():
    for place, value in explanation.measure(explained).items():
      found.setdefault(place, {})[seed] = value
  return found


def _judged(figure: Figure, found: claims_lib.Found) -> dict[str, Any]:
  measured = [
    {'row': row, 'column': column, 'by_seed': values}
    for (row, column), values in found.items()
  ]
  judged = claims_lib.judge_all(figure.claims, found)
  return {'measured': measured, 'claims': judged}


def _to_markdown(name, figure: Figure, found: claims_lib.Found, remarks) -> str:
  lines = [f'# {name}: {figure.title}', '']
  lines += [f'- {key}: {value}' for key, value in remarks.items()]
  lines += ['', 'What the paper says, judged by our runs:', '']
  return '\n'.join([*lines, claims_lib.to_markdown(figure.claims, found)])


def _name(classifier: str, what: str, images: Images) -> str:
  """The images, or the classifier where all are shown the same."""
  return what if len(images) > 1 else classifier
