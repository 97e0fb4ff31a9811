import pytest

from robustjax.papers import weight_map_curves

FIGURES = weight_map_curves.FIGURES


@pytest.mark.parametrize(
  ('number', 'panels', 'rows', 'largest'),
  [('2', 6, 19, 1.0), ('3', 4, 6, 0.5), ('4', 4, 6, 0.5)],
)
def test_panels_are_networks_by_noise(number, panels, rows, largest):
  table = FIGURES[number]
  assert (len(table.panels), len(table.rows)) == (panels, rows)
  assert max(table.panels[0].columns.values()) == largest
  assert {row for panel in table.panels for row in panel.rows} == set(
    table.rows
  )
  assert table.shows == 'error'


def test_amounts_are_measured_as_they_are_drawn():
  table = FIGURES['3']
  cell = table.cells['ResNet, conv', 'uniform_noise 0.05']
  amounts = cell.measure.benchmark.amounts['uniform_noise']
  assert len(amounts) == 11
  assert amounts[1] == 0.05
  assert cell.overrides == {'dataset': 'cifar10', 'crop_padding': '0'}
  attack = table.cells['ResNet, conv', 'fgsm 0.00392'].measure.benchmark
  assert attack.epsilons[1] == 1 / 255


def _judge(number, text, error):
  """Judges the only claim of a text by the errors (row, amount) -> mean."""
  table = FIGURES[number]
  (claim,) = (claim for claim in table.claims if text in claim.text)
  amounts = {k: v for p in table.panels for k, v in p.columns.items()}
  found = {
    (row, column): {
      seed: error(row, amounts[column]) + 1e-9 * seed for seed in range(3)
    }
    for row, column in table.cells
  }
  return claim.judge(found)


def test_statements_name_rows_there_are():
  for table in FIGURES.values():
    found = {place: {0: 0.1} for place in table.cells}
    assert table.claims
    for claim in table.claims:
      assert claim.judge(found).answer == 'cannot be told', claim.text


def test_more_robust_is_less_error():
  text = 'FGSM: unsharp: more robust'
  error = lambda row, amount: 0.3 if row == 'unsharp' else 0.5
  assert _judge('2', text, error).answer == 'holds'


@pytest.mark.parametrize(
  ('number', 'text', 'outlier'),
  [
    ('2', 'uniform noise: smoothing; ', 'smoothing, kernel 9'),
    ('2', 'uniform noise: ResNet, unsharp', 'ResNet, unsharp'),
    ('2', 'FGSM: DenseNet, smoothing; DenseNet, unsharp; DenseNet, alternating'
     ' smoothing: every', 'DenseNet, unsharp'),
    ('4', 'uniform noise: DenseNet', 'DenseNet, alternating unsharp'),
  ],
)  # fmt: skip
def test_a_row_30_points_worse_refutes_all_are_better(number, text, outlier):
  table = FIGURES[number]
  references = {table.reference_of(row) for row in table.rows}

  def error(row, amount):
    return 0.8 if row == outlier else 0.5 if row in references else 0.1

  texts = [c.text for c in table.claims if text in c.text]
  # "At least one" is said as well, and holds.
  some = [text for text in texts if 'at least one' in text]
  (every,) = (text for text in texts if 'every one more robust' in text)
  verdict = _judge(number, every, error)
  assert verdict.answer == 'does not hold'
  assert f'{outlier}: -30.00' in verdict.figures
  assert all(_judge(number, one, error).answer == 'holds' for one in some)


def test_the_same_or_less_robust_is_not_less():
  text = 'FGSM: ResNet, smoothing; ResNet, unsharp'
  for gap, answer in ((0.0, 'holds'), (0.1, 'holds'), (-0.1, 'does not hold')):
    error = lambda row, amount, gap=gap: 0.5 + gap * ('unsharp' in row)
    assert _judge('2', text, error).answer == answer


def test_similar_curves_are_so_at_every_amount():
  text = (
    'FGSM: smoothing; smoothing, batchnorm; smoothing, kernel 9: every one as'
  )

  def crossing(row, amount):  # The mean over the amounts is the same.
    return 0.5 + (amount - 0.175) * (row == 'smoothing')

  assert _judge('2', text, lambda row, amount: 0.5).answer == 'holds'
  assert _judge('2', text, crossing).answer == 'does not hold'


def test_crossings_are_worse_first_and_better_then():
  text = 'uniform noise: DenseNet, alternating smoothing; DenseNet, alternating'

  def text_of(how):
    (found,) = (
      claim.text
      for claim in FIGURES['3'].claims
      if text in claim.text and how in claim.text
    )
    return found

  def error(row, amount):
    return 0.5 + (0.12 - amount) * (row != 'DenseNet, conv')

  verdict = _judge('3', text_of('as it grows'), error)
  assert verdict.answer == 'holds'
  assert 'the means cross between 0.1 and 0.15' in verdict.figures
  never = lambda row, amount: 0.5 + 0.1 * (row != 'DenseNet, conv')
  assert _judge('3', text_of('as it grows'), never).answer == 'does not hold'


def test_less_robust_at_all_noise_levels_is_at_each():
  text = 'uniform noise: ResNet, alternating smoothing: less robust'
  row = 'ResNet, alternating smoothing'
  worse = lambda one, amount: 0.5 + 0.2 * (one == row)
  assert _judge('3', text, worse).answer == 'holds'
  but_one = lambda one, amount: (
    worse(one, amount) - 0.3 * (one == row and amount == 0.5)
  )
  assert _judge('3', text, but_one).answer == 'does not hold'


def test_what_is_said_of_averages_is_judged_by_them():
  text = 'FGSM: ResNet, alternating smoothing; ResNet, alternating unsharp: on'
  gaps = {'ResNet, alternating smoothing': 0.3,
          'ResNet, alternating unsharp': -0.1}  # fmt: skip
  error = lambda row, amount: 0.5 + gaps.get(row, 0.0)
  verdict = _judge('3', text, error)
  assert verdict.answer == 'holds'
  assert verdict.figures.startswith('+10.00')
