"""How tables are written: JSON Lines, CSV, Parquet. All stream; none holds more than some thousand rows."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from leaktop.cli.moments import iso
from leaktop.cli.tables import columns_of, flat
from leaktop.view.cells import visible

if TYPE_CHECKING:
    from typing import BinaryIO

    from leaktop.cli.tables import Kind, TableRow

_BATCH = 16384
"""Rows of a row group."""
_FORMULA = re.compile(r"(?:^|(?<=;))(?=[=+\-@＝＋－＠])")
"""Where one may begin; East Asian spreadsheets take the wide signs as well."""
_INTEGERS = range(-(1 << 63), 1 << 63)


class Form(Protocol):
    """Takes rows and writes them."""

    def row(self, row: TableRow) -> None:
        """Write one row."""

    def close(self) -> None:
        """Write what is left; the stream stays open."""


class JsonLines:
    """A JSON object a row, with the section's name in it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._names: dict[str, list[str]] = {}

    def row(self, row: TableRow) -> None:
        """Write one row."""
        names = self._names.get(row.section)
        if names is None:
            names = self._names[row.section] = list(columns_of(row.section))
        body = {"time": iso(row.wall), "mono": row.mono, "section": row.section}
        body.update(zip(names, row.values, strict=True))
        self._out.write(json.dumps(body, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Nothing is left."""


class Csv:
    """RFC 4180, in UTF-8, a line a row: control characters in a name are escapes, tabs and ends of lines too.

    What a spreadsheet would run as a formula gets an apostrophe in front (OWASP, "CSV Injection"), also where a cell
    begins for one that takes semicolons for commas. JSON Lines has names as they are.

    Args:
        out: where it goes.
        section: whose table it is.
    """

    def __init__(self, out: BinaryIO, section: str) -> None:
        self._columns: dict[str, Kind] = columns_of(section)
        self._writer = csv.writer(_Utf8(out))
        self._writer.writerow(["time", "mono", *self._columns])

    def row(self, row: TableRow) -> None:
        """Write one row."""
        cells = map(self._cell, flat(self._columns, row.values))
        self._writer.writerow([iso(row.wall), row.mono, *cells])

    def close(self) -> None:
        """Nothing is left."""

    def _cell(self, value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        return _FORMULA.sub("'", visible(value)) if isinstance(value, str) else value


class Parquet:
    """Apache Parquet, with the types of the records.

    Args:
        out: where it goes.
        section: whose table it is.

    Raises:
        ImportError: pyarrow is not installed.
    """

    def __init__(self, out: BinaryIO, section: str) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._arrow = pa
        self._columns: dict[str, Kind] = columns_of(section)
        types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "truth": pa.bool_()}
        fields = [("time", pa.timestamp("ms", tz="UTC")), ("mono", pa.float64())]
        fields += [(name, types.get(kind, pa.string())) for name, kind in self._columns.items()]
        self._schema = pa.schema(fields)
        self._sink = pa.PythonFile(_Counting(out), mode="w")
        self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._rows: list[list[Any]] = []

    def row(self, row: TableRow) -> None:
        """Take one row; every so many of them become a row group."""
        values = [None if type(value) is int and value not in _INTEGERS else value for value in row.values]
        self._rows.append([round(row.wall * 1000), row.mono, *flat(self._columns, values)])
        if len(self._rows) >= _BATCH:
            self._write()

    def close(self) -> None:
        """Write what is left, and the footer."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if not self._rows:
            return
        columns = [
            self._arrow.array(column, type=field.type)
            for column, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
        self._rows = []


class _Utf8:
    """A stream that takes text. Not a TextIOWrapper: that would close standard output where its reader goes away."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        """Write all of it."""
        return self._out.write(text.encode())


class _Counting:
    """A stream that knows how much went into it: Parquet notes where its parts lie, and a pipe cannot say."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._position = 0
        self.closed = False

    def write(self, piece: Any) -> int:
        """Write all of it."""
        size = memoryview(piece).nbytes
        self._out.write(piece)
        self._position += size
        return size

    def tell(self) -> int:
        """Bytes so far."""
        return self._position

    def flush(self) -> None:
        """Hand on what waits."""
        self._out.flush()

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def readable(self) -> bool:
        """It is not for reading."""
        return False

    def seekable(self) -> bool:
        """It goes one way."""
        return False

    def close(self) -> None:
        """The stream itself stays open."""
        self.closed = True
