"""`leaktop cut FILE --from T --to T -o OUT`: a piece of a recording, to be kept or shown to others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from leaktop.cli.moments import add_span, span
from leaktop.cli.opening import open_recording
from leaktop.cli.saying import complain, say
from leaktop.private_file import remove_private
from leaktop.recording.cut import copy_span
from leaktop.recording.file import RecordingFile
from leaktop.recording.reader import RecordingError
from leaktop.units import human_bytes, human_duration
from leaktop.view.cells import safe

if TYPE_CHECKING:
    from leaktop.cli.moments import Span
    from leaktop.recording.cut import Piece
    from leaktop.recording.reader import Recording
    from leaktop.recording.redact import Redactor


def add_parser(verbs: Any) -> None:
    """The options of `cut`."""
    parser = verbs.add_parser(
        "cut",
        help="write a piece of a recording to a new file",
        description=(
            "Write a piece of a recording to a new file. It begins with the newest sample of every probe, and replays "
            "alone. --redact replaces the names of hosts, processes, users, files, mounts and control groups, all "
            "addresses, the contents of leaked objects and the text of marks, the same original always by the same "
            "stand-in; figures, times, pids, ports and the kernel's own names stay."
        ),
    )
    parser.add_argument("file", metavar="FILE", help="a recording, or a directory of captures")
    add_span(parser, "cut")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="a new file")
    parser.add_argument("--redact", action="store_true", help="without names, addresses and kernel pointers")
    parser.set_defaults(run=run)


def run(choices: argparse.Namespace) -> int:
    """Write the piece, say what it holds, and return 0; 1 where it is not whole, 2 where there is none."""
    redactor: Redactor | None = None
    if choices.redact:
        from leaktop.recording.redact import Redactor

        redactor = Redactor()
    try:
        recording = open_recording(choices.file)
        ticks = span(recording, choices.begin, choices.end)
        file = RecordingFile(choices.output)
    except (RecordingError, ValueError) as error:
        return complain(error)
    except FileExistsError:
        return complain(f"{choices.output}: there is something of that name already, which is left alone")
    except OSError as error:
        return complain(f"{choices.output}: {error.strerror or error}")
    try:
        piece = copy_span(recording, ticks.first, ticks.last, file, redactor)
    except BaseException:
        file.close()
        remove_private(choices.output)
        raise
    trouble = file.close()
    lost = max(_lost(recording, ticks), piece.lost)
    print(safe(_words(choices.output, piece, file.size, lost, is_redacted=choices.redact)))
    if trouble:
        say(f"{choices.output}: {trouble}")
        return 1
    return 0


def _lost(recording: Recording, ticks: Span) -> int:
    """Ticks of a span that are damaged, as far as the recording says how many they were."""
    return sum(
        damage.ticks or 0
        for damage in recording.damage
        if damage.first and damage.last and damage.first.wall <= ticks.until and damage.last.wall >= ticks.since
    )


def _words(path: str, piece: Piece, size: int, lost: int, *, is_redacted: bool) -> str:
    sessions = f" in {piece.sessions} sessions" if piece.sessions > 1 else ""
    damaged = f"; {lost} damaged ticks left out" if lost else ""
    redacted = ", redacted" if is_redacted else ""
    events = f", {piece.events} events" if piece.events else ""
    return (
        f"{path}: {piece.ticks} ticks{sessions}, {human_duration(piece.seconds)}, {human_bytes(size)}"
        f"{events}{redacted}{damaged}"
    )
