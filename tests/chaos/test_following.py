"""A runbook that says what isn't so is found out."""

from pathlib import Path

import pytest

from tests.chaos.runbook import follow, follow_all, steps

RUNBOOK = """
Look:
```sh
echo "id   one/1   open"
echo behind it >&2
```
```text
id … open
behind it
```
It ends with 3, and what it prints isn't told:
```sh exits=3
exit 3
```
"""


def test_what_is_written_is_done_and_has_to_come_true(tmp_path: Path) -> None:
    (tmp_path / "runbook.md").write_text(RUNBOOK)

    look, end = steps(tmp_path / "runbook.md")

    assert "one/1" in follow(look, tmp_path, {})
    assert "two/2" in follow(look, tmp_path, {"one/1": "two/2"})
    follow(end, tmp_path, {})


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("… open\n", "… closed\n"),
        ("exits=3", "exits=4"),
        ("exit 3", "exit 0"),
        ("behind it\n```\nIt", "before\n```\nIt"),
    ],
)
def test_what_does_not_come_true_is_found_out(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in RUNBOOK
    (tmp_path / "runbook.md").write_text(RUNBOOK.replace(right, wrong))

    with pytest.raises(AssertionError):
        follow_all(tmp_path / "runbook.md", tmp_path, {})
