import json
from contextlib import asynccontextmanager

import pytest
from typer.testing import CliRunner

from chassis.deadletters import cli
from tests.unit.chassis.conftest import promotion


@pytest.fixture
def run(world, monkeypatch):
    @asynccontextmanager
    async def opened(*_):
        yield world.office

    monkeypatch.setattr(cli, "opened", opened)
    monkeypatch.setattr(cli, "kafka_of", lambda _: None)
    monkeypatch.setattr(cli, "mongo_of", lambda _: None)

    def run(*arguments, **options):
        return CliRunner().invoke(cli.app, list(arguments), **options)

    return run


@pytest.fixture
def bury(world):
    def bury(*arguments, **options):
        coroutine = world.buried(*arguments, **options)
        with pytest.raises(StopIteration) as ended:  # It waits for nothing, so a step takes it to its end.
            coroutine.send(None)
        return ended.value.value

    return bury


def test_it_says_so_when_there_are_none(run):
    result = run("list")

    assert (result.exit_code, result.stdout.strip()[:15]) == (0, "no dead letters")


def test_only_what_waits_for_somebody_is_listed(run, bury):
    bury(b"nonsense", code="bad-json")
    bury(promotion(), code="handler-failed")
    assert run("drop", "registry/0/0", "--reason", "a test").exit_code == 0

    def listed(*options):
        return [(each["id"], each["state"]) for each in json.loads(run("list", "--json", *options).stdout)]

    assert listed() == [("registry/0/1", "open")]
    assert listed("--all") == [("registry/0/0", "dropped"), ("registry/0/1", "open")]
    assert "handler-failed" in run("list").stdout


def test_one_is_shown_with_its_headers_its_body_and_what_is_wrong(run, bury):
    bury(promotion(version="three"), headers={"x-own": b"kept", "authorization": b"Bearer s3cret"})

    shown = run("show", "registry/0/0").stdout

    assert "s3cret" not in shown
    for said in ("x-own", '"alias": "champion"', "must be a whole number", "ml.model.requests/1@7"):
        assert said in shown


def test_what_strangers_wrote_does_not_steer_the_terminal(run, bury):
    bury(b'{"a": "\x1b[2J"}\x1b]0;owned\x07', key=b"\x1b[31mred", headers={"x\x1b[1m": b"\xe2\x80\xae"})

    for shown in (run("show", "registry/0/0").stdout, run("list").stdout, run("list", "--json").stdout):
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert "[31mred" in shown


def test_all_that_match_are_replayed_once_that_is_confirmed(run, bury, world):
    for _ in range(2):
        bury(promotion(), code="handler-failed")
    bury(b"nonsense")

    assert run("replay", "--all-matching", "--code", "handler-failed", input="n\n").exit_code == 1
    assert world.publisher.published == []

    result = run("replay", "--all-matching", "--code", "handler-failed", input="y\n")
    assert (result.exit_code, len(world.publisher.published)) == (0, 2)
    assert "no dead letters match" in run("replay", "--all-matching", "--code", "handler-failed", "--yes").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nonsense"), "is no dead letter's id"),
        (("show", "registry/0/99"), "there is no dead letter registry/0/99"),
        (("list", "--service", "nobody"), "those are registry"),
        (("list", "--since", "yesterday"), "write 30m"),
        (("replay",), "one of both"),
        (("replay", "registry/0/0", "--token", "a\nb"), "no token has"),
        (("drop", "registry/0/0", "--reason", " "), "say why"),
    ],
)
def test_what_is_asked_wrongly_is_answered_in_one_line(run, arguments, said):
    result = run(*arguments)

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert said in result.stderr


def test_who_decides_is_kept_as_it_can_be_written(run, bury, world):
    bury(promotion())

    assert run("drop", "registry/0/0", "--reason", "\udcff", "--by", "\udcfe").exit_code == 0

    (kept,) = world.databases["registry"]["dead_letter_decisions"].documents.values()
    assert (kept["by"], kept["reason"]) == ("\\udcfe", "\\udcff")


def test_one_that_was_cut_says_what_it_had_and_ends_a_replay_with_one(run, bury):
    bury(b"[" * 600_000, code="too-large", headers={"authorization": b"Bearer s3cret"})

    shown, replayed = run("show", "registry/0/0"), run("replay", "registry/0/0")

    assert "value had 600000 bytes" in shown.stdout
    assert "a token was cut out" in shown.stdout
    assert json.loads(run("list", "--json").stdout)[0]["cut"] == {"value": "600000"}
    assert (replayed.exit_code, "can't be sent again" in replayed.stdout) == (1, True)
