"""`leaktop import`: a recording made of what people already have: captured trees, logs, sosreports."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from leaktop.cli.converting import convert
from leaktop.cli.opening import is_series
from leaktop.cli.saying import complain, say
from leaktop.cli.signals import heed, leave
from leaktop.recording.file import RecordingFile
from leaktop.sources.series import FORMS, SeriesError, open_series
from leaktop.units import human_bytes, human_duration
from leaktop.view.cells import safe

if TYPE_CHECKING:
    import argparse


def add_parser(verbs: Any) -> None:
    """The options of `import`."""
    parser = verbs.add_parser(
        "import",
        help="make a recording of captured trees, logs or sosreports",
        description=f"Make a recording of captures; {FORMS}.",
    )
    parser.add_argument("series", nargs="+", metavar="SERIES", help="a directory, a tar of one, a log, a sosreport")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="a new file")
    parser.set_defaults(run=run)


class _File(RecordingFile):
    """A file that gives up where a recorder would wait for room: what is imported can be imported again."""

    def piece(self, piece: bytes) -> None:
        """Append what comes next.

        Raises:
            OSError: there is no room for it.
        """
        super().piece(piece)
        if self.trouble is not None:
            raise OSError(errno.ENOSPC, f"{self.trouble}; what is written can be read", self.path)


def run(choices: argparse.Namespace) -> int:
    """Read the captures and write the recording.

    Returns:
        0; 1 where the recording could not be completed, 2 where there is nothing to make one of.
    """
    files: list[_File] = []
    heed(leave)

    def make_file() -> _File:
        files.append(_File(choices.output))
        return files[0]

    try:
        for path in choices.series:
            if not is_series(path):
                return complain(f"{path}: it is a leaktop recording already; leaktop replay {path} shows it")
        if os.path.lexists(choices.output):
            return complain(f"{choices.output}: there is such a file already, and it is left alone")
        with open_series(choices.series) as series:
            converted = convert(series, make_file)
            notes = series.notes
    except SeriesError as error:
        return complain(error)
    except OSError as error:
        status = complain(f"{error.filename or choices.output}: {error.strerror or error}")
        if files:
            files[0].close()
        return 1 if files else status
    trouble = files[0].close()
    for note in notes:
        say(note)
    if trouble:
        say(f"{choices.output}: {trouble}")
        return 1
    machines = f" of {converted.sessions} sessions" if converted.sessions > 1 else ""
    print(
        f"{safe(choices.output)}: {converted.ticks} tick{'' if converted.ticks == 1 else 's'}{machines}, "
        f"{human_duration(converted.seconds)}, {human_bytes(files[0].size)}"
    )
    return 0
