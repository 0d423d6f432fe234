"""Questions about links by the target's ids read the index, however many links there are."""

from __future__ import annotations

from typing import Any

import pytest

from selaras.ledger import Ledger


@pytest.mark.parametrize("ask", ["linked", "links_page"])
def test_links_are_found_through_their_index(sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch, ask: str) -> None:
    db = sqlite_ledger.db
    asked: list[tuple[str, Any]] = []
    rows = db.rows

    def heard(sql: str, params: Any = ()) -> Any:
        asked.append((sql, params))
        return rows(sql, params)

    monkeypatch.setattr(db, "rows", heard)
    if ask == "linked":
        sqlite_ledger.postings.linked("books", "invoice", ["I1", "I2"])
    else:
        sqlite_ledger.postings.links_page("books", "invoice", "", 100)
    ((sql, params),) = asked
    plan = " ".join(str(row) for row in rows(f"EXPLAIN QUERY PLAN {sql}", params))
    assert "one_link_per_document" in plan
    assert "TEMP B-TREE" not in plan
