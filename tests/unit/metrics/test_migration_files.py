import pytest

from services.metrics.migration import Branch, migrations


@pytest.mark.parametrize("branch", Branch)
def test_numbers_of_a_branch_are_one_after_another(branch):
    numbers = [int(each.name.split("_")[0]) for each in migrations(branch)]

    assert numbers == list(range(1, len(numbers) + 1))


def test_both_branches_have_the_same_steps_in_number():
    assert len(migrations(Branch.PLAIN)) == len(migrations(Branch.TIMESCALE))
