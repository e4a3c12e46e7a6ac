"""What went wrong: a code, a sentence without anybody's values, and the rest for the log."""

from dataclasses import dataclass
from typing import Any, Final

from .binding import ModelUnsupported, SignatureMismatch
from .categories import UnseenCategory
from .chunk import ChunkUnreadable
from .csv_records import CsvUnreadable
from .described import SchemasDiffer, SchemaUnfit, SchemaUnreadable
from .failing import in_words
from .folder_values import FoldersUnfit
from .hive import FoldersDiffer
from .layout import InputUnfit
from .native import PredictionFailed, UnreadableModel
from .onnx_graph import NotOnnx
from .onnx_session import GraphFailed
from .outputs import PredictionShape
from .plain_words import plain
from .scoring import ModelFailed

_MAX_MESSAGE: Final = 2_000
_MAX_DETAIL: Final = 8_000


class ArtifactMismatch(Exception):
    """The bytes are not what their format says; the text follows the artifact's name."""


@dataclass(frozen=True)
class Failure:
    """`detail` is what a library said, which may quote rows: it is for the execution's log alone."""

    code: str
    message: str
    row: int | None = None
    detail: str = ""


_OURS: Final[dict[type[Exception], str]] = {
    ArtifactMismatch: "artifact-format-mismatch",
    SchemaUnreadable: "dataset-unreadable",
    SchemaUnfit: "dataset-unfit",
    SchemasDiffer: "dataset-schema-mismatch",
    FoldersUnfit: "input-unfit",
    FoldersDiffer: "input-mixed-schemas",
    SignatureMismatch: "signature-mismatch",
    ModelUnsupported: "model-unsupported",
    PredictionShape: "prediction-shape",
    UnreadableModel: "artifact-unreadable",
    ChunkUnreadable: "input-corrupt",
    CsvUnreadable: "input-corrupt",
    NotOnnx: "artifact-unreadable",
    GraphFailed: "model-failed",
}
"""Errors whose words are ours."""


def failure_of(error: Exception, header: dict[str, Any]) -> Failure:
    """The answer to a message that failed with `error`."""
    if isinstance(error, InputUnfit):
        return Failure(error.code, _short(str(error)))
    raised, row = (error.error, error.row) if isinstance(error, ModelFailed) else (error, None)
    if type(raised) in _OURS:
        return Failure(_OURS[type(raised)], _short(str(raised)), getattr(raised, "row", row), _cause(raised))
    detail = _cause(raised) or in_words(raised)[:_MAX_DETAIL]
    if header["op"] in {"load", "inspect"}:
        return Failure("artifact-unreadable", _short(in_words(raised)), None, detail)
    return Failure("model-failed", _without_values(raised), row, detail)


def _short(text: str) -> str:
    return plain(text)[:_MAX_MESSAGE]


def _without_values(error: Exception) -> str:
    """What it is; its own words may quote the rows that the model was given."""
    if isinstance(error, MemoryError | ModuleNotFoundError):
        return _short(in_words(error))
    if isinstance(error, UnseenCategory | PredictionFailed):
        return _short(str(error))
    return f"the model raised {type(error).__name__[:100]} (its words are in the execution's log)"


def _cause(error: Exception) -> str:
    """What a library said, where our words stand for it."""
    return in_words(error.__cause__)[:_MAX_DETAIL] if error.__cause__ is not None else ""
