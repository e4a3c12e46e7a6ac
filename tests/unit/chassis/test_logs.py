import logging

from chassis.logs import OnceAMinute


def record(name: str, message: str, *, traceback: bool = False) -> logging.LogRecord:
    info = (RuntimeError, RuntimeError(message), None) if traceback else None
    return logging.LogRecord(name, logging.ERROR, "", 1, message, (), info)


def test_a_talkative_library_gets_one_line_a_minute_that_counts_the_others(clock):
    seldom = OnceAMinute(clock.monotonic)
    passed = []
    for number in range(1000):
        line = record("aiokafka.consumer.fetcher", f"failed {number}")
        if seldom.filter(line):
            passed.append(line)
        clock.pass_time(0.125)

    assert [each.held_back for each in passed] == [0, 479, 479]


def test_a_traceback_is_not_held_back_by_other_lines(clock):
    seldom = OnceAMinute(clock.monotonic)
    assert seldom.filter(record("aiokafka", "no connection"))

    assert seldom.filter(record("aiokafka.consumer", "what nobody foresaw", traceback=True))
    assert not seldom.filter(record("aiokafka.consumer", "what nobody foresaw", traceback=True))


def test_others_speak_as_often_as_they_like(clock):
    seldom = OnceAMinute(clock.monotonic)

    assert all(seldom.filter(record("services.registry", "said")) for _ in range(100))
