"""A report: what was concluded about a machine, as a file to read, to print, or to attach to a bug report.

One file a format, each with `render`; what they say alike (facts, curves, words) stands in files of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from leaktop.engine.digest import Digest
    from leaktop.model.diagnosis import Diagnosis


class Report(NamedTuple):
    """What every format is made of. Kernel text in it is raw."""

    digest: Digest
    diagnosis: Diagnosis
    source: str
    """What was read: the name of a file; empty for this machine, live."""
    version: str
    """Of the leaktop that reports."""
