"""The claim reads the two partial indexes, not the table, whatever the database knows about it.

With the wrong index a claim on PostgreSQL was a hash anti-join over the backlog: 24 postings a second instead of
500 (reference/engine.md §3, "Beware the plan").
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from selaras.ledger import Ledger
from selaras.ledger.postings import Postings
from tests.ledger.tools import NOW, claim, plan, posting

BACKLOG = 40_000


def fill(ledger: Ledger) -> None:
    """As many postings done as waiting, two of each stream; each waits for a contact of its own that is done."""
    plan(
        ledger,
        posting("seed", "sales_order", needs="contact:0"),
        posting("seed", "invoice", needs="contact:0"),
    )
    for state, count, keys in ((2, BACKLOG, ("sales_order",)), (0, BACKLOG // 2, ("sales_order", "invoice"))):
        for key in keys:
            ledger.db.run(
                f"""WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {count})
                INSERT INTO posting (target, stream, key, version, kind, op, connection, record_kind, record_id,
                reference, document, digest, needs, total, currency, state, due, tries, reason, created_at)
                SELECT p.target, 'order:{state}:' || g.n, p.key, p.version, p.kind, p.op, p.connection,
                p.record_kind, CAST(g.n AS TEXT), p.reference, p.document, p.digest, 'contact:' || (g.n % 5000),
                p.total, p.currency, {state}, p.due + g.n, 0, p.reason, p.created_at
                FROM posting p, g WHERE p.stream = 'seed' AND p.key = ?""",
                (key,),
            )


def sqlite_plan(ledger: Ledger, limit: int) -> list[str]:
    rows = ledger.db.rows(f"EXPLAIN QUERY PLAN {Postings(ledger.db)._claim}", ("books", NOW + 10**9, limit, NOW))
    return [str(row[3]) for row in rows]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


def postgres_plan(ledger: Ledger, limit: int) -> list[dict[str, Any]]:
    sql = Postings(ledger.db)._claim
    for number in range(1, 5):
        sql = sql.replace("?", f"${number}", 1)
    # Prepared statements may be planned once for all values; that plan must be good as well.
    ledger.db.run("SET plan_cache_mode = force_generic_plan")
    ledger.db.run(f"PREPARE the_claim (text, bigint, bigint, bigint) AS {sql}")
    try:
        rows = ledger.db.rows(
            f"EXPLAIN (FORMAT JSON) EXECUTE the_claim ('books', {NOW + 10**9}, {limit}, {NOW})"  # values, not text
        )
    finally:
        ledger.db.run("DEALLOCATE the_claim")
        ledger.db.run("RESET plan_cache_mode")
    found = rows[0][0]
    return nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])


@pytest.mark.parametrize("limit", [1, 50])
def test_a_claim_from_a_large_backlog_reads_the_partial_indexes(ledger: Ledger, limit: int) -> None:
    fill(ledger)
    for known in (False, True):  # before and after the database has counted its rows
        if known:
            ledger.db.run("ANALYZE")
        if ledger.db.dialect == "sqlite":
            steps = sqlite_plan(ledger, limit)
            assert [s for s in steps if s.startswith("SEARCH p ") and "posting_due" in s], steps
            assert [s for s in steps if s.startswith("SEARCH q ") and "posting_queue" in s], steps
            assert [s for s in steps if s.startswith("SEARCH c ") and "posting_queue" in s], steps
            assert not [s for s in steps if s.split()[0] == "SCAN" and s != "SCAN chosen"], steps
            assert not [s for s in steps if "TEMP B-TREE FOR ORDER BY" in s], steps
        else:
            tree = postgres_plan(ledger, limit)
            used = {(node.get("Alias"), node.get("Index Name")) for node in tree}
            assert used >= {
                ("p", "posting_due"),
                ("q", "posting_queue"),
                ("c", "posting_queue"),
                ("posting", "posting_pkey"),
            }, (known, used)
            wrong = [n for n in tree if n["Node Type"] in ("Seq Scan", "Sort") or "Join" in n["Node Type"]]
            assert not wrong, (known, wrong)
    first = claim(ledger, NOW + 10**9, limit=limit)
    assert len(first) == limit
    assert len({c.stream for c in first}) == limit


def test_the_limit_holds_whatever_the_planner_chooses(ledger: Ledger) -> None:
    """As a plain sub-select the choice could be made once for each row, and every row would be chosen at last."""
    if ledger.db.dialect == "postgres":
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize", "indexscan", "bitmapscan"):
            ledger.db.run(f"SET enable_{way} = off")
    plan(ledger, *(posting(f"s{number}") for number in range(10)))
    assert [len(claim(ledger, limit=2)) for _ in range(6)] == [2, 2, 2, 2, 2, 0]
