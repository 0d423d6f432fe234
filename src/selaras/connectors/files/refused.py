"""The report of what was refused, as a table that opens in any spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from selaras.connectors.files.cells import safe
from selaras.connectors.files.rows import Fault

HEADER = ("line", "column", "value", "why", "cure", "taken")


def report_of(faults: Sequence[Fault]) -> bytes:
    """One line for each fault; a header alone when nothing is refused any more."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    for fault in faults:
        taken = "yes" if fault.warning else "no"
        writer.writerow([str(fault.line or ""), *map(safe, (fault.column, fault.value, fault.why, fault.cure)), taken])
    return out.getvalue().encode("utf-8-sig")
