import ml_collections

from robustjax import evaluation
from robustjax.papers import collecting
from robustjax.papers import measures
from robustjax.papers import measuring
from robustjax.papers import reproduction
from robustjax.papers import tables

NOISE = measures.Benchmark('degradations', {'gaussian_noise': (0.2,)})
RESULTS = evaluation.Results(
  'degradations',
  'x',
  (
    evaluation.Row('clean', None, 7, 10, class_correct=(7,), class_total=(10,)),
    evaluation.Row('gaussian_noise', 0.2, 4, 10),
  ),
)


def test_what_was_found_is_read_by_cell_and_seed(tmp_path, monkeypatch):
  config = ml_collections.ConfigDict({'variant': 'cnn'})
  monkeypatch.setattr(
    reproduction, 'run_folder', lambda out, config: out / config.variant
  )
  read = []

  def read_first_seed(folder, benchmark, config, num_images):
    read.append((folder, benchmark.label, num_images))
    if folder.name != 'seed-0':
      return None  # Not there yet.
    return measuring.Measured(RESULTS, {'seed': 0})

  monkeypatch.setattr(measuring, 'read', read_first_seed)
  cell = tables.Cell('f.py:cnn', {}, measure=measures.mean_accuracy(NOISE))
  cells = {
    ('a', 'x'): cell,
    ('a', 'y'): cell._replace(measure=measures.clean_error(NOISE)),
    # There are no images of class 9.
    ('a', 'z'): cell._replace(measure=measures.class_accuracy(9, NOISE)),
  }
  others = (measures.corrupted_accuracy(NOISE),)
  table = tables.Table('t', cells, 'a', 'n', others=others)
  runs = {place: ('name', config) for place in cells}
  scale = reproduction.Scale(2, num_images=8)
  found = collecting.collect(table, runs, tmp_path, scale)
  assert found.found == {
    ('a', 'x'): {0: RESULTS.accuracy},
    ('a', 'y'): {0: 0.3},
    ('a', 'z'): {},
  }
  assert found.others == {
    'mean of the corrupted sets': {place: {0: 0.4} for place in cells}
  }
  assert found.summaries == ({'seed': 0},)
  # Cells share runs: each file is read once.
  assert read == [
    (tmp_path / 'cnn' / f'seed-{seed}', NOISE.label, 8) for seed in (0, 1)
  ]
