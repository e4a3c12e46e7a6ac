"""What is said, and done, where the executor's own files find no room."""

import errno

import pytest

from services.executor.scoring.driver_process import DriverProcess
from services.executor.scoring.errors import ScoringError, unforeseen
from services.executor.scoring.settings import ScoringSettings


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_a_code_of_its_own_and_may_be_tried_again(number):
    failure = unforeseen(OSError(number, "No space left on device"))

    assert (failure.code, failure.retryable) == ("disk-full", True)


def test_what_nobody_foresaw_has_its_kind_and_its_words_apart():
    failure = unforeseen(ValueError("seven"))

    assert (failure.code, failure.detail, failure.retryable) == ("internal", "ValueError: seven", False)
    assert "ValueError" in failure.message
    assert "seven" not in failure.message


async def test_a_driver_without_a_folder_says_so_instead_of_ending_whoever_keeps_it(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    process = DriverProcess(ScoringSettings(work_dir=in_the_way / "work"))

    with pytest.raises(ScoringError) as caught:
        await process.start(timeout_s=5)
    assert "NotADirectoryError" in caught.value.message
