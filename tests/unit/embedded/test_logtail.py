import threading
from itertools import islice

from infra.embedded.logtail import follow, last_lines


def test_the_last_lines_are_given_in_order(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))
    assert last_lines(log, 2) == ["line 9998", "line 9999"]


def test_only_whole_lines_are_followed(tmp_path):
    log = tmp_path / "log"
    log.write_text("old\n")
    lines = follow({"kafka": log})
    positions = iter([b"a\nb", b"c\n"])

    def grow() -> None:
        with log.open("ab") as file:
            file.write(next(positions))

    # A generator runs no further than its first look, which is at the end.
    threading.Timer(0.1, grow).start()
    assert list(islice(lines, 1)) == [("kafka", "a")]
    grow()
    assert list(islice(lines, 1)) == [("kafka", "bc")]
