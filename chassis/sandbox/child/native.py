"""Errors of native libraries: their traces, paths and values go to the model's log, a sentence of ours to its owner."""

import sys
from collections.abc import Generator
from contextlib import contextmanager


class UnreadableModel(Exception):
    """The file is damaged, or of another kind; the text says what to do."""


class PredictionFailed(Exception):
    """The library gave up on rows."""


@contextmanager
def told_as(error: Exception) -> Generator[None]:
    """Whatever is raised inside becomes `error`; but memory that is used up stays that."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as original:
        sys.stderr.write(f"{original}\n")
        raise error from original
