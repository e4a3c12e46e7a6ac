"""What a model prints, as the log takes it."""

from chassis.sandbox.output_lines import BURST, MAX_CHARACTERS, OutputLines


class Held:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_lines_come_out_whole_however_they_came_in():
    words = OutputLines()
    assert words.take(b"one\ntw") == ["one"]
    assert words.take(b"o\nthree") == ["two"]
    assert words.end() == ["three"]


def test_control_characters_escapes_and_changes_of_direction_are_replaced():
    assert OutputLines().take("\x1b[31mred\x07\tb\u202eack\u2028\r\n".encode()) == [
        "\ufffd[31mred\ufffd b\ufffdack \ufffd"
    ]


def test_what_is_not_utf8_is_replaced():
    assert OutputLines().take(b"caf\xe9 \xff\n") == ["caf\ufffd \ufffd"]


def test_a_line_without_end_is_cut_and_its_rest_passed_over():
    words = OutputLines()
    lines = [line for _ in range(100) for line in words.take(b"x" * 10_000)]
    lines += words.take(b"\nnext\n")
    assert [len(line) for line in lines] == [MAX_CHARACTERS, 4]
    assert lines[0].endswith("…")


def test_more_than_the_limit_is_left_out_and_counted():
    clock = Held()
    words = OutputLines(clock)
    assert len(words.take(b"again\n" * 1_000)) == BURST
    clock.now = 1.0
    assert words.take(b"later\n") == ["… 900 lines left out: more than 20 a second", "later"]


def test_what_was_left_out_at_the_end_is_owned_up_to():
    words = OutputLines(Held())
    words.take(b"again\n" * (BURST + 5))
    assert words.end() == ["… 5 lines left out: more than 20 a second"]


def test_the_last_words_are_kept_whatever_the_limit_said():
    words = OutputLines(Held())
    words.take(b"again\n" * 1_000 + b"Killed: the reason\n")
    assert words.last.endswith("Killed: the reason")
