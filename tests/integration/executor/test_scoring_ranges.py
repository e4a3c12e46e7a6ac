"""A large CSV object that tasks share gives what one task makes of it: rows, rejected rows and their numbers."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest
import pytest_asyncio

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import Progress
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, Output, predicting, score, signature
from tests.integration.executor.conftest import warmed

SHARING = {"csv_range_bytes": 5_000, "csv_look_cores": 2}
FIRST = predicting("rows.iloc[:, 0].to_numpy() * 2.0")


@pytest_asyncio.fixture(scope="module")
async def sharing(scoring_settings: ScoringSettings) -> AsyncIterator[WarmDriver]:
    """A driver whose tasks share all but the smallest CSV objects; `driver` reads each by one."""
    async with warmed(scoring_settings.model_copy(update=SHARING)) as made:
        yield made


def lines(rows: int, end: str, line: str = 'a ""line"" of {}') -> Iterator[str]:
    """Every third is no row or holds no number, every fifth has a text of many such lines."""
    yield "id,f0,note" + end
    for number in range(rows):
        text = (line.format(number) + end) * 20
        note = "fine" if number % 5 else f'"{text}"'
        wrong = f"1.5,too,{note}", f"three,{note}", "1.5"
        record = f"{number}.5,{note}" if number % 3 else wrong[number % 9 // 3]
        yield f"{number},{record}{end if number % 7 else end + end}"


def plain_lines(rows: int, end: str) -> Iterator[str]:
    """Every third holds no number, none has a text of many lines."""
    yield "id,f0,note" + end
    for number in range(rows):
        yield f'{number},{number if number % 3 else "three"},"a ""note"""{end}'


def cuts_in_quotes(data: bytes, ranges: int) -> int:
    return sum(data[: len(data) * number // ranges].count(b'"') % 2 for number in range(1, ranges))


async def scored_csv(bench: Bench, driver: WarmDriver, uri: str) -> tuple[Output, list[dict]]:
    """What came of it, and the run's log."""
    model = bench.code(FIRST, signature=signature(names=["f0"]))
    outcome = await score(driver, bench.job(uri, model, format="csv"))
    output = bench.read(outcome)
    assert (outcome.rows_out, outcome.rows_rejected) == (output.manifest["rows"], output.manifest["rows_rejected"])
    return output, [json.loads(line) for line in bench.fetch(outcome.log_uri).splitlines()]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_tasks_that_share_an_object_find_what_one_finds(
    bench: Bench, driver: WarmDriver, sharing: WarmDriver, end: str
) -> None:
    data = b"\xef\xbb\xbf" + "".join(lines(700, end)).encode()
    uri = bench.new_input(data, suffix=".csv")
    output, log = await scored_csv(bench, sharing, uri)
    [planned] = named(log, "planned")
    assert planned["splits"] == len(output.manifest["parts"]) > 8
    assert planned["rows"] == 700
    assert cuts_in_quotes(data, planned["splits"]) > 2
    alone, log = await scored_csv(bench, driver, uri)
    assert [line["splits"] for line in named(log, "planned")] == [1]
    assert output.rows == alone.rows
    assert output.rejected == alone.rejected
    assert output.rejected["rejected_row"].to_pylist() == list(range(1, 701, 3))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_ranges_that_begin_with_rows_are_read_once(
    bench: Bench, driver: WarmDriver, sharing: WarmDriver, end: str
) -> None:
    uri = bench.new_input("".join(plain_lines(3_000, end)).encode(), suffix=".csv")
    output, log = await scored_csv(bench, sharing, uri)
    [planned] = named(log, "planned")
    assert planned["rows"] is None  # Nobody has counted them before.
    assert planned["splits"] == len(output.manifest["parts"]) > 8
    assert not named(log, "read_again")
    alone, _ = await scored_csv(bench, driver, uri)
    assert output.rows == alone.rows
    assert output.rejected == alone.rejected
    assert output.rejected["rejected_row"].to_pylist() == list(range(1, 3_001, 3))
    ensure_nothing_is_left(bench, output)


async def test_what_only_seems_to_be_a_row_is_read_again(bench: Bench, driver: WarmDriver, sharing: WarmDriver) -> None:
    uri = bench.new_input("".join(lines(700, "\n", line="{},like,a row")).encode(), suffix=".csv")
    output, log = await scored_csv(bench, sharing, uri)
    [again] = named(log, "read_again")
    assert again["reason"] == "a record goes on behind its range"
    assert [line["rows"] for line in named(log, "planned")] == [None, 700]
    alone, _ = await scored_csv(bench, driver, uri)
    assert output.rows == alone.rows
    assert output.rejected == alone.rejected
    ensure_nothing_is_left(bench, output)


def named(log: list[dict], event: str) -> list[dict]:
    return [line for line in log if line.get("event") == event]


def ensure_nothing_is_left(bench: Bench, output: Output) -> None:
    """Of what was scored or numbered wrongly at first."""
    parts = {part["key"] for part in (*output.manifest["parts"], *output.manifest["rejected"])}
    folder = min(parts).rpartition("/")[0]
    stored = {each.key for each in bench.results.list(f"{folder}/") if "part-" in each.key}
    assert stored == parts


async def test_an_object_beside_small_ones_keeps_its_place_among_them(bench: Bench, sharing: WarmDriver) -> None:
    small = [b"id,f0\n%d,1.5\n" % number for number in (1, 3)]
    large = b"id,f0\n" + b"2,2.5\n" * 3_000
    output, _ = await scored_csv(bench, sharing, bench.new_input(small[0], large, small[1], suffix=".csv"))
    assert output.rows["id"].to_pylist() == ["1", *["2"] * 3_000, "3"]
    assert len(output.manifest["parts"]) > 3


async def test_a_packed_or_wide_object_is_read_by_one_task(bench: Bench, sharing: WarmDriver) -> None:
    wide = ("\ufeffid,f0\n" + "1,2.5\n" * 3_000).encode("utf-16-le")
    output, _ = await scored_csv(bench, sharing, bench.new_input(wide, suffix=".csv"))
    assert [part["rows"] for part in output.manifest["parts"]] == [3_000]


async def test_a_model_that_raises_in_a_range_is_told_with_the_row_of_the_whole_object(
    bench: Bench, driver: WarmDriver, sharing: WarmDriver
) -> None:
    model = bench.code(
        predicting("[1 / (0 if value == 2501 else 1) for value in rows['id']]"), signature=signature(names=["id"])
    )
    many = "id,note\n" + "".join(f'{number},"x\ny"\n' if number % 2 else f"{number}\n" for number in range(4_000))
    plain = "id,note\n" + "".join(f"{number},x\n" for number in range(4_000))
    for each, text in itertools.product((driver, sharing), (many, plain)):
        uri = bench.new_input(text.encode(), suffix=".csv")
        with pytest.raises(ScoringError) as caught:
            await score(each, bench.job(uri, model, format="csv"))
        assert "row 2502)" in caught.value.message


async def test_a_shared_object_shows_how_far_it_is(bench: Bench, sharing: WarmDriver) -> None:
    slow = predicting("(__import__('time').sleep(0.3), np.arange(len(rows), dtype=float))[1]")
    model = bench.code(slow, signature=signature(names=["f0"]))
    uri = bench.new_input("".join(lines(700, "\n")).encode(), suffix=".csv")
    seen = list[Progress]()
    await sharing.run(bench.job(uri, model, format="csv"), on_progress=seen.append)
    assert {each.rows_total for each in seen} == {700}
    assert all(before.rows_done <= after.rows_done <= 700 for before, after in pairwise(seen))
