"""The figures of noise progression; the paper prints no accuracies.

Experiment 1 has nine progressions of resolution and noise on two data sets, and
a sweep over the deviation of the noise; experiment 2 four regimes of noise at
every layer, here on ImageNet as in the paper, and on CIFAR-10. Which degraded
images experiment 1 was measured on is not said: ours are blurred by 2 pixels,
or have Gaussian noise of deviation .2.
"""

from collections.abc import Mapping
from collections.abc import Sequence

from robustjax import corruptions
from robustjax.papers import claims
from robustjax.papers import measures
from robustjax.papers import tables

_DIRECTIONS = ('LH', 'HL', 'X')
# Deviation of the noise in Figure 1, and that of the best curve, by data set.
_DATASETS = {'fashion_mnist': '3.5', 'cifar10': '1.5'}
_NAMES = {'fashion_mnist': 'Fashion-MNIST', 'cifar10': 'CIFAR-10'}
_BLUR, _NOISE = 2.0, 0.2
_DEGRADED = measures.Benchmark(
  'degradations', {'gaussian_blur': (_BLUR,), 'gaussian_noise': (_NOISE,)}
)
_SETS = {
  'clean': measures.clean_accuracy(_DEGRADED),
  'blurred': measures.accuracy_at('gaussian_blur', _BLUR, _DEGRADED),
  'noisy': measures.accuracy_at('gaussian_noise', _NOISE, _DEGRADED),
}
_OURS = (
  f'blurred: Gaussian blur by {_BLUR:g} pixels, noisy: Gaussian noise of'
  f' deviation {_NOISE:g}; both are ours, the paper does not say'
)


def _config(variant: str) -> str:
  return f'noise_progression.py:{variant}'


def _figure_1() -> tables.Table:
  cells = {}
  for resolution in _DIRECTIONS:
    for noise in _DIRECTIONS:
      variant = f'res{resolution}noise{noise}'
      for dataset, deviation in _DATASETS.items():
        overrides = {'dataset': dataset}
        if noise != 'X':
          overrides['penultimate_noise.stddev'] = deviation
        for name, measure in _SETS.items():
          place = variant, f'{_NAMES[dataset]}, {name}'
          cell = tables.Cell(_config(variant), overrides, measure=measure)
          cells[place] = cell
  return tables.Table(
    'accuracy by progression of resolution and noise',
    cells,
    reference='resXnoiseX',
    note='bars without numbers',
    drawing='bars',
    claims=_claims_1(),
    remarks=(
      'deviation of the noise: 3.5 on Fashion-MNIST, 1.5 on CIFAR-10',
      _OURS,
    ),
  )


def _claims_1() -> tuple[claims.Claim, ...]:
  where = 'Figure 1 and its text'
  found = []
  for dataset in _NAMES.values():

    def places(variants: Sequence[str], sets, dataset=dataset):
      return [(one, f'{dataset}, {name}') for one in variants for name in sets]

    def higher(better: str, worse: str, sets=tuple(_SETS), places=places):
      return claims.mean_higher(places([better], sets), places([worse], sets))

    found += [
      claims.Claim(
        f'{dataset}: noise high first is better than low first at every one of'
        ' the resolutions, mean over the sets',
        where,
        claims.every(
          {
            f'res{one}': higher(f'res{one}noiseHL', f'res{one}noiseLH')
            for one in _DIRECTIONS
          }
        ),
      ),
      claims.Claim(
        f'{dataset}: low resolution first makes robust, mean over the blurred'
        ' and the noisy images',
        where,
        higher('resLHnoiseX', 'resXnoiseX', ('blurred', 'noisy')),
      ),
      claims.Claim(
        f'{dataset}: low resolution first with noise high first is better than'
        ' without noise, mean over the sets',
        where,
        higher('resLHnoiseHL', 'resLHnoiseX'),
      ),
    ]
  return tuple(found)


# Deviations of the noise in the sweep.
_DEVIATIONS = (0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 7.0)
# How the noise progresses: variant, its field, and the variant without noise.
_COURSES = {
  'falling': ('resXnoiseHL', 'falling', 'resXnoiseX'),
  'rising': ('resXnoiseLH', 'rising', 'resXnoiseX'),
  'constant': ('resXnoiseX', 'constant', 'resXnoiseX'),
  'falling, low resolution first': ('resLHnoiseHL', 'falling', 'resLHnoiseX'),
}
# The best deviation that the paper reports of a data set: curve and deviation.
_BEST = {
  'fashion_mnist': ('falling, low resolution first', 4.5),
  'cifar10': ('falling', 3.5),
}


def _courses(dataset: str) -> list[str]:
  """The curves of a data set: clear images, and that of the paper's best."""
  clear = [row for row, (variant, *_) in _COURSES.items() if 'resX' in variant]
  return list(dict.fromkeys([*clear, _BEST[dataset][0]]))


