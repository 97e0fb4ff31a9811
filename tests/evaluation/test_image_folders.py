import numpy as np
from PIL import Image
import pytest

from robustjax import errors
from robustjax.evaluation import metrics
from robustjax.evaluation import published

_WNIDS = ('n01440764', 'n01443537', 'n02007558')
_FILES = ('ILSVRC2012_val_1.JPEG', 'ILSVRC2012_val_2.JPEG')


@pytest.fixture
def folder(tmp_path):
  """Two corruptions at two severities; each image is of one grey."""
  for corruption in ('fog', 'snow'):
    for severity in (1, 4):
      for place, wnid in enumerate(_WNIDS):
        parent = tmp_path / corruption / str(severity) / wnid
        parent.mkdir(parents=True)
        for number, name in enumerate(_FILES):
          level = 40 * severity + 20 * place + number
          image = Image.new('RGB', (224, 224 + number), (level,) * 3)
          image.save(parent / name, quality=95)
  return tmp_path


def _find(folder):
  return published.find('imagenet_c', folder, num_classes=len(_WNIDS))


def _check(folder):
  _find(folder).check(['fog', 'snow'], [1, 4])


def test_classes_are_the_sorted_folders_and_files_are_read_in_order(folder):
  _check(folder)
  found = _find(folder).open('snow', 4)
  assert found.images.shape == (6, 224, 224, 3)
  assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
  assert (found.name, found.num_classes) == ('imagenet_c/snow/4', 3)
  # A JPEG of one grey is exact.
  assert found.images[:][:, 100, 100, 0].tolist() == [
    160,
    161,
    180,
    181,
    200,
    201,
  ]
  predict = lambda x: 5 * np.eye(3)[[0] * len(x)]
  seen = metrics.predictions_of(predict, found, batch_size=4)
  assert seen.counts == (2, 6)


def test_other_files_are_passed_over(folder):
  (folder / 'fog' / '1' / _WNIDS[0] / 'Thumbs.db').write_text('')
  (folder / 'fog' / '1' / 'README').write_text('')
  _check(folder)
  assert len(_find(folder).open('fog', 1).labels) == 6


@pytest.mark.parametrize(
  ('missing', 'message'),
  [
    ('snow/4/n01443537/ILSVRC2012_val_2.JPEG', '1 and not 2 .*val_2.JPEG'),
    ('snow/1/n02007558', '3 folders of images, one per class, got 2'),
    ('fog/4', r'fog/4: .* got no such folder'),
    ('snow', r'snow/1: .* got no such folder'),
  ],
)
def test_what_is_missing_is_named(folder, missing, message):
  for path in sorted((folder / missing).rglob('*'), reverse=True):
    path.rmdir() if path.is_dir() else path.unlink()
  path = folder / missing
  path.rmdir() if path.is_dir() else path.unlink()
  with pytest.raises(errors.InputError, match=message) as caught:
    _check(folder)
  assert '\n' not in str(caught.value)


def test_a_class_without_images_is_named(folder):
  for name in _FILES:
    (folder / 'fog' / '1' / _WNIDS[1] / name).unlink()
  with pytest.raises(errors.InputError, match='JPEG files in .*n01443537'):
    _check(folder)


def test_damaged_files_are_named_before_a_model_runs(folder):
  path = folder / 'fog' / '4' / _WNIDS[2] / _FILES[0]
  path.write_bytes(path.read_bytes()[:400])
  with pytest.raises(errors.InputError, match=f'whole JPEG file: {path}'):
    _find(folder).open('fog', 4)


def test_a_thousand_classes_are_expected_unless_told(folder):
  with pytest.raises(errors.InputError, match='1000 folders .* got 3'):
    published.find('imagenet_c', folder).check(['fog'], [1])
