"""Which file may import which, and what `import robustjax` may load."""

import ast
import inspect
import subprocess
import sys

import pytest

# Rooms in order; those of one line do not import one another.
ROOMS = (
  {'array_types', 'errors', 'files', 'random_keys', 'progress', 'host_memory'},
  {'images'},
  {'layers', 'attribution', 'corruptions', 'attacks', 'augmentation'},
  {'models'},
  {'data'},
  {'evaluation'},
  {'training'},
  {'papers'},
)
# Files of a room in order: each imports from those before it only.
FILES = {
  'images': ['filters', 'resizing', 'warps'],
  'layers': [
    'initialization',
    'moments',
    'noise_injection',
    'gating',
    'interception',
    'neural_noise',
    'noisy_dropout',
    'weight_map',
  ],
  'augmentation': [
    'cropping',
    'flipping',
    'resolution',
    'operations',
    'augmix',
    'adversarial_noise',
    'autoencoder',
    'deep_augment',
    'noise2net',
  ],
  'attribution': [
    'checks',
    'quadrature',
    'integrated_gradients',
    'fig_loss',
    'grad_cam',
    'amplification',
  ],
  'corruptions': [
    'draws',
    'pixel_noise',
    'blur',
    'glass',
    'fractal',
    'weather',
    'frost',
    'water',
    'spatter',
    'digital',
    'jpeg',
    'elastic',
    'geometry',
    'strokes',
    'edges',
    'named',
    'catalog',
    'cifar10_c',
  ],
  'models': [
    'convolution',
    'fan_in_layers',
    'projection',
    'classifier',
    'mnist_cnn',
    'alexnet',
    'cifar10_net',
    'spatial_layer',
    'weight_map_cnn',
    'resnet',
    'batch_norm',
    'resnet50',
    'densenet',
    'flops',
    'catalog',
    'wrapping',
    'import_torch',
  ],
  'data': [
    'array_cache',
    'data_set',
    'splits',
    'photographs',
    'camera_traps',
    'lazy_images',
    'tfds_folders',
    'sources',
    'preprocessing',
    'pipeline',
    'streaming',
  ],
  'evaluation': [
    'checks',
    'canvas',
    'predictions',
    'metrics',
    'gate_activity',
    'scores',
    'statistics',
    'discriminants',
    'rows',
    'references',
    'tables',
    'results',
    'comparison',
    'corrupted_sets',
    'array_files',
    'image_folders',
    'tfds_sets',
    'published',
    'cells',
    'adversarial_sets',
    'plans',
    'sweep',
    'plots',
    'report',
  ],
  'papers': [
    'measures',
    'claims',
    'tables',
    'noiseout',
    'noiseout_hosts',
    'noise_progression',
    'noisy_dropout',
    'noisy_dropout_grid',
    'weight_map',
    'weight_map_curves',
    'explanations',
    'heat_maps',
    'gate_projection',
    'variances',
    'figures',
    'catalog',
    'measuring',
    'reproduction',
    'collecting',
    'drawing',
    'model_sizes',
    'comparison',
    'reporting',
    'training_cost',
  ],
  'training': [
    'state',
    'losses',
    'progression',
    'strengths',
    'optimizer',
    'processes',
    'sharding',
    'checkpointing',
    'seeds',
    'adversary',
    'autoencoder_training',
    'augmenting',
    'steps',
    'programs',
    'config_fields',
    'run_config',
    'run_files',
    'building',
    'run_data',
    'timing',
    'workdir_lock',
    'interruption',
    'metric_writers',
    'feeds',
    'loop',
    'restoring',
    'initial_weights',
    'preparing',
    'runs',
  ],
}


def _level(room):
  return next(i for i, rooms in enumerate(ROOMS) if room in rooms)


def _imported(path):
  """Dotted names this file imports, `from a import b` as a.b."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      yield from (f'{node.module}.{alias.name}' for alias in node.names)


def _modules(root):
  package = root / 'robustjax'
  for path in sorted(package.rglob('*.py')):
    if path.name != '__init__.py':
      yield path, path.relative_to(package).with_suffix('').parts


def test_files_import_only_what_is_above_them(root):
  for path, parts in _modules(root):
    for name in _imported(path):
      package, *others = name.split('.')
      assert package not in ('configs', 'launch', 'tensorflow'), (path, name)
      if package != 'robustjax':
        continue
      room = others[0]
      if room != parts[0]:
        assert _level(room) <= _level(parts[0]), f'{path} imports {name}'
        is_root = _level(room) == 0
        assert is_root or _level(room) < _level(parts[0]), (path, name)
      elif len(parts) == 2:
        order = FILES[room]
        assert order.index(others[1]) < order.index(parts[1]), (path, name)


def test_every_file_has_its_place(root):
  for path, parts in _modules(root):
    if len(parts) == 1:
      assert parts[0] in ROOMS[0] | {'attacks'}, path
    else:
      assert parts[1] in FILES[parts[0]], path


def test_every_file_has_its_tests(root):
  for path, parts in _modules(root):
    if parts == ('array_types',) or parts == ('training', 'state'):
      continue  # Types only.
    expected = root.joinpath('tests', *parts[:-1], f'test_{parts[-1]}.py')
    assert expected.is_file(), f'{path} has no {expected}'


@pytest.mark.parametrize(
  'statement',
  [
    'import robustjax',
    'from robustjax import layers, models, corruptions, evaluation, data',
  ],
)
def test_import_loads_nothing_heavy(statement):
  heavy = ('orbax', 'grain', 'tensorflow_datasets', 'tensorflow', 'matplotlib')
  program = (
    f'import sys; {statement}; import robustjax;'
    f'found = [m for m in {heavy!r} if m in sys.modules];'
    'assert not found, found'
  )
  subprocess.run([sys.executable, '-c', program], check=True)


def test_every_public_name_is_there_and_documented():
  import robustjax

  for room in ('corruptions', 'data', 'evaluation', 'layers', 'models'):
    module = getattr(robustjax, room)
    for name in module.__all__:
      value = getattr(module, name)
      if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value), f'{room}.{name} has no docstring'
  for name in ('train', 'restore', 'evaluate'):
    assert 'Args:' in getattr(robustjax, name).__doc__
  assert set(robustjax.__all__) <= set(dir(robustjax))
  with pytest.raises(AttributeError, match='nothing'):
    robustjax.nothing  # noqa: B018
