"""The list of mutants fits the code, so that it can be run."""

import pytest

from tests.mutation import mutants


@pytest.mark.parametrize(
  'mutant', mutants.MUTANTS, ids=lambda mutant: f'{mutant.file}-{mutant.what}'
)
def test_what_is_to_be_broken_is_there_once(root, mutant):
  text = (root / 'robustjax' / mutant.file).read_text()
  assert text.count(mutant.old) == 1
  assert mutant.old != mutant.new


def test_every_room_has_at_least_three():
  rooms = [mutant.file.partition('/')[0] for mutant in mutants.MUTANTS]
  root_files = [room for room in rooms if room.endswith('.py')]
  counts = {room: rooms.count(room) for room in rooms if room not in root_files}
  assert len(mutants.MUTANTS) >= 40
  assert root_files.count('attacks.py') >= 3
  assert len(root_files) >= 6
  assert min(counts.values()) >= 3, counts
