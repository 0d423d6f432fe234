"""The picture of the house is the house: docs/architecture.md shows the table that the walls enforce."""

from __future__ import annotations

import re

from tests.house.walls import ALLOWED, ROOT

BEGIN, END = "<!-- walls:begin -->", "<!-- walls:end -->"


def drawn() -> dict[str, frozenset[str]]:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.split(BEGIN)[1].split(END)[0]
    rooms = {}
    for line in table.strip().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.fullmatch(r"`(\w+)/`", cells[0])
        if name:
            rooms[name[1]] = frozenset(re.findall(r"`(\w+)`", cells[-1]))
    return rooms


def test_the_rooms_table_is_the_one_that_is_enforced() -> None:
    assert drawn() == ALLOWED
