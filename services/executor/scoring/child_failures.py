"""How the end of a model's process is told, by what it was asked."""

from typing import Final

from chassis.sandbox.errors import ChildDied
from services.executor.scoring.reading import LoadedChunk

GARBLED: Final = "the model's process gave no readable answer"
_DOES: Final = {
    "load": "loaded the model",
    "score": "scored with the model",
    "footer": "read the input's footers",
    "head": "read the input's header lines",
    "layout": "looked at the input's columns",
    "begin_range": "looked through the input's records",
    "range": "looked through the input's records",
    "bytes": "looked through the input's records",
    "number": "numbered the rejected rows",
}
_OF_THE_INPUT: Final = frozenset({"footer", "head", "layout", "begin_range", "range", "bytes"})
_OF_THE_MODEL: Final = frozenset({"load", "begin", "end"})


def crash_code(op: str) -> str:
    """Whose fault it is: the input's where nothing of the model's was asked."""
    return "input-corrupt" if op in _OF_THE_INPUT else "model-crashed"


def crash(op: str, died: ChildDied) -> str:
    return f"the process that {_DOES[op]} ended ({died})" if op in _DOES else f"its process ended ({died})"


def told_with_place(op: str, model: str, what: str, loaded: LoadedChunk | None, row: int | None = None) -> str:
    """`what` happened with the object, and the row, or the model, that it happened at."""
    if loaded is not None:
        return loaded.place(what, row)
    return f"{model}: {what}" if op in _OF_THE_MODEL else what
