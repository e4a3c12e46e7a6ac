"""Ops on an input before it is scored: `plan`, then `footer` or `head` for each object, then `layout`."""

import json
from typing import Any

from .csv_dialect import can_be_cut
from .layout import Wanted
from .ops import Link, Op, columns_of
from .packing import pack_texts, pack_whole
from .planning import Planning


class PlanningOps:
    """One plan at a time. What stands in no header is opaque to the parent, or of a fixed layout."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._planning: Planning | None = None
        self.ops: dict[str, Op] = {
            "plan": self._plan,
            "footer": self._footer,
            "head": self._head,
            "layout": self._layout,
        }

    def _plan(self, _: dict[str, Any], pieces: list[memoryview]) -> None:
        asked = json.loads(bytes(pieces[0]))
        wanted = Wanted(
            model=asked["model"],
            uri=asked["uri"],
            inputs=columns_of(asked["inputs"]),
            outputs=columns_of(asked["outputs"]),
            keep=None if asked["keep"] is None else tuple(asked["keep"]),
        )
        self._planning = Planning(wanted)
        self._link.tell({})

    def _footer(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        groups = self._planned.footer(header["key"], bytes(pieces[0]), header["size_bytes"])
        self._link.tell({}, pack_whole(number for group in groups for number in group))

    def _head(self, header: dict[str, Any], pieces: list[memoryview]) -> None:
        raw = bytes(pieces[0])
        dialect = self._planned.head(header["key"], raw, header["content_type"])
        found = {"columns": len(dialect.names), "can_be_cut": can_be_cut(raw, dialect.charset)}
        self._link.tell(found, dialect.to_bytes())

    def _layout(self, _: dict[str, Any], __: list[memoryview]) -> None:
        layout = self._planned.layout()
        kept = [text for field in layout.kept for text in (field.name, str(field.type))]
        left_out = layout.left_out(self._planned.wanted)
        self._link.tell({}, layout.to_bytes(), pack_texts(kept), pack_texts(left_out))

    @property
    def _planned(self) -> Planning:
        if self._planning is None:
            raise LookupError("no plan was begun")
        return self._planning
