"""`leaktop export FILE --format jsonl|csv|parquet`: what was recorded, as tables for pandas, DuckDB, Spark."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from leaktop.cli.moments import add_span, span
from leaktop.cli.opening import open_recording
from leaktop.cli.saying import complain
from leaktop.cli.table_forms import Csv, JsonLines, Parquet
from leaktop.cli.tables import table_rows
from leaktop.engine.sections import SECTIONS
from leaktop.private_file import create_private, remove_private
from leaktop.recording.reader import RecordingError

if TYPE_CHECKING:
    from typing import BinaryIO

    from leaktop.cli.moments import Span
    from leaktop.cli.table_forms import Form
    from leaktop.recording.reader import Recording

_NAMES = [rule.name for rule in SECTIONS]


def add_parser(verbs: Any) -> None:
    """The options of `export`."""
    parser = verbs.add_parser(
        "export",
        help="write what was recorded as tables: JSON Lines, CSV, Parquet",
        description=(
            "Write what was recorded as tables, one a section: a row for each cache, caller, socket, process, mount or "
            "line of meminfo at each tick at which it was read. JSON Lines may hold all sections, told apart by "
            "`section`. In CSV a text that begins with = + - @, tab or carriage return gets an apostrophe in front, so "
            "that no spreadsheet runs it. Lists are JSON. Parquet takes pyarrow."
        ),
    )
    parser.add_argument("file", metavar="FILE", help="a recording, or a directory of captures")
    parser.add_argument("--format", choices=["jsonl", "csv", "parquet"], default="jsonl", help="default: jsonl")
    parser.add_argument("--section", choices=_NAMES, metavar="S", help=f"only this one: {', '.join(_NAMES)}")
    parser.add_argument("-o", "--output", default="-", metavar="OUT", help="a new file; - for standard output")
    add_span(parser, "export")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Write the tables, and return 0; 2 where there are none to be written."""
    is_stdout = choices.output == "-"
    if choices.format != "jsonl" and choices.section is None:
        return complain(f"--format {choices.format} holds one table: say --section {{{','.join(_NAMES)}}}")
    if choices.format == "parquet":
        if is_stdout and sys.stdout.isatty():
            return complain("Parquet is not for a terminal; say -o FILE, or pipe it")
        try:
            import pyarrow.parquet  # noqa: F401  # whether it is there
        except ImportError:
            return complain("Parquet takes pyarrow, which is not installed: pip install pyarrow")
    try:
        recording = open_recording(choices.file)
        ticks = span(recording, choices.begin, choices.end)
    except (RecordingError, ValueError) as error:
        return complain(error)
    if is_stdout:
        sys.stdout.flush()
        _export(recording, ticks, choices, sys.stdout.buffer)
        return 0
    try:
        descriptor = create_private(choices.output)
    except FileExistsError:
        return complain(f"{choices.output}: there is something of that name already, which is left alone")
    except OSError as error:
        return complain(f"{choices.output}: {error.strerror or error}")
    try:
        with open(descriptor, "wb") as out:
            _export(recording, ticks, choices, out)
    except BaseException:
        remove_private(choices.output)
        raise
    return 0


def _export(recording: Recording, ticks: Span, choices: argparse.Namespace, out: BinaryIO) -> None:
    form = _form(choices, out)
    for row in table_rows(recording, ticks, choices.section):
        form.row(row)
    form.close()


def _form(choices: argparse.Namespace, out: BinaryIO) -> Form:
    if choices.format == "csv":
        return Csv(out, choices.section)
    return Parquet(out, choices.section) if choices.format == "parquet" else JsonLines(out)
