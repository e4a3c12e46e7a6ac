"""The sandboxed child: loads one model, then scores chunks until its socket closes or nobody asks for a while.

Started as `python -m child.main <socket's descriptor> <idle seconds>`; it trusts its parent, not the reverse.
"""

import io
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from . import formats
from .chunk import ArrowChunk, Chunk, ChunkUnreadable, ParquetChunk
from .conversion import Column
from .counting import Counting
from .failing import in_words
from .outputs import PredictionShape
from .scoring import Model, ModelFailed, Plan, Scored, score_chunk
from .wire import Mappings, receive, send

MAX_MESSAGE = 2_000


def main() -> None:
    link = socket.socket(fileno=int(sys.argv[1]))
    link.settimeout(float(sys.argv[2]))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a model prints is read while it runs.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    loaded: tuple[Model, Plan] | None = None
    counting: Counting | None = None
    mappings = Mappings()
    try:
        while True:
            header, pieces = receive(link, mappings)
            if header["op"] == "load":
                loaded = _load(link, json.loads(bytes(pieces[0]))) or loaded
            elif header["op"] == "count":
                raw = json.loads(bytes(pieces[0]))
                counting = Counting.from_dict(raw) if raw else None
            elif loaded:
                _score(link, _chunk(header, pieces), loaded, counting)
    except (EOFError, TimeoutError, BrokenPipeError):
        return


def _load(link: socket.socket, task: dict[str, Any]) -> tuple[Model, Plan] | None:
    plan = Plan(
        inputs=tuple(Column(**column) for column in task["inputs"]),
        outputs=tuple(Column(**column) for column in task["outputs"]),
        text=task["text"],
    )
    source = formats.Source(
        path=Path(task["path"]),
        entrypoint=task["entrypoint"],
        inputs=plan.inputs,
        outputs=plan.outputs,
        params=task["params"],
    )
    try:
        chosen = formats.find(task["format"])
        found = chosen.inspect(source).to_dict()
        model = chosen.load(source)
    except formats.SignatureMismatch as error:
        _fail(link, "signature-mismatch", str(error))
        return None
    except formats.ModelUnsupported as error:
        _fail(link, "model-unsupported", str(error))
        return None
    except Exception as error:  # noqa: BLE001 - whatever a pickle raises
        _fail(link, "artifact-unreadable", in_words(error))
        return None
    send(link, {"ok": True, "inspection": found})
    return model, plan


def _score(link: socket.socket, chunk: Chunk, loaded: tuple[Model, Plan], counting: Counting | None) -> None:
    model, plan = loaded
    try:
        _answer(link, score_chunk(chunk, plan, model, counting))
    except ModelFailed as error:
        _fail(link, "model-failed", str(error), row=error.row)
    except PredictionShape as error:
        _fail(link, "prediction-shape", str(error))
    except ChunkUnreadable as error:
        _fail(link, "input-corrupt", str(error))
    except MemoryError as error:
        _fail(link, "model-failed", in_words(error))


def _chunk(header: dict[str, Any], pieces: list[memoryview]) -> Chunk:
    if header["kind"] == "arrow":
        return ArrowChunk(pieces[0])
    return ParquetChunk(footer=pieces[0], row_group=header["row_group"], start=header["start"], data=pieces[1])


def _answer(link: socket.socket, scored: Scored) -> None:
    header = {"ok": True, "rows": scored.rows, "seconds": scored.seconds, "counting_s": scored.counting_s}
    counts = json.dumps(scored.counts.to_dict() if scored.counts else None).encode()
    send(link, header, (_stream(scored.predictions), _stream(scored.rejections), memoryview(counts)))


def _stream(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def _fail(link: socket.socket, code: str, message: str, *, row: int | None = None) -> None:
    send(link, {"ok": False, "code": code, "message": message[:MAX_MESSAGE], "row": row})


if __name__ == "__main__":
    main()