def _resonance() -> tables.Table:
  cells, panels, found = {}, [], []
  for dataset, title in _NAMES.items():
    for name, measure in _SETS.items():
      columns = {f'{title}, {name}, {one:g}': one for one in _DEVIATIONS}
      rows = _courses(dataset)
      panel = tables.Panel(
        f'{title}, {name}',
        'deviation of the noise',
        columns,
        tuple(rows),
        mark=_BEST[dataset][1],
      )
      panels.append(panel)
      found += [_resonance_claim(panel, row, dataset) for row in rows]
      for row in rows:
        for column, deviation in columns.items():
          config, overrides = _noisy_run(row, deviation)
          overrides = {'dataset': dataset} | overrides
          cell = tables.Cell(config, overrides, measure=measure)
          cells[row, column] = cell
  return tables.Table(
    'accuracy by deviation of the noise',
    cells,
    reference='constant',
    note='no such figure, only the best deviations of two curves: 4.5'
    ' (resLHnoiseHL, Fashion-MNIST) and 3.5 (resXnoiseHL, CIFAR-10)',
    drawing='curves',
    panels=tuple(panels),
    claims=tuple(found),
    remarks=(
      _OURS,
      "dashed: the paper's best deviation, of the curve falling, low resolution"
      ' first, on Fashion-MNIST and of falling on CIFAR-10; it does not say of'
      ' which images',
    ),
  )


def _resonance_claim(
  panel: tables.Panel, row: str, dataset: str
) -> claims.Claim:
  curve, best = _BEST[dataset]
  return claims.Claim(
    f'{panel.title}, noise {row}: best at a deviation inside the range',
    'Experiments, resonance',
    claims.interior_maximum(
      [(row, column) for column in panel.columns],
      list(panel.columns.values()),
      published=best if row == curve else None,
    ),
  )


def _noisy_run(row: str, deviation: float) -> tuple[str, dict[str, str]]:
  """Config and overrides; without noise there is no direction."""
  variant, progression, without_noise = _COURSES[row]
  if not deviation:
    return _config(without_noise), {}
  return _config(variant), {
    'penultimate_noise.stddev': str(deviation),
    'penultimate_noise.progression': progression,
  }


_REGIMES = ('clear', 'noise', 'noise_to_clear', 'clear_to_noise')
_SHOWN = {
  'gaussian_noise': 'Gaussian noise',
  'salt_and_pepper': 'salt and pepper',
}


def _figure_2(start: str, remark: str) -> tables.Table:
  """The four regimes, whose variants begin with `start`."""
  amounts = {name: corruptions.DEGRADATIONS[name].amounts for name in _SHOWN}
  benchmark = measures.Benchmark('degradations', amounts)
  panels = tuple(
    tables.Panel(
      title,
      corruptions.DEGRADATIONS[name].unit,
      {f'{name} {amount:g}': amount for amount in amounts[name]},
    )
    for name, title in _SHOWN.items()
  )
  cells = {
    (regime, f'{name} {amount:g}'): tables.Cell(
      _config(start + regime),
      {},
      measure=measures.accuracy_at(name, amount, benchmark),
    )
    for regime in _REGIMES
    for name in _SHOWN
    for amount in amounts[name]
  }
  return tables.Table(
    'accuracy under noise by when there is noise in training',
    cells,
    reference='clear',
    note='curves without numbers, for AlexNet on ImageNet',
    drawing='curves',
    panels=panels,
    claims=_claims_2(panels),
    remarks=(remark,),
  )


def _claims_2(panels: Sequence[tables.Panel]) -> tuple[claims.Claim, ...]:
  """Of the amounts above 0: how well the networks generalise to noise."""

  def places(regime: str, columns: Mapping[str, float]):
    return [(regime, name) for name, amount in columns.items() if amount]

  pairs = (
    ('noise_to_clear', 'clear_to_noise', 'is somewhat better than'),
    ('noise', 'clear', 'is, by hypothesis, better than'),
  )
  return tuple(
    claims.Claim(
      f'{panel.title}: {ours} {how} {other}, mean over the amounts',
      'Figure 2 and its text',
      claims.mean_higher(
        places(ours, panel.columns), places(other, panel.columns)
      ),
    )
    for panel in panels
    for ours, other, how in pairs
  )


FIGURES = {
  '1': _figure_1(),
  '2': _figure_2('', 'the paper trained on ImageNet, ours on CIFAR-10'),
  '2-imagenet': _figure_2(
    'imagenet_',
    'the paper prints no recipe for ImageNet: ours is that of the small images,'
    ' with random crops and flips',
  ),
  'resonance': _resonance(),
}
