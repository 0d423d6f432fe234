"""A CSV file that is written whole or not at all."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_csv(path: Path, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write the table beside its place, then move it there. Raises `OSError`."""
    fresh = path.with_name(path.name + ".part")
    try:
        with open(fresh, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(heads)
            table.writerows(rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
