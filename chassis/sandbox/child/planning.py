"""An input looked at before it is scored: each object's columns, then one layout for all of them."""

from dataclasses import dataclass, field

import pyarrow as pa

from .csv_dialect import DELIMITERS, CsvDialect, HeaderUnreadable, charset_of, header_of
from .footers import read_footer
from .layout import InputUnfit, Layout, Wanted, make_layout


@dataclass
class Planning:
    """One input, object by object."""

    wanted: Wanted
    _schemas: list[tuple[str, pa.Schema]] = field(default_factory=list[tuple[str, pa.Schema]])

    def footer(self, key: str, raw: bytes, size_bytes: int) -> list[tuple[int, int, int]]:
        """Rows and stretch of each row group. Raises: InputUnfit."""
        schema, groups = read_footer(key, raw, size_bytes)
        self._schemas.append((key, schema))
        return groups

    def head(self, key: str, raw: bytes, content_type: str | None) -> CsvDialect:
        """How a CSV object that begins with `raw` is read. Raises: InputUnfit."""
        try:
            dialect = self._dialect(raw, content_type)
        except HeaderUnreadable as error:
            raise InputUnfit("input-corrupt", f"{key}: {error}") from error
        if dialect.names:
            self._schemas.append((key, pa.schema([(name, pa.string()) for name in dialect.names])))
        return dialect

    def layout(self) -> Layout:
        """Raises: InputUnfit."""
        if not self._schemas:
            raise InputUnfit("input-empty", f"{self.wanted.uri} has no rows")
        return make_layout(self.wanted, self._schemas)

    def _dialect(self, raw: bytes, content_type: str | None) -> CsvDialect:
        if not raw:
            return CsvDialect(DELIMITERS[0], ())
        charset = charset_of(content_type)
        known = [column.name for column in self.wanted.inputs] + list(self.wanted.keep or ())
        header = header_of(raw, charset, known)
        return CsvDialect(header.delimiter, header.names, charset)
