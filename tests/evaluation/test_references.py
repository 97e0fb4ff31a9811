import pytest

from robustjax import errors
from robustjax import evaluation
from robustjax.evaluation import references


def _severities(name='fog', correct=(80, 60), clean=90, **change):
  rows = [evaluation.Row('identity', None, clean, 100)]
  rows += [
    evaluation.Row(name, None, right, 100, severity)
    for severity, right in enumerate(correct, start=1)
  ]
  found = evaluation.Results('cifar10_c', 'photos', tuple(rows), 'generated')
  return found._replace(**change)


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'benchmark': 'imagenet_c'}, 'benchmark: cifar10_c'),
    ({'source': 'drawings'}, 'source: photos.* got drawings'),
    ({'origin': 'published'}, 'origin: generated'),
    ({'processing': ('JPEG',)}, 'processing'),
    ({'rows': _severities().rows[:2]}, 'got others: fog 2'),
    ({'rows': _severities('snow').rows}, 'others: fog 1, fog 2, snow 1'),
    ({'rows': _severities(correct=(100, 100)).rows}, 'above 0 on fog'),
    (
      {'rows': tuple(r._replace(total=200) for r in _severities().rows)},
      '200 images for 100',
    ),
  ],
)
def test_a_reference_on_other_sets_is_named(change, message):
  other = _severities(**change)
  with pytest.raises(errors.InputError, match=f'reference: .*{message}'):
    _severities().with_reference(other, 'cnn')


def test_a_reference_on_images_of_other_classes_is_named():
  one, other = (
    found._replace(
      rows=tuple(row._replace(class_total=counts) for row in found.rows)
    )
    for found, counts in (
      (_severities(), (60, 40)),
      (_severities(), (50, 50)),
    )
  )
  with pytest.raises(errors.InputError, match='reference: .*by class'):
    one.with_reference(other, 'cnn')
  # Logits for further classes do not make other images.
  wider = tuple(row._replace(class_total=(60, 40, 0)) for row in one.rows)
  assert one.with_reference(one._replace(rows=wider), 'cnn').mce == 100
  for wrong in (None, 'cnn', {'mce': 3}):
    with pytest.raises(errors.InputError, match='reference: '):
      one.with_reference(wrong, 'cnn')
  with pytest.raises(errors.InputError, match='reference_name: '):
    one.with_reference(one, None)


def test_attacks_make_images_of_their_own_for_every_classifier():
  rows = (
    evaluation.Row('clean', None, 90, 100),
    evaluation.Row('fgsm', 0.1, 50, 100),
  )
  one = evaluation.Results('fgsm', 'x', rows, 'generated', ('softmax',))
  other = one._replace(processing=('sigmoid',))
  assert one.with_reference(other, 'cnn').mce == 100


def test_errors_are_listed_by_corruption_without_the_clean_set():
  assert references.rates(_severities()) == {'fog': (0.2, 0.4)}


def test_a_reference_of_a_file_is_checked():
  found = _severities().with_reference(_severities(), 'cnn')
  content = found.to_dict()
  assert references.from_dict(content) == found.reference
  assert references.from_dict({}) is None
  for change in (
    {'reference_errors': 3},
    {'reference_errors': {'fog': []}},
    {'reference_errors': {'fog': [1.2]}},
    {'reference_clean_error': 'a'},
  ):
    with pytest.raises(errors.InputError, match=next(iter(change))):
      references.from_dict(content | change)
