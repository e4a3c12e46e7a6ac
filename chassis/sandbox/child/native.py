"""Errors of native libraries: a sentence of ours stands for their traces, paths and values; those are its cause."""

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
        raise error from original
