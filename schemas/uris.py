"""Where objects lie: one bucket or folder for each use, no step out of it."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from schemas.scalars import Matches

_LOGICAL_DATE: Final = r"\{\{ ds \}\}"


def _under(root: str, *, logical_date: bool = False) -> Matches:
    """An object, or a prefix (it ends in a slash), below `root`, which ends in a slash itself."""
    char = r"[^/\\?#{}\x00-\x1f\x7f]"
    text = rf"(?:{char}|{_LOGICAL_DATE})+" if logical_date else f"{char}+"
    segment = rf"(?!\.{{1,2}}(?:/|$)){text}"
    allowed = " but {{ ds }}" if logical_date else ""
    return Matches(
        pattern=f"^{root}(?:{segment}/)*(?:{segment}/?)$",
        message=f"must lie under {root}, without empty, . or .. segments and none of \\ ? # {{ }}{allowed}",
    )


TRIES: Final = "s3://datasets/tries/"
"""Where the rows of tries lie, for as long as they are needed."""

_MAX: Final = StringConstraints(max_length=1024)

IncomingUri = Annotated[str, _MAX, _under("s3://models/incoming/")]
ModelUri = Annotated[str, _MAX, _under("s3://models/sha256/")]
DatasetUri = Annotated[str, _MAX, _under("s3://datasets/")]
InputUri = Annotated[str, _MAX, _under("s3://datasets/", logical_date=True)]
ResultUri = Annotated[
    str,
    _MAX,
    _under("s3://results/"),
    Field(description="An object or a prefix in the bucket `results`."),
]
