"""Ops on a model: `load`, then for each split `begin`, its chunks, `end`; and `sample` for the bins of a first run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from . import formats
from .bins import Bins, Counting, pack_bins
from .chunk import ParquetChunk
from .counting import Counter, bins_of
from .csv_dialect import CsvDialect
from .csv_records import CsvReader
from .csv_text import CsvUnreadable
from .hive import values_of
from .layout import Layout
from .moments import pack_moments
from .ops import Link, Op, columns_of
from .packing import pack_texts, pack_whole
from .pools import begin_pools
from .scoring import Model, Plan, score_batch
from .split import Counted, SplitScoring, whole

_REASONS: Final = 20
_BLOCK_BYTES: Final = 8 << 20


class ScoringOps:
    """One model, and one split at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._loaded: tuple[Model, Plan] | None = None
        self._split: SplitScoring | None = None
        self._ends_with_a_record = True
        self.ops: dict[str, Op] = {
            "load": self._load,
            "begin": self._begin,
            "row_group": self._row_group,
            "csv": self._csv,
            "end": self._end,
            "sample": self._sample,
        }

    def _load(self, _: dict[str, Any], pieces: list[memoryview]) -> None:
        asked = json.loads(bytes(pieces[0]))
        plan = Plan(inputs=columns_of(asked["inputs"]), outputs=columns_of(asked["outputs"]), text=asked["text"])
        source = formats.Source(
            path=Path(asked["path"]),
            entrypoint=asked["entrypoint"],
            inputs=plan.inputs,
            outputs=plan.outputs,
            params=asked["params"],
            text=plan.text,
        )
        begin_pools()
        chosen = formats.find(asked["format"])
        found = chosen.inspect(source).to_dict()
        self._loaded = chosen.load(source), plan
        self._link.tell({"inspection": found})

    def _begin(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        model, plan = self._model
        inputs, predictions = (Counting.from_dict(each).bins for each in json.loads(bytes(pieces[1])))
        counted = Counted(inputs, predictions, header["every"])
        self._ends_with_a_record = True
        self._split = SplitScoring(model, plan, Layout.from_bytes(bytes(pieces[0])), counted, header["part_bytes"])
        self._link.tell({})

    def _row_group(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        first_row: int = header["first_row"]
        self._scoring.add_parquet(_row_group(header, pieces), header["key"], lambda row: first_row + row + 1)
        self._report()

    def _csv(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        """The first stretch of an object, or of a range of it; the others follow.

        Each is answered when the next one is wanted.
        """
        split, key, counted = self._scoring, header["key"], header["records"]
        blocks = self._blocks(header, pieces[1])
        reader = CsvReader(CsvDialect.from_bytes(pieces[0]), blocks, start=header["start"], first=header["first"])
        for block in reader.blocks():
            split.add_csv(block, key)
        if counted is not None and reader.records != counted:
            raise CsvUnreadable(f"{reader.records} records instead of {counted} from the offset {header['start']} on")
        self._ends_with_a_record &= reader.ends_with_a_record
        for _ in blocks:
            """What follows a packed text's end is passed over, and answered all the same."""
        self._report()

    def _blocks(self, header: dict[str, Any], stretch: memoryview) -> Iterator[memoryview]:
        while True:
            for start in range(0, stretch.nbytes, _BLOCK_BYTES):
                yield stretch[start : start + _BLOCK_BYTES]
            if header["last"]:
                return
            self._report()
            header, (_, stretch) = self._link.receive()

    def _report(self) -> None:
        """What has come of the split since the last report, with parts that are finished."""
        parts = self._scoring.take_parts()
        told = vars(self._scoring.take_progress())
        self._link.tell(
            {**told, "parts": [[part.rows, part.rejected] for part in parts]}, *(part.data for part in parts)
        )

    def _end(self, _: dict[str, Any], __: list[memoryview]) -> None:
        split, self._split = self._scoring, None
        split.close()
        parts, reasons = split.take_parts(), split.reasons.most_common(_REASONS)
        counted = [
            *_counted(split.inputs, split.counted.inputs),
            *_counted(split.predictions, split.counted.predictions),
        ]
        self._link.tell(
            {
                **vars(split.take_progress()),
                "parts": [[part.rows, part.rejected] for part in parts],
                "reasons": len(split.reasons),
                "ends_with_a_record": self._ends_with_a_record,
            },
            *(part.data for part in parts),
            pack_texts([text for column in split.columns() for text in column]),
            *pack_moments(split.summary.columns),
            *counted,
            pack_texts([text or "" for reason, _ in reasons for text in reason]),
            pack_whole(count for _, count in reasons),
        )

    def _sample(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        """Bins that suit the first rows: of the model's inputs, and of what it makes of them."""
        model, plan = self._model
        batch = _first_batch(header, pieces, plan).slice(0, header["rows"])
        scored = score_batch(batch, plan, model, first_row=0, folders=values_of(header["key"]))
        predicted = scored.predictions
        outputs = [(name, whole(predicted.column(name))) for name in predicted.schema.names if predicted.num_rows]
        inputs = list(zip(plan.input_names, scored.columns, strict=True))
        made = [_bins(some[: header["columns"]], header) for some in (inputs, outputs)]
        self._link.tell({"rows": predicted.num_rows}, *(piece for bins in made for piece in pack_bins(bins)))

    @property
    def _model(self) -> tuple[Model, Plan]:
        if self._loaded is None:
            raise LookupError("no model was loaded")
        return self._loaded

    @property
    def _scoring(self) -> SplitScoring:
        if self._split is None:
            raise LookupError("no split was begun")
        return self._split


def _row_group(header: dict[str, Any], pieces: list[memoryview]) -> ParquetChunk:
    return ParquetChunk(footer=pieces[0], row_group=header["row_group"], start=header["start"], data=pieces[1])


def _first_batch(header: dict[str, Any], pieces: list[memoryview], plan: Plan) -> pa.RecordBatch:
    """Raises: LookupError where there are no rows."""
    if header["kind"] == "row_group":
        batches = _row_group(header, pieces).batches(plan.input_names)
    else:
        reader = CsvReader(CsvDialect.from_bytes(pieces[0]), iter([pieces[1]]), start=header["start"])
        batches = (batch for block in reader.blocks() for batch in block.table.to_batches())
    found = next(batches, None)
    if found is None or not found.num_rows:
        raise LookupError("the first piece has no rows")
    return found


def _counted(counter: Counter | None, bins: tuple[Bins, ...]) -> tuple[bytes, bytes, bytes]:
    """Which of the bins were counted in, and what."""
    if counter is None:
        return b"", b"", b""
    return pack_whole(bins.index(each) for each in counter.counting.bins), *counter.counts.packed()


def _bins(some: list[tuple[str, pa.Array]], header: dict[str, Any]) -> list[Bins]:
    made = (bins_of(name, values, bins=header["bins"], categories=header["categories"]) for name, values in some)
    return [each for each in made if each is not None]
